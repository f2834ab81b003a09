/**
 * `npm run bench`: measures what the project promises and prints one table.
 *
 *     npm run bench -- [case ...] [--quick] [--json]
 *
 * A figure that is missed is printed as missed. The exit code speaks of the bench: 1 when a case could not be measured,
 * 2 when the command line is wrong.
 */
import { parseArgs } from 'node:util'

import { append, single } from './append/append.ts'
import type { Case, Row } from './case.ts'
import { crash } from './crash/crash.ts'
import { delay } from './delay/delay.ts'
import { drain } from './drain/drain.ts'
import { openFolder } from './folder.ts'
import { machineOf, sentence } from './machine.ts'
import { official } from './official/official.ts'
import { table } from './table.ts'
import { waiting } from './waiting/waiting.ts'

const CASES: readonly Case[] = [append, single, delay, drain, waiting, official, crash]

const USAGE = `usage: npm run bench -- [case ...] [--quick] [--json]
cases: ${CASES.map(({ name }) => name).join(', ')} (all unless told)
--quick  everything once with tiny sizes: shows that the bench works, not how fast anything is
--json   one JSON object on standard output instead of the table`

interface Command {
  readonly cases: readonly Case[]
  readonly quick: boolean
  readonly json: boolean
}

function commandOf(args: readonly string[]): Command | undefined {
  try {
    const options = { quick: { type: 'boolean', default: false }, json: { type: 'boolean', default: false } } as const
    const { values, positionals } = parseArgs({ args: [...args], options, allowPositionals: true })
    const unknown = positionals.find((name) => !CASES.some((one) => one.name === name))
    if (unknown !== undefined) throw new Error(`there is no case ${unknown}`)
    const cases = CASES.filter(({ name }) => positionals.length === 0 || positionals.includes(name))
    return { cases, quick: values.quick, json: values.json }
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\n${USAGE}`)
    return undefined
  }
}

async function run({ cases, quick, json }: Command): Promise<boolean> {
  const folder = openFolder()
  const say = (line: string): void => console.error(line)
  const rows: Row[] = []
  const failures: { name: string; message: string }[] = []
  try {
    const startedAt = new Date().toISOString()
    const machine = machineOf(folder.path)
    say(sentence(machine))
    for (const { name, run } of cases) {
      try {
        rows.push(...(await run({ scale: quick ? 'quick' : 'full', folder: folder.path, say })))
      } catch (error) {
        const message = error instanceof Error ? error.message : String(error)
        failures.push({ name, message })
        say(`${name} could not be measured: ${message}`)
      }
    }
    const machineAfter = machineOf(folder.path)
    if (json) {
      console.log(JSON.stringify({ startedAt, scale: quick ? 'quick' : 'full', machine, machineAfter, rows, failures }))
    } else {
      console.log(`${startedAt}, ${sentence(machine)}; at the end ${machineAfter.syncsPerSecond} fdatasync/s`)
      console.log(table(rows))
      for (const { name, message } of failures) console.log(`${name}: not measured: ${message}`)
    }
  } finally {
    folder.remove()
  }
  return failures.length === 0
}

const command = commandOf(process.argv.slice(2))
if (command === undefined) process.exitCode = 2
else if (!(await run(command))) process.exitCode = 1
