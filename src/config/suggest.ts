/** "Did you mean ...?": the known name that is nearest to one that is not known. */

/** A longer one is no slip of the pen, and would cost time. */
const NAME_CHARS_MAX = 64

/** Fewer letters begin too many names. */
const BEGINNING_CHARS_MIN = 5

/**
 * The nearest of `names`, if it is near enough to be what was meant: a third of its letters may differ, and no more than
 * three. Where none is, one that begins like it: the rest was forgotten (`rateLimit` for `rateLimitPerSecond`).
 */
export function nearest(name: string, names: Iterable<string>): string | null {
  if (name.length > NAME_CHARS_MAX) return null
  const wanted = plain(name)
  let best: string | null = null
  let bestDistance = Infinity
  for (const candidate of names) {
    const known = plain(candidate)
    const distance = editDistance(wanted, known)
    const allowed = Math.min(3, Math.floor(Math.max(wanted.length, known.length) / 3))
    if (distance <= allowed && distance < bestDistance) {
      best = candidate
      bestDistance = distance
    }
  }
  return best ?? beginningLike(wanted, names)
}

function beginningLike(wanted: string, names: Iterable<string>): string | null {
  if (wanted.length < BEGINNING_CHARS_MIN) return null
  for (const candidate of names) {
    const known = plain(candidate)
    const [same, missing] = [known.slice(0, wanted.length), known.slice(0, wanted.length + 1)]
    if (known.length > wanted.length && Math.min(editDistance(wanted, same), editDistance(wanted, missing)) <= 1) {
      return candidate
    }
  }
  return null
}

/** Letters to insert, leave out, change, or swap with their neighbour, until `a` is `b`. */
export function editDistance(a: string, b: string): number {
  let beforeLast: number[] = []
  let last = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const change = a[i - 1] === b[j - 1] ? 0 : 1
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]
      row[j] = Math.min(
        last[j]! + 1,
        row[j - 1]! + 1,
        last[j - 1]! + change,
        swapped ? beforeLast[j - 2]! + 1 : Infinity,
      )
    }
    beforeLast = last
    last = row
  }
  return last[b.length]!
}

/** `idle_timeout`, `idle-timeout` and `idleTimeout` are one name to a person. */
function plain(name: string): string {
  return name.toLowerCase().replaceAll(/[-_. ]/g, '')
}
