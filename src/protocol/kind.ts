/** Names what a value is and where it is, never what is in it: the `kind` and the `field` of a `Problem`. */

const KEY_CHARS_MAX = 60

/** @example `kindOf(10n) // 'bigint'`, `kindOf('abc') // 'string of 3 bytes'`, `kindOf([1]) // 'array of 1'` */
export function kindOf(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return `string of ${Buffer.byteLength(value)} bytes`
    case 'number':
      return Number.isFinite(value) ? 'number' : String(value)
    case 'object':
      if (value === null) return 'null'
      return Array.isArray(value) ? `array of ${value.length}` : classOf(value)
    default:
      return typeof value
  }
}

/** The built-in class of an object in lower case, as `map` or `date`; `object` for plain ones and the caller's own. */
export function classOf(value: object): string {
  const tag = Object.prototype.toString.call(value).slice(8, -1)
  return BUILT_IN.test(tag) ? tag.toLowerCase() : 'object'
}

/** A caller's `Symbol.toStringTag` could hold anything, so only names that are known are passed on. */
const BUILT_IN =
  /^(?:Date|RegExp|Error|Promise|Symbol|(?:Weak)?(?:Map|Set|Ref)|(?:Shared)?ArrayBuffer|DataView|(?:Big)?(?:Int|Uint|Float)\d+(?:Clamped)?Array|(?:Async)?(?:Generator|Function)|Blob|File|Headers|Request|Response|ReadableStream|URLSearchParams|Number|String|Boolean|BigInt)$/

/** The name of a member, for people: `data.plan`. A long key is cut, and what would break a line is taken out. */
export function memberField(field: string, key: string): string {
  const shown = key.length > KEY_CHARS_MAX ? `${key.slice(0, KEY_CHARS_MAX)}…` : key
  return `${field}.${shown.replaceAll(/[\p{Cc}\p{Cs}]/gu, '?')}`
}
