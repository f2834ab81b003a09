/**
 * The lines of the log: a closed set, each with a name that stays, a level and the reason why somebody reads it. The table
 * of docs/operating.md is checked against this one.
 */
export type LogLevel = 'debug' | 'info' | 'warn' | 'error'

/** From which level on lines are written; `silent` writes none. */
export type LogThreshold = 'trace' | LogLevel | 'fatal' | 'silent'

export interface LineKind {
  readonly level: LogLevel
  /** When it is written. */
  readonly when: string
  /** What to do about it. */
  readonly doThis: string
}

export type LogEvent =
  | 'starting'
  | 'listening'
  | 'started'
  | 'start-failed'
  | 'data-dir-shared'
  | 'left-behind'
  | 'store-away'
  | 'phase'
  | 'signal'
  | 'stopping'
  | 'stopped'
  | 'crashed'
  | 'handler-failed'
  | 'parked'
  | 'unparked'
  | 'circuit-open'
  | 'circuit-half-open'
  | 'circuit-closed'
  | 'throttled'
  | 'paused'
  | 'resumed'
  | 'role'
  | 'handles'
  | 'store'
  | 'store-risks'
  | 'spilling'
  | 'spill-ended'
  | 'dead-letters'
  | 'outbox-error'
  | 'outbox-full'
  | 'cannot-store'
  | 'storing-again'
  | 'quarantined'
  | 'damaged-entry'
  | 'unauthorized'
  | 'overloaded'
  | 'connection-refused'
  | 'lint'
  | 'workspaces'
  | 'reloaded'
  | 'restart-needed'
  | 'reload-refused'
  | 'admin'
  | 'log-failed'
  | 'dump'
  | 'answered'
  | 'request'

export const LOG_LINES: Readonly<Record<LogEvent, LineKind>> = {
  starting: { level: 'info', when: 'the process begins to open its outboxes', doThis: 'nothing' },
  listening: { level: 'info', when: 'a listener takes connections: `listener`, `url`', doThis: 'nothing' },
  started: {
    level: 'info',
    when: 'every outbox is open, but for those of `store-away`, and requests are taken',
    doThis: 'nothing',
  },
  'start-failed': {
    level: 'error',
    when: 'the relay could not start: `code`',
    doThis: 'mend what the code says; the process has ended',
  },
  'data-dir-shared': {
    level: 'warn',
    when: 'another process (`otherPid`) has the same `dataDir`: one delivers, all store',
    doThis: 'nothing during a rolling restart; otherwise end one of them',
  },
  'left-behind': {
    level: 'warn',
    when: 'a workspace has moved to a server, and its former file (`path`) still holds `deadLetters`',
    doThis: 'look at them with `outbox.kind: sqlite`; move the file away when nobody wants them',
  },
  'store-away': {
    level: 'error',
    when: 'at the start a server that keeps an outbox cannot be used (`code`): its workspace answers 503 until it can, and is tried again',
    doThis: 'look at the server, its URL and its password',
  },
  phase: { level: 'info', when: 'the relay goes `from` one phase `to` the next', doThis: 'nothing' },
  signal: { level: 'info', when: 'a signal arrived', doThis: 'nothing' },
  stopping: { level: 'info', when: 'the relay begins to stop', doThis: 'nothing' },
  stopped: {
    level: 'info',
    when: 'everything is closed; `waiting` and `deadLetters` are what remains in the files',
    doThis: 'nothing: what remains goes out after the next start',
  },
  crashed: {
    level: 'error',
    when: 'an error that nobody caught ends the process with 1; what was answered is on the disk',
    doThis: 'report it with its stack',
  },
  'handler-failed': {
    level: 'error',
    when: 'a request was answered 500 for an error of ours',
    doThis: 'report it with its stack',
  },
  parked: {
    level: 'error',
    when: 'Customer.io refuses the credentials or most requests (`code`, `status`)',
    doThis: 'mend the key, the region or the URL; delivery goes on by itself',
  },
  unparked: { level: 'info', when: 'Customer.io takes requests of the workspace again', doThis: 'nothing' },
  'circuit-open': {
    level: 'warn',
    when: 'Customer.io does not answer well (`code`)',
    doThis: 'nothing; calls are stored',
  },
  'circuit-half-open': {
    level: 'debug',
    when: 'one request at a time tries whether Customer.io is back',
    doThis: 'nothing',
  },
  'circuit-closed': { level: 'info', when: 'Customer.io answers well again', doThis: 'nothing' },
  throttled: {
    level: 'warn',
    when: 'Customer.io answered 429; at most one line in 10 s, with the `count`',
    doThis: 'nothing; lower `rateLimitPerSecond` if it stays',
  },
  paused: {
    level: 'warn',
    when: 'delivery was paused: `scope` is `process`, or `all` that share the outbox',
    doThis: '`holdfast resume` when it should go on',
  },
  resumed: { level: 'info', when: 'a pause of that `scope` is over', doThis: 'nothing' },
  role: { level: 'info', when: 'this process delivers (`active`) or stands by (`standby`)', doThis: 'nothing' },
  handles: { level: 'debug', when: 'so many processes (`count`) deliver from the outbox now', doThis: 'nothing' },
  store: { level: 'info', when: 'which `server` keeps the outbox', doThis: 'nothing' },
  'store-risks': {
    level: 'warn',
    when: 'the `server` of the outbox is configured so that it may lose operations; `count` reasons, which health names',
    doThis: 'mend its configuration',
  },
  spilling: {
    level: 'warn',
    when: 'the outbox is away (`code`) and calls are stored beside it',
    doThis: 'bring its server back; what is stored beside it goes into it by itself',
  },
  'spill-ended': { level: 'info', when: 'all that was stored beside the outbox is in it again', doThis: 'nothing' },
  'dead-letters': {
    level: 'warn',
    when: 'operations were given up (`code`); at most one line in 10 s for each reason, with the `count`',
    doThis: '`holdfast dead groups`',
  },
  'outbox-error': {
    level: 'error',
    when: 'the outbox failed `during` delivery (`code`); first, then every minute with the `count`',
    doThis: 'see "When calls cannot be stored"',
  },
  'outbox-full': {
    level: 'error',
    when: 'a bound of the outbox is reached and requests are answered 429; first, then every minute with the `count`',
    doThis: 'find out why delivery is behind; raise the bound; drop dead letters',
  },
  'cannot-store': {
    level: 'error',
    when: 'requests cannot be stored (`code`) and are answered 503; first, then every minute with the `count`',
    doThis: 'see "When calls cannot be stored"',
  },
  'storing-again': { level: 'info', when: 'requests are stored again', doThis: 'nothing' },
  quarantined: {
    level: 'error',
    when: 'a damaged file was set aside (`path`) and what could be read was taken over (`recovered`, `lost`)',
    doThis: 'keep the file; look at the disk',
  },
  'damaged-entry': {
    level: 'error',
    when: 'a stored operation does not match its checksum; at most one line in 10 s, with the `count`',
    doThis: 'look at the disk; the bytes are in a dead letter `damaged`',
  },
  unauthorized: {
    level: 'warn',
    when: 'requests come with credentials of no workspace; first, then every minute with the `count`',
    doThis: 'mend the keys of the application, or add them under `inbound`',
  },
  overloaded: {
    level: 'warn',
    when: 'more requests than `inFlightMax` were under way; first, then every minute with the `count`',
    doThis: 'raise the limit, or run more relays',
  },
  'connection-refused': {
    level: 'warn',
    when: 'connections were turned away (`code`); first, then every minute with the `count`',
    doThis: 'look at who connects; raise `connectionsMax`',
  },
  lint: {
    level: 'warn',
    when: 'with `lint: warn`, requests that Customer.io will refuse were taken (`code`); first, then every minute with the `count`',
    doThis: 'mend the application',
  },
  workspaces: { level: 'info', when: 'workspaces were `added`, `changed` or `removed`', doThis: 'nothing' },
  reloaded: { level: 'info', when: 'a new configuration is in use; `changed` lists its paths', doThis: 'nothing' },
  'restart-needed': {
    level: 'warn',
    when: 'a new configuration has changes (`changed`) that only a restart applies',
    doThis: 'restart',
  },
  'reload-refused': {
    level: 'error',
    when: 'a new configuration was refused and the old one stays: `problems`',
    doThis: 'mend it and reload',
  },
  admin: { level: 'info', when: 'somebody acted through the admin API (`act`)', doThis: 'nothing' },
  'log-failed': {
    level: 'error',
    when: 'lines could not be written and are missing: `count`. Nothing else was held up',
    doThis: 'make room, or mend what reads the log',
  },
  dump: { level: 'info', when: 'SIGUSR2: how everything is, in one line', doThis: 'nothing' },
  answered: { level: 'debug', when: 'a request was answered', doThis: 'nothing' },
  request: { level: 'debug', when: 'an attempt at Customer.io has ended', doThis: 'nothing' },
}

/** What a field of a line may be; texts are words of bounded sets, paths of our own files, addresses of our own listeners. */
export type LogValue = string | number | boolean | null | readonly LogValue[] | { readonly [name: string]: LogValue }

export interface LogLine {
  readonly event: LogEvent
  /** The sentence for people. */
  readonly message: string
  readonly workspace?: string
  /** Why, in one stable word. */
  readonly code?: string
  readonly fields?: Readonly<Record<string, LogValue>>
}
