/** An event of a relay as one line for people. */
import type { StreamItem } from '../admin/contract.ts'
import { groupedText } from '../admin/spans.ts'
import { isoTime } from '../runtime/iso-time.ts'
import type { Step } from './person-trail.ts'

/** Named in a line; of more, their number says enough. */
const IDS_MAX = 3

export function eventText(item: StreamItem | Step): string {
  switch (item.kind) {
    case 'gap':
      return `… ${groupedText(item.missed)} events are missing here: this reads too slowly`
    case 'person':
      return line(item.atMs, item.workspace, item.state, `${item.id} ${item.type} attempts=${item.attempts}`)
    default: {
      const { type, ...fields } = item.event
      return line(item.atMs, item.workspace, type, fieldsText(fields))
    }
  }
}

function line(atMs: number, workspace: string | null, type: string, rest: string): string {
  return `${isoTime(atMs).slice(11, 23)}  ${workspace ?? '-'}  ${type}${rest === '' ? '' : `  ${rest}`}`
}

function fieldsText(fields: Readonly<Record<string, unknown>>): string {
  return Object.entries(fields)
    .filter(([, value]) => value !== undefined && value !== null)
    .map(([name, value]) => (Array.isArray(value) ? listText(name, value) : `${name}=${valueText(name, value)}`))
    .join(' ')
}

function valueText(name: string, value: unknown): string {
  // Parts of a millisecond are of no use to the eye.
  return typeof value === 'number' && name.endsWith('Ms') ? String(Math.round(value)) : word(value)
}

function word(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  return /^[^\s"]+$/.test(text) ? text : JSON.stringify(text)
}

/** Entries that were settled, or sentences: how many, and the first of them. */
function listText(name: string, list: readonly unknown[]): string {
  const shown = list.slice(0, IDS_MAX).map((one) => {
    if (typeof one === 'string') return word(one)
    const { id, type, reason, status, message } = Object(one) as Readonly<Record<string, unknown>>
    const why = [reason, status, message].filter((part) => part !== undefined).map(word)
    return `${word(id)}:${word(type)}${why.length === 0 ? '' : `(${why.join(' ')})`}`
  })
  return `${name}=${list.length} ${shown.join(' ')}${list.length > IDS_MAX ? ' …' : ''}`
}
