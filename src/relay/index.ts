/**
 * `holdfast/relay`: Customer.io's Track API as a function of requests. What it takes is stored durably, and delivered once
 * in effect and in order per person.
 */
export { createRelay } from './relay.ts'
export type { Relay, RelayCloseReport, RequestArrival } from './relay.ts'
export type { InboundCredentials } from './credentials.ts'
export type { RelayOptions, WorkspaceOptions } from './options.ts'
export type { Reconfigured } from './reconfigure.ts'
export type { RelayClient } from './relay-client.ts'
export type { RetriesOptions } from './retries.ts'
export type { SurvivorsOptions } from './survivors.ts'
export { ListenError } from '../errors.ts'
export { answer } from '../http/answer.ts'
export { listen } from '../http/listen.ts'
export type { Arrival, Handler, Listening, ListenOptions, TlsOptions } from '../http/listen.ts'
export type { RelayEvent, RelayListener, RelayPhase, RelayResult } from '../observe/relay-events.ts'
