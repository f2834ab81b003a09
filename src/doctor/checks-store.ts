/** Checks of an outbox on a server. */
import { join } from 'node:path'

import { fail, ok, type Verdict, warn } from './check.ts'
import type { DoctorFacts, DoctorWorkspace } from './facts.ts'
import type { Probes, StoreLook } from './probes.ts'

/** Each answer of a relay waits for one such question. */
const ANSWER_WARN_MS = 50

const HINTS: Readonly<Record<string, string>> = {
  OUTBOX_UNAVAILABLE:
    'Look at the server, at outbox.url with its user and password, and for Postgres at holdfast migrate.',
  OUTBOX_NOT_DURABLE: 'Mend the configuration of the server, or do not ask for outbox.requireDurability.',
  OUTBOX_NEWER_VERSION: 'Run the newer version.',
  INVALID_OPTIONS: 'Install what is missing beside holdfast, or mend the configuration.',
}

export async function checkStore({ store, siteId }: DoctorWorkspace, probes: Probes): Promise<Verdict> {
  if (store === null) throw new TypeError('an outbox in a file has a check of its own')
  let found: StoreLook
  try {
    found = await probes.look(store, siteId)
  } catch (error) {
    const code = String(Reflect.get(Object(error), 'code') ?? 'unknown')
    const message = error instanceof Error && code in HINTS ? error.message : 'it cannot be used'
    return fail(`${message} (${code})`, HINTS[code] ?? 'Look at the server, and at outbox.url.')
  }
  const { report, waiting, deadLetters, answerMs } = found
  const server = report?.server ?? store.kind
  const said = `${server} answers in ${answerMs.toFixed(1)} ms; ${waiting} waiting, ${deadLetters} dead letters`
  const risks = report?.risks ?? []
  if (risks.length > 0) return warn(`${said}; ${risks.join('; ')}`, 'Mend the configuration of the server.')
  if (answerMs > ANSWER_WARN_MS) {
    return warn(said, `Each answer of the relay waits for one; above ${ANSWER_WARN_MS} ms clients notice.`)
  }
  return ok(said)
}

/** What a workspace that has moved to a server left in its file. */
export async function checkLeftBehind(
  { dataDir }: DoctorFacts,
  { name }: DoctorWorkspace,
  probes: Probes,
): Promise<Verdict> {
  const path = join(dataDir, `${name}.db`)
  const found = await probes.inspect(path)
  if (found.state === 'absent') return ok('there is no former file')
  if (found.state !== 'whole') {
    return fail(`the former file ${path} cannot be read: ${found.message}`, 'Look into it with outbox.kind sqlite.')
  }
  const { waiting, deadLetters } = found
  if (waiting > 0) {
    const hint =
      'Start once with outbox.kind sqlite until "holdfast drain" ends: a relay with another kind does not start.'
    return fail(`${waiting} operations wait in the former file ${path}, and nobody delivers them`, hint)
  }
  if (deadLetters > 0) {
    const hint = 'Look at them with outbox.kind sqlite; move the file away when nobody wants them.'
    return warn(`${deadLetters} dead letters are in the former file ${path}, and nobody sees them`, hint)
  }
  return ok(`the former file ${path} is empty`)
}
