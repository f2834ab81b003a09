/** Reads a request body up to a bound. */

/** The text; undefined as soon as it is known to be longer than that. */
export async function readBody(request: Request, bytesMax: number): Promise<string | undefined> {
  const announced = request.headers.get('content-length')
  if (announced !== null) return Number(announced) > bytesMax ? undefined : request.text()
  if (request.headers.has('transfer-encoding')) return readChunks(request, bytesMax)
  // Made in this process, so it is in memory already, whatever its size.
  const text = await request.text()
  return Buffer.byteLength(text) > bytesMax ? undefined : text
}

async function readChunks(request: Request, bytesMax: number): Promise<string | undefined> {
  if (request.body === null) return ''
  const chunks: Uint8Array[] = []
  let bytes = 0
  const reader = request.body.getReader()
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return Buffer.concat(chunks).toString('utf8')
    bytes += value.byteLength
    if (bytes > bytesMax) {
      await reader.cancel()
      return undefined
    }
    chunks.push(value)
  }
}
