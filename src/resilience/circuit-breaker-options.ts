/**
 * What `CircuitBreaker` can be told: the breaker's full set of options, or the three words of the plain recipe.
 *
 * One of the three words makes a breaker of the recipe: the other two take the recipe's values, and all that the
 * recipe does not know is off, so that nothing but five failures in a row opens it and an open time is what it says.
 * Options of the full set then add to it, one by one.
 */
import { OptionsError } from '../errors.ts'
import type { Clock } from '../runtime/clock.ts'
import type { Random } from '../runtime/runtime.ts'
import { systemRuntime } from '../runtime/system.ts'
import {
  breakerDefaults,
  resolveBreakerOptions,
  type BreakerOptions,
  type ResolvedBreakerOptions,
  type Transition,
} from './breaker-options.ts'
import { checkNumber } from './check-number.ts'
import type { ClassifyCall } from './judge.ts'

/**
 * Without one of `failureThreshold`, `successThreshold` and `timeout` it is a breaker of the full set, with the
 * defaults that stand at each option. With one of them:
 *
 * - failures in a row open it and nothing else does, until one of `failureRatio`, `slowRatio`, `slowMs`, `callsMin`
 *   and `windowMs` is given, which switches the ratios on;
 * - the open time neither grows (`openGrowth` 1) nor varies (`openJitter` 0) nor follows a Retry-After
 *   (`retryAfterCapMs` 0), until these are given.
 */
export interface CircuitBreakerOptions extends BreakerOptions {
  /** The recipe's word for `consecutiveFailures`: this many failures in a row open the circuit. @defaultValue 5 with another word of the recipe */
  readonly failureThreshold?: number
  /** The recipe's word for `probeSuccesses`: this many good probes close it. @defaultValue 3 */
  readonly successThreshold?: number
  /** The recipe's word for `openMs`: it is open for this many milliseconds, exactly. @defaultValue 30000 with another word of the recipe */
  readonly timeout?: number
  /**
   * What a call's end says about the server. Where it throws or says something else, the default holds.
   * @defaultValue `classify`
   */
  readonly classify?: ClassifyCall
  /** @defaultValue the system's */
  readonly clock?: Clock
  /** For the jitter. @defaultValue `Math.random` */
  readonly random?: Random
}

export interface ResolvedCircuitBreakerOptions {
  /** Without its listener, which stands below. */
  readonly breaker: ResolvedBreakerOptions
  readonly onTransition: ((transition: Transition) => void) | undefined
  readonly classify: ClassifyCall | undefined
  readonly clock: Clock
  readonly random: Random
}

/** Options that were resolved once for many breakers, with a listener for one of them. The registry alone makes these. */
export class SharedOptions {
  readonly resolved: ResolvedCircuitBreakerOptions

  constructor(resolved: ResolvedCircuitBreakerOptions, onTransition: (transition: Transition) => void) {
    this.resolved = { ...resolved, onTransition }
  }
}

const recipeDefaults = Object.freeze({ failureThreshold: 5, successThreshold: 3, timeout: 30_000 })

/** What each word of the recipe is called in the full set. */
const fullNames = Object.freeze({
  failureThreshold: 'consecutiveFailures',
  successThreshold: 'probeSuccesses',
  timeout: 'openMs',
} as const)

const recipeWords = Object.keys(recipeDefaults) as readonly (keyof typeof recipeDefaults)[]
const ratioOptions = ['failureRatio', 'slowRatio', 'slowMs', 'callsMin', 'windowMs'] as const
const known: ReadonlySet<string> = new Set([
  ...Object.keys(breakerDefaults),
  ...recipeWords,
  'classify',
  'clock',
  'random',
])

/** @throws OptionsError naming the field */
export function resolveCircuitBreakerOptions(options: CircuitBreakerOptions = {}): ResolvedCircuitBreakerOptions {
  const given = givenOf(options)
  const { classify, clock, random } = given
  if (classify !== undefined && typeof classify !== 'function') throw new OptionsError('classify', 'must be a function')
  if (random !== undefined && typeof random !== 'function') throw new OptionsError('random', 'must be a function')
  if (clock !== undefined && typeof clock?.monotonicMs !== 'function')
    throw new OptionsError('clock', 'must be a Clock')
  const full = fullSetOf(given)
  const told = recipeWords.some((word) => given[word] !== undefined) ? { ...recipeOf(given), ...full } : full
  return {
    breaker: Object.keys(told).length === 0 ? breakerDefaults : resolveBreakerOptions(told),
    onTransition: full.onTransition,
    classify,
    clock: clock ?? systemRuntime.clock,
    random: random ?? systemRuntime.random,
  }
}

/** Without what is there but undefined. */
function givenOf(options: CircuitBreakerOptions): CircuitBreakerOptions {
  if (typeof options !== 'object' || options === null) throw new OptionsError('options', 'must be an object')
  for (const name of Object.keys(options)) if (!known.has(name)) throw new OptionsError(name, 'is not an option')
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined))
}

function fullSetOf(given: CircuitBreakerOptions): BreakerOptions {
  return Object.fromEntries(Object.entries(given).filter(([name]) => Object.hasOwn(breakerDefaults, name)))
}

function recipeOf(given: CircuitBreakerOptions): BreakerOptions {
  for (const word of recipeWords) {
    if (given[word] !== undefined && given[fullNames[word]] !== undefined) {
      throw new OptionsError(word, `says the same as ${fullNames[word]}: give one of the two`)
    }
  }
  const { failureThreshold, successThreshold, timeout } = { ...recipeDefaults, ...given }
  // Here, for the field that is named must be the one that was written.
  checkNumber('failureThreshold', failureThreshold, { min: 1, integer: true })
  checkNumber('successThreshold', successThreshold, { min: 1, integer: true })
  checkNumber('timeout', timeout, { above: 0 })
  const ratiosOff = { callsMin: Infinity, slowMs: Infinity }
  return {
    consecutiveFailures: failureThreshold,
    probeSuccesses: successThreshold,
    openMs: timeout,
    openGrowth: 1,
    openJitter: 0,
    retryAfterCapMs: 0,
    ...(ratioOptions.some((name) => given[name] !== undefined) ? {} : ratiosOff),
  }
}
