/** The disk side of the bare log. An empty group ends it. */
import { closeSync, fdatasyncSync, openSync, readFileSync, writeSync } from 'node:fs'
import { parentPort, workerData } from 'node:worker_threads'

import type { LogAnswer } from './bare-log.ts'

const { path } = workerData as { readonly path: string }
const LENGTH_BYTES = 4
/** UTF-8 takes at most this for one UTF-16 unit. */
const BYTES_PER_UNIT_MAX = 3

const file = openSync(path, 'w')
let buffer = Buffer.alloc(1 << 20)

function encode(texts: readonly string[]): Buffer {
  const bytesMax = texts.reduce((sum, text) => sum + LENGTH_BYTES + text.length * BYTES_PER_UNIT_MAX, 0)
  if (bytesMax > buffer.length) buffer = Buffer.alloc(2 * bytesMax)
  let at = 0
  for (const text of texts) {
    const bytes = buffer.write(text, at + LENGTH_BYTES)
    buffer.writeUInt32LE(bytes, at)
    at += LENGTH_BYTES + bytes
  }
  return buffer.subarray(0, at)
}

function countStored(): number {
  const log = readFileSync(path)
  let stored = 0
  for (let at = 0; at < log.length; at += LENGTH_BYTES + log.readUInt32LE(at)) stored++
  return stored
}

function answer(message: LogAnswer): void {
  parentPort?.postMessage(message)
}

parentPort?.on('message', (texts: readonly string[]) => {
  if (texts.length === 0) {
    closeSync(file)
    answer({ stored: countStored() })
    parentPort?.close()
    return
  }
  writeSync(file, encode(texts))
  fdatasyncSync(file)
  answer({})
})
