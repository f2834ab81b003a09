/** Bad lines, kept beside the file: `FILE.rejected.ndjson`, each with its number, what is wrong with it, and the line itself. */
import { closeSync, fsyncSync, ftruncateSync, openSync, rmSync, statSync, writeSync } from 'node:fs'

import type { Rejection } from './import-unit.ts'

export interface RejectedFile {
  readonly path: string
  readonly bytes: number
  write(rejections: readonly Rejection[]): void
  close(): void
}

/** Of what is said of one line. */
const PROBLEMS_MAX = 5

export function rejectedPath(file: string): string {
  return `${file}.rejected.ndjson`
}

/** Made with the first bad line. @param bytes what is kept of an earlier run; the rest belongs to lines that are read again. */
export function openRejected(file: string, bytes: number): RejectedFile {
  const path = rejectedPath(file)
  let handle: number | undefined
  let size = bytes
  if (bytes === 0) rmSync(path, { force: true })
  const open = (): number => {
    if (handle !== undefined) return handle
    handle = openSync(path, 'a')
    // Shorter than remembered only if somebody cut it: then what is left stays.
    size = Math.min(size, statSync(path).size)
    ftruncateSync(handle, size)
    return handle
  }
  if (bytes > 0) open()
  return {
    path,
    get bytes() {
      return size
    },
    write(rejections) {
      if (rejections.length === 0) return
      const text = rejections.map((rejection) => `${JSON.stringify(lineOf(rejection))}\n`).join('')
      const target = open()
      size += writeSync(target, text)
      // On the disk before the progress that counts it.
      fsyncSync(target)
    },
    close() {
      if (handle !== undefined) closeSync(handle)
      handle = undefined
    },
  }
}

function lineOf({ line, problems, raw }: Rejection): object {
  const [first] = problems
  return {
    line,
    reason: first?.reason ?? 'refused',
    field: first?.field ?? 'line',
    message: first?.message ?? 'was refused',
    ...(problems.length > 1 ? { more: problems.slice(1, PROBLEMS_MAX) } : {}),
    text: raw,
  }
}
