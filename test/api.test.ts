/** The public names, one list for each subpath: a new one is a decision, a missing one a break. */
import assert from 'node:assert/strict'
import { test } from 'node:test'

import * as main from '../src/index.ts'
import * as relay from '../src/relay/index.ts'
import * as metrics from '../src/metrics/index.ts'
import * as opentelemetry from '../src/opentelemetry/index.ts'
import * as resilience from '../src/resilience/index.ts'
import * as simulator from '../src/simulator/index.ts'
import * as testing from '../src/testing/index.ts'

test('holdfast exports these names', () => {
  assert.deepEqual(Object.keys(main).sort(), [
    'AbortedError',
    'ClosedError',
    'CustomerIOHealthChecker',
    'ExecutionsFullError',
    'HoldfastError',
    'OptionsError',
    'OutboxError',
    'OutboxFullError',
    'RequestError',
    'ResilientCustomerIO',
    'ValidationError',
    'executeIdempotent',
    'generateIdempotencyKey',
    'isHoldfastError',
    'memoryIdempotencyStore',
    'memoryOutbox',
    'sqliteOutbox',
    'systemRuntime',
  ])
})

test('holdfast/relay exports these names', () => {
  assert.deepEqual(Object.keys(relay).sort(), ['ListenError', 'answer', 'createRelay', 'listen'])
})

test('holdfast/metrics exports these names', () => {
  assert.deepEqual(Object.keys(metrics).sort(), ['METRICS', 'createMetrics', 'prometheusNameOf'])
})

test('holdfast/opentelemetry exports these names', () => {
  assert.deepEqual(Object.keys(opentelemetry).sort(), ['instrument'])
})

test('holdfast/resilience exports these names', () => {
  assert.deepEqual(Object.keys(resilience).sort(), [
    'BreakerRegistry',
    'CircuitBreaker',
    'CircuitOpenError',
    'ConcurrencyLimit',
    'DeadlineError',
    'OptionsError',
    'QueueFullError',
    'RateGate',
    'RateLimitedError',
    'TimeoutError',
    'callResultOf',
    'classify',
    'createPipeline',
    'createRetryBudget',
    'earlierErrorsOf',
    'isHoldfastError',
    'withRetry',
    'withTimeout',
  ])
})

test('holdfast/simulator exports these names', () => {
  assert.deepEqual(Object.keys(simulator).sort(), ['SIMULATOR_DEFAULTS', 'createSimulator'])
})

test('holdfast/testing exports these names', () => {
  assert.deepEqual(Object.keys(testing).sort(), ['VirtualClock', 'createTestRuntime', 'outboxCases', 'seededRandom'])
})
