/** An answer that nobody reads holds its connection until its body is given up. */
import { memberOf } from '../runtime/network-error.ts'

/** Gives up the body of an answer that is not the one the caller gets. Does nothing to any other value. Never throws. */
export function discardAnswer(value: unknown): void {
  if (typeof value !== 'object' || value === null) return
  const body = memberOf(value, 'body')
  if (body instanceof ReadableStream && !body.locked) body.cancel().catch(() => undefined)
}
