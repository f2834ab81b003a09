/** Writes a `Response` to a socket. Whether the connection goes on afterwards was decided before. */
import type { OutgoingHttpHeaders, ServerResponse } from 'node:http'

import { type AnswerParts, type Breakage, breakageOf, partsOf } from './answer.ts'

/** Set here, whatever a handler says of them. */
const FRAMING = new Set(['connection', 'keep-alive', 'transfer-encoding', 'upgrade', 'trailer'])

/** Whether the handler wants this to be the last answer of its connection. */
export function wantsClose(response: Response): boolean {
  const parts = partsOf(response)
  const said = parts === undefined ? response.headers.get('connection') : parts.headers['connection']
  return said !== null && said !== undefined && /\bclose\b/i.test(said)
}

/** Resolves once everything was handed to the socket. Rejects when a header is not valid, or the body fails. */
export function writeAnswer(response: Response, outgoing: ServerResponse): Promise<void> | void {
  const parts = partsOf(response)
  if (parts !== undefined) return writeParts(parts, outgoing)
  const breakage = breakageOf(response)
  if (breakage !== undefined) return breakConnection(breakage, outgoing)
  return writeNative(response, outgoing)
}

export function writeParts({ status, headers, body }: AnswerParts, outgoing: ServerResponse): void {
  const head = headOf(headers)
  const bytes = body === null ? 0 : typeof body === 'string' ? Buffer.byteLength(body) : body.byteLength
  if (status !== 204 && status !== 304) head['content-length'] = bytes
  outgoing.writeHead(status, head)
  outgoing.end(body ?? undefined)
}

function headOf(headers: AnswerParts['headers']): OutgoingHttpHeaders {
  const head: OutgoingHttpHeaders = {}
  for (const name in headers) if (!FRAMING.has(name)) head[name] = headers[name]
  return head
}

async function writeNative(response: Response, outgoing: ServerResponse): Promise<void> {
  const { status, headers, body } = response
  const head = Object.fromEntries(headers)
  const cookies = headers.getSetCookie()
  const more: OutgoingHttpHeaders = cookies.length > 0 ? { 'set-cookie': cookies } : {}
  if (body === null) {
    writeParts({ status, headers: head, body: null }, outgoing)
    return
  }
  const reader = body.getReader()
  try {
    const first = await reader.read()
    // A body that is in memory is one chunk, and its end is known within a turn: it gets a length.
    const second = reader.read()
    const soon = first.done ? first : await Promise.race([second, nextTurn()])
    const known = soon?.done === true ? { 'content-length': first.value?.byteLength ?? 0 } : {}
    outgoing.writeHead(status, { ...headOf(head), ...more, ...known })
    if (first.value !== undefined) await write(first.value, outgoing)
    for (let part = await second; !part.done; part = await reader.read()) {
      if (outgoing.destroyed) return
      await write(part.value, outgoing)
    }
    outgoing.end()
  } finally {
    // Nothing to cancel when it was read to its end.
    reader.cancel().catch(() => undefined)
  }
}

function nextTurn(): Promise<undefined> {
  return new Promise((resolve) => {
    setImmediate(() => resolve(undefined))
  })
}

/** Waits while the client takes nothing; the sweep ends it if that lasts. */
function write(bytes: Uint8Array, outgoing: ServerResponse): Promise<void> | void {
  if (outgoing.write(bytes) || outgoing.destroyed) return
  return new Promise((resolve) => {
    const done = (): void => {
      outgoing.off('drain', done).off('close', done)
      resolve()
    }
    outgoing.on('drain', done).on('close', done)
  })
}

function breakConnection(breakage: Breakage, outgoing: ServerResponse): void {
  switch (breakage.kind) {
    case 'half': {
      const { status, headers, body } = breakage.parts
      outgoing.writeHead(status, { ...headOf(headers), 'content-length': Buffer.byteLength(body ?? '') })
      outgoing.write(breakage.sent, () => outgoing.destroy())
      return
    }
    case 'reset':
      outgoing.socket?.resetAndDestroy()
      return
    case 'end':
      outgoing.destroy()
      return
  }
}
