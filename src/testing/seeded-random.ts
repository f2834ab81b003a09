/** A small, fast generator with a seed (sfc32): the same seed gives the same numbers on every machine. Not for secrets. */
import type { Random } from '../runtime/runtime.ts'

export function seededRandom(seed: number): Random {
  let a = 0x9e3779b9
  let b = seed | 0
  let c = (seed / 0x1_0000_0000) | 0
  let d = 1
  const next = (): number => {
    const sum = (((a + b) | 0) + d) | 0
    d = (d + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = ((c << 21) | (c >>> 11)) + sum
    c |= 0
    return (sum >>> 0) / 4_294_967_296
  }
  // The first numbers of neighbouring seeds are alike.
  for (let round = 0; round < 15; round++) next()
  return next
}
