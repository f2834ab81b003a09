/**
 * One application with its outbox and its Customer.io: the process dies again and again, the other two live on. Where a
 * life ends is drawn anew each time: after some time, after some receipts, or after some answered requests, so that
 * starting, opening, appending, sending and settling all meet it.
 */
import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'
import { fileURLToPath } from 'node:url'

import type { Random } from '../../src/runtime/runtime.ts'
import { createSimulator, type LedgerEntry } from '../../src/simulator/index.ts'
import { type Account, Accounts } from './account.ts'
import type { LifeInput } from './child.ts'

export interface WorldOptions {
  readonly folder: string
  readonly kills: number
  readonly random: Random
  readonly killed: (life: Life) => void
}

export interface Life {
  readonly ended: Ending['after']
  readonly receipts: number
  readonly requests: number
}

/** What a life waits for before it is killed, and how long after that. */
type Ending = { readonly after: 'time' | 'receipts' | 'requests'; readonly count: number; readonly thenMs: number }

const CALLERS = 16
const PAUSE_MS_MAX = 50
const LATENCY_MS = 20
/** No life lasts longer: a process that waits to take over its outbox answers no request for seconds. */
const LIFE_MS_MAX = 10_000
const FINISH_MS_MAX = 60_000
const NUMBERS_PER_LIFE = 1_000_000

export async function runWorld(options: WorldOptions): Promise<Account> {
  mkdirSync(options.folder, { recursive: true })
  const accounts = new Accounts()
  const simulator = createSimulator({ latencyMs: LATENCY_MS })
  await using server = await simulator.listen()
  const collect = (): void => {
    for (const entry of simulator.ledger.all()) {
      // The process died before the account had done the work of this request: nothing of it was taken in.
      if (entry.fate === 'cut' && !entry.applied && !entry.duplicate) continue
      accounts.arrive(arrivalOf(entry))
    }
    simulator.ledger.clear()
  }
  const start = (life: number): Process =>
    startProcess(
      {
        path: join(options.folder, 'outbox.db'),
        baseUrl: server.url,
        firstNumber: life * NUMBERS_PER_LIFE,
        callers: CALLERS,
        pauseMsMax: PAUSE_MS_MAX,
      },
      (number) => accounts.acknowledge(number),
    )
  for (let life = 0; life < options.kills; life++) {
    options.killed(await start(life).killAfter(draw(options.random)))
    collect()
  }
  await start(options.kills).finish()
  collect()
  return accounts.account()
}

function draw(random: Random): Ending {
  const kind = random()
  if (kind < 0.3) return { after: 'time', count: 0, thenMs: random() * random() * 6_000 }
  const after = kind < 0.5 ? 'receipts' : 'requests'
  return { after, count: 1 + Math.floor(random() * (after === 'receipts' ? 400 : 60)), thenMs: random() * 40 }
}

function arrivalOf({
  call,
  person,
  id,
  timestamp,
  applied,
  duplicate,
}: LedgerEntry): Parameters<Accounts['arrive']>[0] {
  const number =
    call?.type === 'event' ? call.data['number'] : call?.type === 'identify' ? call.attributes['number'] : null
  const isTaken = applied || duplicate
  if (
    !isTaken ||
    typeof number !== 'number' ||
    person === null ||
    (call?.type !== 'event' && call?.type !== 'identify')
  ) {
    throw new Error('something arrived that nobody called')
  }
  return { number, person, type: call.type, id, timestamp }
}

interface Process {
  killAfter(ending: Ending): Promise<Life>
  finish(): Promise<void>
}

function startProcess(input: LifeInput, acknowledged: (number: number) => void): Process {
  const program = fileURLToPath(new URL('./child.ts', import.meta.url))
  const child: ChildProcessByStdio<Writable, Readable, null> = spawn(
    process.execPath,
    [program, JSON.stringify(input)],
    {
      stdio: ['pipe', 'pipe', 'inherit'],
    },
  )
  let receipts = 0
  let requests = 0
  let last = ''
  let looked = (): void => {}
  createInterface({ input: child.stdout }).on('line', (line) => {
    if (line.startsWith('a ')) {
      acknowledged(Number(line.slice(2)))
      receipts++
    } else if (line === 'r') requests++
    else last = line
    looked()
  })
  const closed = new Promise<number | null>((resolve) => child.once('close', resolve))
  // Standard input of a process that is killed breaks; that is no news.
  child.stdin.on('error', () => {})

  return {
    async killAfter(ending) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, ending.after === 'time' ? ending.thenMs : LIFE_MS_MAX)
        let isDue = false
        looked = () => {
          const seen = ending.after === 'receipts' ? receipts : ending.after === 'requests' ? requests : -1
          if (isDue || seen < ending.count) return
          isDue = true
          clearTimeout(timer)
          setTimeout(resolve, ending.thenMs)
        }
      })
      if (child.exitCode !== null) throw new Error(`the process ended by itself with ${child.exitCode}`)
      child.kill('SIGKILL')
      await closed
      return { ended: ending.after, receipts, requests }
    },

    async finish() {
      const timer = setTimeout(() => child.kill('SIGKILL'), FINISH_MS_MAX)
      child.stdin.write('finish\n')
      const code = await closed
      clearTimeout(timer)
      if (code !== 0 || last !== 'f {"waiting":0,"deadLetters":0,"lost":0}') {
        throw new Error(`the last process ended with ${code ?? 'a signal'} and said: ${last}`)
      }
    },
  }
}
