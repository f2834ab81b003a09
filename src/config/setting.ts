/**
 * What one setting is: its kind, the check of its value, its default, and the words for people. Everything else that
 * is known of settings (names in the environment, flags, JSON Schema, documentation) is made from these.
 */
import { z } from 'zod'

import { DURATION_PATTERN, formatDuration, formatSize, parseDuration, parseSize, SIZE_PATTERN } from './notation.ts'
import { CALL_KINDS, type MaxAge } from './relay-config.ts'

export type Kind =
  | 'text'
  | 'secret'
  | 'path'
  | 'host'
  | 'url'
  | 'duration'
  | 'ages'
  | 'size'
  | 'whole'
  | 'number'
  | 'boolean'
  | 'choice'

/** Whether a running relay can take over another value. */
export type Change = 'reload' | 'restart'

/** Of a setting: its default in the file's notation. */
export type Initial = string | number | boolean | null | undefined

export interface Setting<Value = unknown> {
  readonly is: 'setting'
  readonly kind: Kind
  /** Takes what the file says and gives the value as the relay uses it. */
  readonly schema: z.ZodType<Value>
  /** What the file can say, before it is turned into the value: for JSON Schema. */
  readonly written: z.ZodType
  /** Ends the sentence "must be ...". */
  readonly allowed: string
  readonly about: string
  /** As the file writes it; `undefined`: must be given. */
  readonly initial: Initial
  readonly change: Change
  readonly choices: readonly string[]
}

/** Several settings under one name. */
export interface Section<Fields = object> {
  readonly is: 'section'
  readonly about: string
  /** Off (`null`) unless one of its settings is given. */
  readonly optional: boolean
  readonly fields: Shape<Fields>
}

/** Any number of sections, without names. Can be given in the file only. */
export interface List<Fields = object> {
  readonly is: 'list'
  readonly about: string
  readonly fields: Shape<Fields>
}

/** The settings of a part of the configuration: by the compiler, one for each of its fields and of its type. */
export type Shape<Fields> = { readonly [Name in keyof Fields as FileName<Name>]: Entry<Fields[Name]> }

/** In the file a time has its unit in its value. */
type FileName<Name> = Name extends `${infer Base}Ms` ? Base : Name

type Entry<Value> =
  | Setting<Value>
  | (NonNullable<Value> extends readonly (infer Item)[] ? List<Item> : Section<NonNullable<Value>>)

export type AnyEntry = Setting | AnySection | AnyList
export type AnyShape = Readonly<Record<string, AnyEntry>>
export type AnySection = Omit<Section, 'fields'> & { readonly fields: AnyShape }
export type AnyList = Omit<List, 'fields'> & { readonly fields: AnyShape }

interface Words {
  readonly about: string
  readonly initial?: Initial
  readonly change: Change
}

export function section<Fields>(about: string, fields: Shape<Fields>): Section<Fields> {
  return { is: 'section', about, optional: false, fields }
}

export function optionalSection<Fields>(about: string, fields: Shape<Fields>): Section<Fields> {
  return { is: 'section', about, optional: true, fields }
}

export function list<Fields>(about: string, fields: Shape<Fields>): List<Fields> {
  return { is: 'list', about, fields }
}

/** May be `null` too, and is, if nothing is said. */
export function orNone<Value>(setting: Setting<Value>): Setting<Value | null> {
  return { ...setting, schema: setting.schema.nullable(), written: setting.written.nullable(), initial: null }
}

export function text(words: Words & { readonly allowed: string; readonly pattern: RegExp }): Setting<string> {
  return setting('text', z.string().regex(words.pattern), words.allowed, words)
}

// No control characters: such a text cannot stand in a header, and is a file that was read as a whole.
const SECRET_PATTERN = /^[^\p{Cc}]{1,1000}$/u

export function secret(words: Words): Setting<string> {
  return setting('secret', z.string().regex(SECRET_PATTERN), 'a text of 1 to 1000 characters in one line', words)
}

export function path(words: Words): Setting<string> {
  return setting('path', z.string().regex(/^[^\p{Cc}]{1,4096}$/u), 'the path of a file', words)
}

export function host(words: Words): Setting<string> {
  const pattern = /^[A-Za-z0-9._:%-]{1,253}$/
  return setting('host', z.string().regex(pattern), 'a host name or an IP address, without a port or brackets', words)
}

/** What `baseUrl` of the client may be: the same check. */
export function url(words: Words): Setting<string> {
  const schema = z.string().check(
    z.refine((value) => {
      if (!URL.canParse(value)) return false
      const { protocol, username, password } = new URL(value)
      return (protocol === 'https:' || protocol === 'http:') && username === '' && password === ''
    }),
  )
  return setting('url', schema, 'an absolute http or https URL without credentials', words)
}

export function duration(words: Words & { readonly min: number; readonly max: number }): Setting<number> {
  const range = `from ${formatDuration(words.min)} to ${formatDuration(words.max)}`
  const written = z.union([z.literal(0), z.string().regex(DURATION_PATTERN)])
  const allowed = `a time with its unit (ms, s, m, h, d), ${range}`
  return { ...setting('duration', within(written, durationOf, words), allowed, words), written }
}

/** One time for all, or one for each kind of call. */
export function ages(words: Words & { readonly each: Setting<number> }): Setting<MaxAge> {
  const { each } = words
  const kinds = z.enum(CALL_KINDS)
  const schema = z.union([each.schema, z.partialRecord(kinds, each.schema)])
  const written = z.union([each.written, z.partialRecord(kinds, each.written)])
  const allowed = `${each.allowed}, or a mapping from kinds of call to such times`
  return { ...setting('ages', schema, allowed, words), written, choices: CALL_KINDS }
}

export function size(words: Words & { readonly min: number; readonly max: number }): Setting<number> {
  const top = words.max === Number.MAX_SAFE_INTEGER ? '' : ` to ${formatSize(words.max)}`
  const range = `from ${formatSize(words.min)}${top}`
  const written = z.union([z.int().min(0), z.string().regex(SIZE_PATTERN)])
  const allowed = `a size (B, kB, KiB, MB, MiB, GB, GiB), ${range}`
  return { ...setting('size', within(written, sizeOf, words), allowed, words), written }
}

export function whole(words: Words & { readonly min: number; readonly max: number }): Setting<number> {
  const range = words.max === Number.MAX_SAFE_INTEGER ? `from ${words.min}` : `from ${words.min} to ${words.max}`
  return setting('whole', z.int().min(words.min).max(words.max), `a whole number ${range}`, words)
}

export function positive(words: Words): Setting<number> {
  return setting('number', z.number().positive(), 'a number above 0', words)
}

export function boolean(words: Words): Setting<boolean> {
  return setting('boolean', z.boolean(), 'true or false', words)
}

export function choice<const Word extends string>(choices: readonly Word[], words: Words): Setting<Word> {
  return { ...setting('choice', z.enum(choices), `one of ${choices.join(', ')}`, words), choices }
}

function setting<Value>(kind: Kind, schema: z.ZodType<Value>, allowed: string, words: Words): Setting<Value> {
  const { about, initial, change } = words
  return { is: 'setting', kind, schema, written: schema, allowed, about, initial, change, choices: [] }
}

/** A written number with its unit as a plain one, checked against its bounds. */
function within<Written>(
  written: z.ZodType<Written>,
  read: (value: Written) => number | null,
  bounds: { readonly min: number; readonly max: number },
): z.ZodType<number> {
  return written.transform((value, context) => {
    const number = read(value)
    if (number !== null && number >= bounds.min && number <= bounds.max) return number
    context.issues.push({ code: 'custom', input: value })
    return z.NEVER
  })
}

function durationOf(written: 0 | string): number | null {
  return written === 0 ? 0 : parseDuration(written)
}

function sizeOf(written: number | string): number | null {
  return typeof written === 'number' ? written : parseSize(written)
}
