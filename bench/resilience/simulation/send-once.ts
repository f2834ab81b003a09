import { AnswerError, type Server } from './server.ts'

/** One request, and an error for what is no 2xx. */
export async function sendOnce(server: Server): Promise<number> {
  const status = await server.request()
  if (status >= 300) throw new AnswerError(status)
  return status
}
