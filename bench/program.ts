/**
 * What the programs of the bench have in common: the command line, the machine's sentence, the table.
 *
 *     <command> -- [case ...] [--quick] [--json]
 *
 * A figure that is missed is printed as missed. The exit code: 1 when a case could not be measured, or a promise that is
 * none of speed does not hold (`isMust`); 2 when the command line is wrong.
 */
import { parseArgs } from 'node:util'

import type { Attachment, Case, Row } from './case.ts'
import { openFolder } from './folder.ts'
import { machineOf, sentence } from './machine.ts'
import { table, written } from './table.ts'

interface Command {
  readonly cases: readonly Case[]
  readonly quick: boolean
  readonly json: boolean
}

/** @param name as the user types it: `npm run bench` */
export async function benchProgram(name: string, cases: readonly Case[]): Promise<void> {
  const command = commandOf(name, cases, process.argv.slice(2))
  if (command === undefined) process.exitCode = 2
  else if (!(await run(command))) process.exitCode = 1
}

function usage(name: string, cases: readonly Case[]): string {
  return `usage: ${name} -- [case ...] [--quick] [--json]
cases: ${cases.map((one) => one.name).join(', ')} (all unless told)
--quick  everything once with tiny sizes: shows that the bench works, not how fast anything is
--json   one JSON object on standard output instead of the table`
}

function commandOf(name: string, all: readonly Case[], args: readonly string[]): Command | undefined {
  try {
    const options = { quick: { type: 'boolean', default: false }, json: { type: 'boolean', default: false } } as const
    const { values, positionals } = parseArgs({ args: [...args], options, allowPositionals: true })
    const unknown = positionals.find((name) => !all.some((one) => one.name === name))
    if (unknown !== undefined) throw new Error(`there is no case ${unknown}`)
    const cases = all.filter(({ name }) => positionals.length === 0 || positionals.includes(name))
    return { cases, quick: values.quick, json: values.json }
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\n${usage(name, all)}`)
    return undefined
  }
}

async function run({ cases, quick, json }: Command): Promise<boolean> {
  const folder = openFolder()
  const say = (line: string): void => console.error(line)
  const rows: Row[] = []
  const attachments: Attachment[] = []
  const failures: { name: string; message: string }[] = []
  const attach = (attachment: Attachment): void => void attachments.push(attachment)
  try {
    const startedAt = new Date().toISOString()
    const machine = machineOf(folder.path)
    say(sentence(machine))
    for (const { name, run } of cases) {
      try {
        rows.push(...(await run({ scale: quick ? 'quick' : 'full', folder: folder.path, say, attach })))
      } catch (error) {
        const message = error instanceof Error ? error.message : String(error)
        failures.push({ name, message })
        say(`${name} could not be measured: ${message}`)
      }
    }
    const machineAfter = machineOf(folder.path)
    if (json) {
      const scale = quick ? 'quick' : 'full'
      console.log(JSON.stringify({ startedAt, scale, machine, machineAfter, rows, attachments, failures }))
    } else {
      console.log(`${startedAt}, ${sentence(machine)}; at the end ${machineAfter.syncsPerSecond} fdatasync/s`)
      if (rows.length > 0) console.log(table(rows))
      for (const { title, lines } of attachments) console.log(`\n${title}\n\n${written(lines)}`)
      for (const { name, message } of failures) console.log(`${name}: not measured: ${message}`)
    }
  } finally {
    folder.remove()
  }
  return failures.length === 0 && rows.every(({ holds, isMust }) => holds || isMust !== true)
}
