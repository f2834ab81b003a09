/** The parts of the show that are lines of text: the head, the timeline, the end. The same with and without a terminal. */
import type { Note, Result } from '../result.ts'
import type { Opening } from './display.ts'
import { clock, count, wrap } from './format.ts'
import { COLOUR_OF, type Paint } from './paint.ts'
import { accountRows, type Row } from './rows.ts'

const ACTOR_WIDTH = 17
const TIME_WIDTH = 9
const LABEL_WIDTH = 41
const HOLDFAST_WIDTH = 15
const OFFICIAL_WIDTH = 18

export function headLines({ lines, people, plan }: Opening, width: number, paint: Paint): readonly string[] {
  const text =
    `${count(lines)} calls of ${count(people)} people, a shop's day from 8 to ${8 + plan.hours} o'clock in ` +
    `${plan.dayMs / 1_000} seconds: through Holdfast, and beside it through customerio-node with its own retries. ` +
    `Each has a Customer.io of its own; both fail in the same way at the same moments.`
  return ['', paint('bold', 'An outage, a kill -9 and a recovery'), ...wrap(text, width), '']
}

export function noteLines(note: Note, width: number, paint: Paint): readonly string[] {
  const indent = TIME_WIDTH + ACTOR_WIDTH
  const [first, ...more] = wrap(note.text, Math.max(20, width - indent))
  const head = clock(note.atMs).padEnd(TIME_WIDTH)
  return [
    `${paint('dim', head)}${paint(COLOUR_OF[note.who], note.who.padEnd(ACTOR_WIDTH))}${first}`,
    ...more.map((line) => ' '.repeat(indent) + line),
  ]
}

export function endLines(result: Result, width: number, paint: Paint): readonly string[] {
  const head = `${''.padEnd(LABEL_WIDTH)}${'Holdfast'.padStart(HOLDFAST_WIDTH)}${'customerio-node'.padStart(OFFICIAL_WIDTH)}`
  return [
    '',
    paint('bold', head),
    ...accountRows(result).map((row) => rowLine(row, paint)),
    '',
    ...wrap(fairness(result), width).map((line) => paint('dim', line)),
    '',
    ...verdictLines(result, paint),
    '',
  ]
}

function rowLine({ label, holdfast, official }: Row, paint: Paint): string {
  const left = holdfast.text.padStart(HOLDFAST_WIDTH)
  const right = official.text.padStart(OFFICIAL_WIDTH)
  return (
    label.padEnd(LABEL_WIDTH) +
    (holdfast.colour === undefined ? left : paint(holdfast.colour, left)) +
    (official.colour === undefined ? right : paint(official.colour, right))
  )
}

function fairness({ holdfast, notMade }: Result): string {
  return (
    `Both backends made the same calls at the same moments; ${count(notMade)} that fell into the time in which both ` +
    `were dead were made by neither. Calls under way at the kill were made again with Holdfast ` +
    `(${count(holdfast.madeAgain)}, same idempotency key), and not with customerio-node: there a repeat may count ` +
    `twice. Order is not judged there, for the day runs faster than its retries were made for.`
  )
}

function verdictLines({ broken, holdfast }: Result, paint: Paint): readonly string[] {
  if (broken.length > 0) {
    return [paint('red', 'A promise is broken:'), ...broken.map((sentence) => `  ${sentence}`)]
  }
  return [
    paint(
      'green',
      `Every promise held: all ${count(holdfast.accepted)} accepted operations arrived, once and in order.`,
    ),
  ]
}
