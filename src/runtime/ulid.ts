/**
 * ULIDs: 128 bits as 26 characters of Crockford's base 32, the first 48 bits a time in milliseconds.
 * https://github.com/ulid/spec
 */

const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
const SHAPE = /^[0-7][0-9A-HJKMNP-TV-Z]{25}$/

/** Whether a text is a ULID in its canonical, upper-case form. */
export function isUlid(text: string): boolean {
  return SHAPE.test(text)
}

/** 16 bytes as a ULID. The same bytes give the same ULID, so it can also carry a hash. */
export function ulidOfBytes(bytes: Uint8Array): string {
  let text = ''
  // 26 characters of 5 bits are 130 bits: the first character holds the top 3 of the 128.
  let buffer = 0
  let bits = 2
  for (let index = 0; index < 16; index++) {
    buffer = (buffer << 8) | (bytes[index] ?? 0)
    bits += 8
    while (bits >= 5) {
      bits -= 5
      text += ALPHABET[(buffer >>> bits) & 31]
    }
    buffer &= (1 << bits) - 1
  }
  return text
}

/** Writes a ULID from a wall time and 10 bytes of chance. */
export function ulid(wallMs: number, chance: Uint8Array): string {
  const bytes = new Uint8Array(16)
  let time = Math.max(0, Math.floor(wallMs))
  for (let index = 5; index >= 0; index--) {
    bytes[index] = time % 256
    time = Math.floor(time / 256)
  }
  bytes.set(chance.subarray(0, 10), 6)
  return ulidOfBytes(bytes)
}
