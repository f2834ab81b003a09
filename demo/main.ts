/** `npm run demo`: shows in half a minute what Holdfast is for. See `demo/README.md`. */
import { type Arguments, readArguments, USAGE } from './arguments.ts'
import { readShopDay } from './calls/read.ts'
import type { Display } from './display/display.ts'
import { jsonDisplay } from './display/json.ts'
import { liveDisplay } from './display/live.ts'
import { plainDisplay } from './display/plain.ts'
import { FAST_PLAN, PLAN, playedLines } from './plan.ts'
import { run } from './run.ts'

const BROKEN_PROMISE = 1
const WRONG_USAGE = 2
/** 128 and the number of SIGINT, as shells have it. */
const INTERRUPTED = 130

process.exitCode = await main(process.argv.slice(2))

async function main(args: readonly string[]): Promise<number> {
  let options: Arguments
  try {
    options = readArguments(args)
  } catch (error) {
    process.stderr.write(`${messageOf(error)}\n\n${USAGE}`)
    return WRONG_USAGE
  }
  if (options.help) {
    process.stdout.write(USAGE)
    return 0
  }
  const display = displayFor(options)
  const interrupt = new AbortController()
  // It may come twice: from the terminal, and from the script that has started this program.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => interrupt.abort())
  try {
    const plan = options.fast ? FAST_PLAN : PLAN
    const result = await run({
      lines: playedLines(readShopDay(), plan),
      plan,
      seed: options.seed,
      display,
      signal: interrupt.signal,
    })
    display.close(result)
    if (options.json) for (const sentence of result.broken) process.stderr.write(`broken promise: ${sentence}\n`)
    return result.broken.length === 0 ? 0 : BROKEN_PROMISE
  } catch (error) {
    display.breakOff()
    if (interrupt.signal.aborted) return INTERRUPTED
    process.stderr.write(`The demo did not come to its end: ${messageOf(error)}\n`)
    return BROKEN_PROMISE
  }
}

function displayFor({ json }: Arguments): Display {
  if (json) return jsonDisplay(process.stdout)
  return process.stdout.isTTY ? liveDisplay(process.stdout) : plainDisplay(process.stdout)
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
