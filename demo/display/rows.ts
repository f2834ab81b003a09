/** The account as the rows of a table. */
import type { Result } from '../result.ts'
import { count, duration } from './format.ts'
import type { Colour } from './paint.ts'

export interface Cell {
  readonly text: string
  readonly colour?: Colour
}

export interface Row {
  readonly label: string
  readonly holdfast: Cell
  readonly official: Cell
}

const NONE: Cell = { text: '-', colour: 'dim' }

export function accountRows({ holdfast, official }: Result): readonly Row[] {
  const { campaignWindow } = holdfast
  return [
    { label: 'calls made', holdfast: plain(holdfast.calls), official: plain(official.calls) },
    {
      label: 'accepted: the caller was told so',
      holdfast: plain(holdfast.accepted),
      official: plain(official.succeeded),
    },
    { label: 'ended in an error', holdfast: zero(holdfast.refused), official: plain(official.failed) },
    { label: 'died with their process', holdfast: NONE, official: plain(official.gone) },
    {
      label: 'delivered: arrived at Customer.io',
      holdfast: plain(holdfast.delivered),
      official: plain(official.arrived),
    },
    { label: 'lost', holdfast: zero(holdfast.lost), official: zero(official.lost) },
    {
      label: 'events that Customer.io has twice',
      holdfast: zero(holdfast.recordedTwice),
      official: zero(official.recordedTwice),
    },
    { label: 'duplicates absorbed (same id again)', holdfast: plain(holdfast.duplicatesAbsorbed), official: NONE },
    { label: 'order violations', holdfast: zero(holdfast.orderViolations), official: NONE },
    {
      label: 'longest delay until it arrived',
      holdfast: time(holdfast.longestDelayMs),
      official: time(official.longestDelayMs),
    },
    {
      label: 'wait of a caller, median',
      holdfast: time(holdfast.callerWait?.medianMs ?? null),
      official: time(official.callerWait?.medianMs ?? null),
    },
    {
      label: 'wait of a caller, longest',
      holdfast: time(holdfast.callerWait?.longestMs ?? null),
      official: time(official.callerWait?.longestMs ?? null),
    },
    {
      label: 'events inside the campaign window',
      holdfast: { text: `${count(campaignWindow.inside)} of ${count(campaignWindow.events)}` },
      official: NONE,
    },
    { label: '  the tightest one had left', holdfast: time(campaignWindow.smallestMarginMs), official: NONE },
  ]
}

function plain(value: number): Cell {
  return { text: count(value) }
}

/** A number that is to be 0. */
function zero(value: number): Cell {
  return { text: count(value), colour: value === 0 ? 'green' : 'red' }
}

function time(ms: number | null): Cell {
  return ms === null ? NONE : { text: duration(ms) }
}
