/** A process in which one arrangement meets one scenario several times, each time with another seed, on virtual time. */
import { answerOfChild, inputOfChild } from '../../child.ts'
import type { ArrangementModule } from './arrangement.ts'
import { LIMIT_PER_SECOND, SCENARIOS, type Scenario, type ScenarioName } from './scenario.ts'
import { Server } from './server.ts'
import { installVirtualTime, newWorld } from './virtual-time.ts'

export interface SimulationInput {
  readonly arrangement: string
  readonly scenario: ScenarioName
  readonly seeds: number
  /** A share of the calls, for a quick look. */
  readonly scale: number
}

export interface SimulationRun {
  readonly calls: number
  readonly succeeded: number
  readonly lost: number
  /** Calls lost that began after the fault had ended. */
  readonly lostAfter: number
  readonly sent: number
  readonly throttled: number
  readonly intoFault: number
  /** From the end of the fault to the first request that was served; null when there was no fault, or never. */
  readonly recoveryMs: number | null
  /** From the first call to the last answer. */
  readonly tookMs: number
}

export interface SimulationAnswer {
  readonly runs: readonly SimulationRun[]
}

installVirtualTime()
const input = inputOfChild() as SimulationInput
const { openProcess } = (await import(`./arrangements/${input.arrangement}.ts`)) as ArrangementModule
const scenario = SCENARIOS.find(({ name }) => name === input.scenario)!

/** Outages of one length would all end at the same place of a breaker's rhythm: they are shorter or longer by up to this. */
const END_SPREAD_MS = 2_500

async function run(scenario: Scenario, seed: number): Promise<SimulationRun> {
  const { clock, random } = newWorld(seed)
  const calls = Math.round(scenario.calls * input.scale)
  const { fault } = scenario
  const spreadMs = fault?.share === 1 ? END_SPREAD_MS * (2 * random() - 1) : 0
  const endMs = fault === undefined ? 0 : fault.fromMs + fault.forMs + spreadMs
  const server = new Server({
    clock,
    random,
    limitPerSecond: LIMIT_PER_SECOND,
    ...(fault && { fault: { fromMs: fault.fromMs, untilMs: endMs, share: fault.share } }),
  })
  const processes = Array.from({ length: scenario.processes }, () => openProcess({ clock, random, server }))
  const ended = { succeeded: 0, lost: 0, lostAfter: 0, lastMs: 0 }

  async function make(call: number): Promise<void> {
    const atMs = clock.monotonicMs()
    try {
      await processes[call % processes.length]!(call)
      ended.succeeded++
    } catch {
      ended.lost++
      if (atMs >= endMs) ended.lostAfter++
    }
    ended.lastMs = clock.monotonicMs()
  }

  const atOnce = scenario.perSecond === Infinity
  for (let call = 0; call < calls; call++) {
    // Not in step: a clockwork of calls would meet the limit in a way that real ones do not.
    const atMs = atOnce ? 0 : ((call + random()) * 1_000) / scenario.perSecond
    clock.timer(atMs, () => void make(call))
  }
  while (ended.succeeded + ended.lost < calls) {
    if (!(await clock.step())) throw new Error(`${calls - ended.succeeded - ended.lost} calls never settled`)
  }
  const { sent, throttled, intoFault, firstServedAfterMs } = server.counts
  const recoveryMs = firstServedAfterMs === null ? null : firstServedAfterMs - endMs
  const { succeeded, lost, lostAfter, lastMs: tookMs } = ended
  return { calls, succeeded, lost, lostAfter, sent, throttled, intoFault, recoveryMs, tookMs }
}

const runs: SimulationRun[] = []
for (let seed = 1; seed <= input.seeds; seed++) runs.push(await run(scenario, seed))
answerOfChild({ runs } satisfies SimulationAnswer)
// Some arrangements leave intervals behind.
process.exit()
