import assert from 'node:assert/strict'
import { test } from 'node:test'

import type { PauseNote, Traffic } from '../../src/admin/contract.ts'
import { stoppedVerdict, VERDICT_CODES, verdictOf, type WorkspaceFacts } from '../../src/admin/verdict.ts'
import type { Watched } from '../../src/admin/chronicle.ts'
import type { Stats } from '../../src/client/reports.ts'
import type { HealthFacts } from '../../src/observe/health.ts'
import type { RelayPhase } from '../../src/observe/relay-events.ts'
import { healthWith } from '../observe/health-of.ts'

const NOW = Date.UTC(2026, 0, 1, 14, 14)
const TWELVE_MIN_AGO = NOW - 720_000

const OUTBOX: Stats = {
  role: 'active',
  waiting: 0,
  waitingBytes: 0,
  inFlight: 0,
  lanesHeld: 0,
  deadLetters: 0,
  deadBytes: 0,
  operationsMax: 1_000_000,
  bytesMax: 1_000_000_000,
  oldestAcceptedAtMs: null,
  oldestCampaignAtMs: null,
  totals: { accepted: 0, delivered: 0, dead: 0, expired: 0, purged: 0, dropped: 0, duplicates: 0 },
  spilled: 0,
  lost: 0,
  deliveredDirectly: 0,
  requestsInFlight: 0,
  circuitState: 'closed',
  perSecond: 100,
  paused: false,
  pausedForAll: null,
  handles: null,
  parked: false,
}

interface Given {
  readonly name?: string
  readonly outbox?: Partial<Stats>
  readonly facts?: Partial<HealthFacts>
  readonly watched?: Partial<Omit<Watched, 'since'>> & { readonly sinceMs?: number }
  readonly pause?: PauseNote
  readonly traffic?: Traffic
}

function workspace({
  name = 'shop',
  outbox = {},
  facts = {},
  watched = {},
  pause,
  traffic,
}: Given = {}): WorkspaceFacts {
  const stats = { ...OUTBOX, ...outbox }
  const { sinceMs = null, ...seen } = watched
  return {
    name,
    stats,
    health: healthWith({ outbox: stats, wallMs: NOW, ...facts }),
    watched: {
      since: { circuitAtMs: sinceMs, parkedAtMs: sinceMs, pausedAtMs: sinceMs },
      parked: null,
      lastError: null,
      ...seen,
    },
    pause: pause ?? null,
    traffic: traffic ?? null,
  }
}

const open = { circuitState: 'open' } as const
const CREDENTIALS = { reason: 'credentials', status: 401 } as const
const REJECTED = { reason: 'mostly-rejected', status: 404 } as const
const late = { waiting: 84_231, oldestAcceptedAtMs: TWELVE_MIN_AGO }

const table: readonly (readonly [string, string, readonly Given[], RelayPhase?])[] = [
  ['ok', 'Delivering normally', [{}]],
  ['ok', 'Delivering normally', [{}, { name: 'blog', outbox: { role: 'standby' } }]],
  ['ok', 'No workspaces', []],
  ['standby', 'Standing by: another process delivers from this outbox', [{ outbox: { role: 'standby' } }]],
  [
    'unreachable',
    'Customer.io unreachable since 14:02 UTC (12 min): accepting and storing; 0 lost',
    [{ facts: open, watched: { sinceMs: TWELVE_MIN_AGO, lastError: { atMs: NOW, status: null, reason: 'refused' } } }],
  ],
  [
    'unreachable',
    'Customer.io unreachable since 2025-12-30 14:14 UTC (2 d): accepting and storing; 0 lost',
    [{ facts: { circuitState: 'half-open' }, watched: { sinceMs: NOW - 2 * 86_400_000 } }],
  ],
  ['unreachable', 'Customer.io unreachable: accepting and storing; 0 lost', [{ facts: open }]],
  [
    'errors',
    'Customer.io answers with errors (503) since 14:02 UTC (12 min): accepting and storing; 0 lost',
    [{ facts: open, watched: { sinceMs: TWELVE_MIN_AGO, lastError: { atMs: NOW, status: 503, reason: null } } }],
  ],
  [
    'credentials',
    'Credentials rejected (401) for workspace shop since 14:02 UTC (12 min): storing; fix the key, it resumes by itself',
    [{ facts: { parked: CREDENTIALS }, watched: { sinceMs: TWELVE_MIN_AGO, parked: CREDENTIALS } }, { name: 'blog' }],
  ],
  [
    'mostly-rejected',
    'Most requests rejected (404): storing; check region and configuration, it resumes by itself',
    [{ facts: { parked: REJECTED }, watched: { parked: REJECTED } }],
  ],
  [
    'paused',
    'Paused since 14:02 UTC (12 min) (“migration”): storing; resume to deliver',
    [{ facts: { paused: true }, pause: { who: 'admin', why: 'migration', atMs: TWELVE_MIN_AGO } }],
  ],
  [
    'lost',
    'Lost: 3 accepted operations missing from the outbox for workspace shop',
    [
      { outbox: { lost: 3 }, facts: open },
      { name: 'blog', facts: { paused: true } },
    ],
  ],
  [
    'cannot-store',
    'Cannot store (OUTBOX_DISK_FULL): new calls are refused; 12 waiting',
    [{ outbox: { waiting: 12 }, facts: { storeErrorCode: 'OUTBOX_DISK_FULL' } }],
  ],
  ['filling', 'Outbox 92 % full: accepting until it is full; 920,000 waiting', [{ outbox: { waiting: 920_000 } }]],
  [
    'throttled',
    'Customer.io asks to slow down: delivering at 2.5 requests/s; 7 waiting',
    [{ outbox: { waiting: 7 }, facts: { cooldownMs: 4_000, rate: 2.5 } }],
  ],
  [
    'catching-up',
    'Catching up: 84,231 waiting, the oldest for 12 min; current at ≈15:10 UTC',
    [{ outbox: late, traffic: { acceptedPerSecond: 1, deliveredPerSecond: 26, died: 0, currentInMs: 56 * 60_000 } }],
  ],
  [
    'catching-up',
    'Catching up: 84,231 waiting, the oldest for 12 min; not getting less',
    [{ outbox: late, traffic: { acceptedPerSecond: 9, deliveredPerSecond: 3, died: 0, currentInMs: null } }],
  ],
  [
    'campaign-window',
    'Campaign window closing: events that wait can trigger campaigns for 11 h more',
    [{ outbox: { waiting: 1, oldestAcceptedAtMs: NOW, oldestCampaignAtMs: NOW - 61 * 3_600_000 } }],
  ],
  [
    'degraded',
    'Degraded: the account lives in the region eu, and requests go elsewhere: set the region',
    [
      {
        facts: {
          probe: {
            asked: true,
            atMs: NOW,
            outcome: 'region-mismatch',
            status: 200,
            latency: 1,
            region: 'eu',
            reason: null,
          },
        },
      },
    ],
  ],
  [
    'dying',
    'Delivering for workspace shop, but 412 new dead letters in the last minute: see what they died of',
    [{ traffic: { acceptedPerSecond: 9, deliveredPerSecond: 3, died: 412, currentInMs: null } }, { name: 'blog' }],
  ],
  ['starting', 'Starting: outbox not open yet; no calls are taken', [{ facts: { phase: 'starting', outbox: null } }]],
  ['starting', 'Starting: outbox not open yet; no calls are taken', [{}], 'starting'],
  [
    'stopping',
    'Stopping: no new calls are taken; 1,204 waiting, kept for the next start',
    [{ outbox: { waiting: 1_204 } }],
    'draining',
  ],
  [
    'unreachable',
    'Customer.io unreachable for 2 of 3 workspaces: accepting and storing; 0 lost',
    [{ facts: open }, { name: 'blog', facts: open }, { name: 'news' }],
  ],
]

for (const [code, text, given, phase = 'serving'] of table) {
  test(`verdict: ${text}`, () => {
    const verdict = verdictOf({ phase, workspaces: given.map(workspace), nowMs: NOW })
    assert.deepEqual([verdict.code, verdict.text], [code, text])
  })
}

test('every sentence of the fixed set is in the table', () => {
  const tested = new Set(table.map(([code]) => code))
  assert.deepEqual(
    VERDICT_CODES.filter((code) => !tested.has(code)),
    [],
  )
})

const stopped: readonly (readonly [string, Parameters<typeof stoppedVerdict>[0]])[] = [
  [
    'Relay stopped: no new calls are taken; 12 waiting, kept for the next start',
    { waiting: 12, lost: 0, openElsewhere: [], shared: [], unreadable: [] },
  ],
  [
    'No relay answers here, but a process delivers from the outbox of shop: look for its address and its token',
    { waiting: 12, lost: 0, openElsewhere: ['shop'], shared: [], unreadable: [] },
  ],
  [
    'No relay answers here: 12 waiting, kept on a server; relays elsewhere may deliver them',
    { waiting: 12, lost: 0, openElsewhere: [], shared: ['shop'], unreadable: [] },
  ],
  [
    'No relay answers, and the outbox of shop, blog cannot be read',
    { waiting: 0, lost: 0, openElsewhere: [], shared: [], unreadable: ['shop', 'blog'] },
  ],
  [
    'No relay answers, and lost: 1 accepted operation missing from the outbox',
    { waiting: 0, lost: 1, openElsewhere: [], shared: [], unreadable: [] },
  ],
]

for (const [text, facts] of stopped) {
  test(`verdict without a relay: ${text}`, () => assert.equal(stoppedVerdict(facts).text, text))
}
