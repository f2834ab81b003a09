import assert from 'node:assert/strict'
import { test } from 'node:test'

import { OptionsError } from '../../src/errors.ts'
import { BreakerRegistry, type BreakerRegistryOptions } from '../../src/resilience/breaker-registry.ts'
import { VirtualClock } from '../../src/testing/virtual-clock.ts'
import { bad, down, good, pending, times } from './circuit.ts'

function registry(options: BreakerRegistryOptions = {}): BreakerRegistry {
  return new BreakerRegistry({ clock: new VirtualClock(), random: () => 0.5, failureThreshold: 2, ...options })
}

const keysOf = (breakers: BreakerRegistry): string[] => [...breakers].map(([key]) => key)

test('a key has one breaker, made when it is first asked for, and no part in the failures of others', async () => {
  const breakers = registry()
  assert.equal(breakers.peek('a'), undefined)
  const a = breakers.get('a')
  assert.equal(breakers.get('a'), a)
  assert.equal(breakers.peek('a'), a)
  await times(2, () => a.tryExecute(bad))
  assert.deepEqual([a.state, breakers.get('b').state, breakers.size], ['open', 'closed', 2])
  assert.deepEqual([breakers.delete('a'), breakers.delete('a'), breakers.size], [true, false, 1])
  assert.equal(breakers.get('a').state, 'closed')
})

test('for a new key the least recently used goes that is closed and idle', async () => {
  const breakers = registry({ keysMax: 4 })
  await times(2, () => breakers.get('open').tryExecute(bad))
  const running = pending()
  const call = breakers.get('busy').execute(running.operation)
  breakers.get('idle')
  breakers.get('used')
  breakers.get('idle')
  breakers.peek('used')
  breakers.get('first')
  assert.deepEqual(keysOf(breakers), ['open', 'busy', 'idle', 'first'])
  breakers.get('second')
  assert.deepEqual(keysOf(breakers), ['open', 'busy', 'first', 'second'])
  running.resolve('done')
  await call
})

test('where none is idle a closed one goes, and an outage that is known is forgotten last', async () => {
  const breakers = registry({ keysMax: 3 })
  const isolation = breakers.get('isolated').isolate()
  const running = pending()
  const call = breakers.get('busy').tryExecute(running.operation)
  await times(2, () => breakers.get('open').tryExecute(bad))
  await times(2, () => breakers.get('open too').tryExecute(bad))
  assert.deepEqual(keysOf(breakers), ['isolated', 'open', 'open too'])
  running.reject(down)
  assert.deepEqual(await call, { ok: false, reason: 'failed', error: down }, 'its call ends as it would have')
  breakers.get('new')
  assert.deepEqual(keysOf(breakers), ['isolated', 'open too', 'new'], 'and an isolation after that')
  isolation.release()
})

test('never more than keysMax, however many keys come', () => {
  const breakers = registry({ keysMax: 10 })
  for (let key = 0; key < 10_000; key++) breakers.get(`key ${key}`)
  assert.deepEqual([breakers.size, keysOf(breakers)[0]], [10, 'key 9990'])
})

test('its listeners learn of which key a change is, and may throw', async () => {
  const seen: string[] = []
  const breakers = registry({ onTransition: ({ key, to }) => seen.push(`option ${key} ${to}`) })
  breakers.subscribe(bad)
  const leave = breakers.subscribe(({ key, cause }) => seen.push(`${key} ${cause}`))
  await times(2, () => breakers.get('a').tryExecute(bad))
  leave()
  breakers.get('b').isolate()
  assert.deepEqual(seen, ['option a open', 'a consecutive-failures', 'option b open'])
  assert.equal(await breakers.get('c').execute(good), 'good')
})

test('wrong options and keys are OptionsErrors that name the field', () => {
  const wrong: readonly (readonly [string, unknown])[] = [
    ['keysMax', 0],
    ['keysMax', 2.5],
    ['keysMax', NaN],
    ['keysMax', '5'],
    ['keyMax', 5],
    ['failureThreshold', 0],
    ['onTransition', 'log'],
  ]
  for (const [field, value] of wrong) {
    assert.throws(
      () => new BreakerRegistry({ [field]: value }),
      (error) => error instanceof OptionsError && error.field === field,
      field,
    )
  }
  assert.throws(() => new BreakerRegistry(null as unknown as BreakerRegistryOptions), OptionsError)
  const isOfKey = (error: unknown): boolean => error instanceof OptionsError && error.field === 'key'
  assert.throws(() => registry().get(5 as unknown as string), isOfKey)
  assert.throws(() => registry().subscribe(null as unknown as () => void), OptionsError)
})
