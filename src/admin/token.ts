/** The secret that opens the admin API. */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import {
  chmodSync,
  closeSync,
  existsSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'

import { OptionsError } from '../errors.ts'

export const TOKEN_FILE = 'admin-token'
const TOKEN_BYTES = 32
const TOKEN_CHARS_MIN = 16

/**
 * The token of a relay that was given none: from `<dataDir>/admin-token`, which only its owner can read, and which is
 * made where it is missing.
 * @throws OptionsError when the file holds no token
 */
export function ensureToken(dataDir: string): string {
  const path = join(dataDir, TOKEN_FILE)
  mkdirSync(dataDir, { recursive: true })
  if (existsSync(path)) chmodSync(path, 0o600)
  else makeToken(path)
  return readToken(path)
}

/** The file is there whole or not at all, also when two make it at the same time. */
function makeToken(path: string): void {
  const own = `${path}.${randomBytes(6).toString('hex')}`
  const file = openSync(own, 'wx', 0o600)
  try {
    writeSync(file, `${randomBytes(TOKEN_BYTES).toString('base64url')}\n`)
    fsyncSync(file)
    linkSync(own, path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  } finally {
    closeSync(file)
    rmSync(own, { force: true })
  }
}

/** @throws OptionsError when the file holds no token, and what reading a file throws */
export function readToken(path: string): string {
  const token = readFileSync(path, 'utf8').trim()
  checkToken(token)
  return token
}

/** @throws OptionsError when it is too short, or cannot stand in a header */
export function checkToken(token: string): void {
  if (!/^[\x21-\x7e]+$/.test(token) || token.length < TOKEN_CHARS_MIN) {
    throw new OptionsError('admin.token', `must be ${TOKEN_CHARS_MIN} or more visible ASCII characters`)
  }
}

/** Compares in a time that tells nothing about where they differ. */
export function isToken(given: string, token: string): boolean {
  return timingSafeEqual(digestOf(given), digestOf(token))
}

function digestOf(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
