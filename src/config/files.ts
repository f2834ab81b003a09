/** Reads a small file of text, with a bound. */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs'

export interface FileText {
  readonly text: string
  /** Everybody on the machine may read it. */
  readonly worldReadable: boolean
}

/** Gives the text, or says why not in words that follow "cannot be read: ". Tests give their own. */
export type ReadFile = (path: string, bytesMax: number) => FileText | { readonly unreadable: string }

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EACCES: 'this user may not read it',
  EPERM: 'this user may not read it',
  EISDIR: 'it is a folder',
  ENOTDIR: 'a part of its path is no folder',
  ELOOP: 'its links go round in a circle',
  ENAMETOOLONG: 'its name is too long',
}

export function readSmallFile(path: string, bytesMax: number): FileText | { readonly unreadable: string } {
  let file: number
  try {
    file = openSync(path, 'r')
  } catch (error) {
    return { unreadable: reasonOf(error) }
  }
  try {
    const stat = fstatSync(file)
    if (stat.isDirectory()) return { unreadable: 'it is a folder' }
    const bytes = readUpTo(file, bytesMax + 1)
    if (bytes.length > bytesMax) return { unreadable: `it is larger than ${bytesMax} bytes` }
    // A pipe has no readers to fear.
    const worldReadable = process.platform !== 'win32' && stat.isFile() && (stat.mode & 0o004) !== 0
    return { text: new TextDecoder('utf-8', { fatal: true }).decode(bytes), worldReadable }
  } catch (error) {
    return { unreadable: error instanceof TypeError ? 'it is not text in UTF-8' : reasonOf(error) }
  } finally {
    closeSync(file)
  }
}

/** In a loop, for a pipe gives what it has. */
function readUpTo(file: number, bytesMax: number): Uint8Array {
  const buffer = Buffer.alloc(bytesMax)
  let length = 0
  while (length < bytesMax) {
    const read = readSync(file, buffer, length, bytesMax - length, null)
    if (read === 0) break
    length += read
  }
  return buffer.subarray(0, length)
}

function reasonOf(error: unknown): string {
  const { code } = error as NodeJS.ErrnoException
  return (code === undefined ? undefined : REASONS[code]) ?? `the system says ${code ?? 'no more'}`
}
