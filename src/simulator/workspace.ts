/** The questions a test may ask about what Customer.io would remember. Every answer is a copy that later calls do not change. */
import { OptionsError } from '../errors.ts'
import type { Call, PersonRef } from '../protocol/call.ts'
import { objectView, type ObjectView } from './objects.ts'
import { type EventRecord, type PersonView, viewOf } from './person.ts'
import { type FormSubmission, type Ignored, type MetricRecord, State, type UnsubscribeRecord } from './state.ts'

export interface WorkspaceOptions {
  readonly on: boolean
  readonly recordsMax: number
  /** Whether a v1 name that looks like an e-mail address is one. */
  readonly byShape: boolean
}

export class Workspace {
  readonly #on: boolean
  readonly #max: number
  readonly #state: State
  #overflowed = false

  constructor(options: WorkspaceOptions) {
    this.#on = options.on
    this.#max = options.recordsMax
    this.#state = new State(options.byShape)
  }

  /**
   * A person by name: a text is read as a v1 path is (an id, an e-mail address, or `cio_` and a cio_id).
   * @example `assert.equal(simulator.workspace.person('42')?.attributes['plan'], 'pro')`
   */
  person(name: string | PersonRef): PersonView | undefined {
    const state = this.#ask()
    const person = state.people.find(state.nameOf(typeof name === 'string' ? { by: 'path', value: name } : name))
    return person === undefined ? undefined : viewOf(person)
  }

  /** Everybody, in the order in which they came to exist. */
  people(): readonly PersonView[] {
    return Array.from(this.#ask().people.all(), viewOf)
  }

  /** Whether calls that name them are ignored. */
  isSuppressed(name: string | PersonRef): boolean {
    const state = this.#ask()
    return state.people.isSuppressed(state.nameOf(typeof name === 'string' ? { by: 'path', value: name } : name))
  }

  object(objectTypeId: string, objectId: string): ObjectView | undefined {
    const object = this.#ask().objects.find({ objectTypeId, objectId })
    return object === undefined ? undefined : objectView(object)
  }

  objects(): readonly ObjectView[] {
    return Array.from(this.#ask().objects.all(), objectView)
  }

  /** What a visitor did who has not been identified yet. */
  anonymousEvents(anonymousId: string): readonly EventRecord[] {
    return this.#ask().history.anonymous(anonymousId)
  }

  /** Events without a person. */
  invites(): readonly EventRecord[] {
    return this.#ask().history.invites()
  }

  /** Undefined for a form that was never submitted. */
  form(formId: string): readonly FormSubmission[] | undefined {
    return this.#ask().forms.get(formId)?.slice()
  }

  metrics(): readonly MetricRecord[] {
    return this.#ask().metrics.slice()
  }

  unsubscribes(): readonly UnsubscribeRecord[] {
    return this.#ask().unsubscribes.slice()
  }

  /** Forgets everything, event ids and suppressions included. */
  clear(): void {
    this.#state.clear()
    this.#overflowed = false
  }

  /** Does what a call asks; null, or why that is without effect. Always null when the state is switched off. */
  apply(call: Call, nowMs: number): Ignored | null {
    return this.#on ? this.#state.apply(call, nowMs) : null
  }

  touchForm(formId: string): void {
    if (this.#on) this.#state.touchForm(formId)
  }

  /** @throws OptionsError when so many operations might not find room */
  reserve(operations: number): void {
    if (!this.#on || this.#state.size + operations <= this.#max) return
    this.#overflowed = true
    throw this.#full()
  }

  #ask(): State {
    if (!this.#on) throw new OptionsError('state', 'is switched off, so there is nothing to ask')
    if (this.#overflowed) throw this.#full()
    return this.#state
  }

  #full(): OptionsError {
    return new OptionsError('stateMax', `the workspace is full at ${this.#max} records: clear it, or give it more room`)
  }
}
