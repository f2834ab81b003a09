/** What Holdfast promises, held against the account: a plain sentence for each promise that is broken. */
import type { HoldfastAccount } from './account.ts'

/** What a backend process says when it ends. */
export interface Left {
  /** Operations that were still waiting when the demo ran out of patience. */
  readonly waiting: number
  readonly deadLetters: number
}

export function brokenPromises(account: HoldfastAccount, left: Left): readonly string[] {
  const { campaignWindow } = account
  const promises: readonly (readonly [holds: boolean, sentence: string])[] = [
    [account.lost === 0, `${account.lost} operations that were accepted never arrived.`],
    [account.refused === 0, `${account.refused} calls were refused although there was room for them.`],
    [
      account.orderViolations === 0,
      `${account.orderViolations} operations arrived after a later one of the same person.`,
    ],
    [account.recordedTwice === 0, `${account.recordedTwice} events are at Customer.io twice.`],
    [
      account.duplicatesWithAnotherId === 0,
      `${account.duplicatesWithAnotherId} operations were repeated with another id or time.`,
    ],
    [account.wrongTimes === 0, `${account.wrongTimes} operations arrived with a time that is not that of their call.`],
    [account.unasked === 0, `${account.unasked} operations arrived that nobody had asked for.`],
    [
      campaignWindow.inside === campaignWindow.events,
      `${campaignWindow.events - campaignWindow.inside} events came too late to trigger a campaign.`,
    ],
    [left.waiting === 0, `${left.waiting} operations were still waiting when the demo ended.`],
    [left.deadLetters === 0, `${left.deadLetters} operations became dead letters.`],
    [account.accepted > 0, 'Nothing was accepted, so nothing is shown.'],
  ]
  return promises.filter(([holds]) => !holds).map(([, sentence]) => sentence)
}
