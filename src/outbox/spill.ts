/**
 * An outbox that goes on taking operations while it is away: it is made of a remote one (on a server, all handles
 * deliver) and of a local one (SQLite, a file of this process), the spill. While the remote one answers, everything goes
 * to it and the file stays empty. When it does not, appends go to the file, and all later ones of this producer too, until
 * the file has drained into the remote one, in order, with the same ids, times and keys. Neither the death of this process
 * nor that of the server loses anything or changes the order of one producer: what was not taken out of the file yet is
 * appended again, and the remote one knows it again for 15 minutes; after that it is there twice, with one id.
 *
 * What it trades: between producers the order is that of arrival in the remote outbox. With `onOutage: 'deliver'` what
 * spilled may reach Customer.io before older operations of the same person that wait in the remote one, and what that one
 * stored without an answer arrives twice, with one id.
 *
 * What stands where, in `spill/`
 * - `line.ts`: appends stand in it, and go to the remote outbox, to the file, or wait for the moment between the two
 * - `keeper.ts`: opens the remote outbox, asks whether it is back, drains the file with `transfer.ts`
 * - `delivering.ts`: claims, leases and settlements, from the remote outbox or, in an outage, from the file
 * - `operators.ts`, `stats.ts`: what is asked of both; `notices.ts`: what both say
 * - `outbox.ts`: joins them
 */
import type { OpenOutbox } from './outbox.ts'
import { resolveSpill, type SpillSettings } from './spill/options.ts'
import { openSpilling } from './spill/outbox.ts'
import { openThreaded } from './sqlite/threaded.ts'

/**
 * An outbox with a spill. Throws `OptionsError` at once for settings that cannot be.
 *
 * Opening resolves also while the remote outbox is away; it rejects with what else keeps it from opening, and with
 * `OutboxError` when the file cannot be used. Of the calls, `append`, `claim`, `stats` and `mayHold` work while the remote
 * outbox is away; the others reject with `OUTBOX_UNAVAILABLE` where they need it, rather than answer for the file alone:
 * `list`, `resolveDead`, `setPaused`, `executions`, `lookup` of what is not in the file, and `purge`, which removes what is
 * in the file first. Several processes may have the same file: one of them drains it for all.
 * @param remote opens the remote outbox, in which all handles deliver; its calls reject with `OUTBOX_UNAVAILABLE` while it is away
 * @example `openWithSpill(remote, { spill: { path: '/var/lib/shop/spill.db' }, onOutage: 'hold', deliverAfterMs: 60_000 })`
 */
export function openWithSpill(remote: OpenOutbox, settings: SpillSettings): OpenOutbox {
  const { file, onOutage, deliverAfterMs } = resolveSpill(settings)
  const local = (context: Parameters<OpenOutbox>[0]): ReturnType<typeof openThreaded> => openThreaded(file, context)
  return openSpilling({ remote, local, onOutage, deliverAfterMs })
}

export type { SpillOptions, SpillSettings } from './spill/options.ts'
