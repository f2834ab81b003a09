/** The command line of the demo. */
import { parseArgs } from 'node:util'

export interface Arguments {
  readonly json: boolean
  readonly fast: boolean
  readonly help: boolean
  /** For what the fake Customer.io does by chance. */
  readonly seed: number
}

export const USAGE = `npm run demo [-- options]

  --fast       the first six hours of the day, in under ten seconds
  --seed N     chance of the fake Customer.io: which requests are hit, how long answers take (default 1)
  --json       one JSON object instead of the show
  --help       this

Exits with 0 when every promise held, with 1 and a sentence when one did not.
`

/** Throws an error with a plain sentence for whatever it does not know. */
export function readArguments(args: readonly string[]): Arguments {
  const { values } = parseArgs({
    args: [...args],
    options: {
      json: { type: 'boolean', default: false },
      fast: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
      seed: { type: 'string', default: '1' },
    },
  })
  const seed = Number(values.seed)
  if (!Number.isSafeInteger(seed) || seed < 0) throw new Error('--seed must be a whole number')
  return { json: values.json, fast: values.fast, help: values.help, seed }
}
