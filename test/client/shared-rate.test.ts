/** One limit of the account, several processes on virtual time: what they do together. */
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { createCrowd, type Crowd, type Member } from './crowd.ts'

const single = { batch: { operationsMax: 1 } } as const

function fill(member: Member, from: number, count: number): Promise<unknown> {
  return Promise.all(Array.from({ length: count }, (_, n) => member.cio.identify(`p${from + n}`, { n })))
}

function answersOf({ members }: Crowd): readonly { readonly atMs: number; readonly status: number | null }[] {
  return members.flatMap(({ answers }) => answers).sort((a, b) => a.atMs - b.atMs)
}

/** The most answers in any span of a second. */
function mostInASecond(crowd: Crowd): number {
  const times = answersOf(crowd).map(({ atMs }) => atMs)
  let most = 0
  for (let last = 0, first = 0; last < times.length; last++) {
    while (times[first]! <= times[last]! - 1_000) first++
    most = Math.max(most, last - first + 1)
  }
  return most
}

test('eight processes together keep to the ceiling that one of them would keep to', async () => {
  const crowd = createCrowd(8, { ...single, rateLimit: { perSecond: 80 } })
  const { members, soon, clock, close } = crowd
  await soon(Promise.all(members.map(({ cio }) => cio.ready())))
  await soon(fill(members[0]!, 0, 2_000))
  await clock.advance(15_000)
  const answers = answersOf(crowd)
  assert.ok(mostInASecond(crowd) <= 80 + 8 + 8, `${mostInASecond(crowd)} in a second`)
  assert.ok(answers.length > 0.9 * 80 * 15, `${answers.length} requests in 15 s`)
  assert.ok(
    members.every((member) => member.answers.length > 100),
    'each has its part of the work',
  )
  await close()
})

for (const retryAfter of [true, false]) {
  test(`five processes find the limit of the account with few 429s${retryAfter ? '' : ', although none says how long'}`, async () => {
    const crowd = createCrowd(
      5,
      { ...single, rateLimit: { perSecond: 100 } },
      { rateLimit: { perSecond: 60, retryAfter } },
    )
    const { members, soon, clock, close } = crowd
    await soon(Promise.all(members.map(({ cio }) => cio.ready())))
    await soon(fill(members[0]!, 0, 8_000))
    await clock.advance(120_000)
    const answers = answersOf(crowd)
    const refused = answers.filter(({ status }) => status === 429).length
    assert.ok(refused / answers.length < 0.005, `${refused} of ${answers.length} were 429`)
    assert.ok(answers.length - refused > 0.9 * 60 * 120, `${answers.length - refused} taken in 120 s`)
    await close()
  })
}
