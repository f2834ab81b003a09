/** The settings of one outbox, whatever keeps it. Which of them belong to which kind is in `outbox-kinds.ts`. */
import { OUTBOX_KINDS, type OutboxConfig, type SpillConfig } from './relay-config.ts'
import { boolean, choice, duration, orNone, path, secret, section, size, text, whole, type Shape } from './setting.ts'

const SECOND = 1_000
const MINUTE = 60_000
const DAY = 86_400_000
const KIB = 1_024

const spillSettings: Shape<SpillConfig> = {
  enabled: orNone(
    boolean({
      about: 'bullmq: whether calls are stored in a file of this machine while Redis is away. On unless given.',
      change: 'restart',
    }),
  ),
  path: orNone(path({ about: 'bullmq: that file. `<dataDir>/<workspace>.spill` unless given.', change: 'restart' })),
  onOutage: orNone(
    choice(['hold', 'deliver'], {
      about:
        'bullmq: `hold`: what is in that file waits for Redis. `deliver`: it also goes out from there. `hold` unless given.',
      change: 'restart',
    }),
  ),
  deliverAfter: orNone(
    duration({
      about: 'bullmq: with `deliver`, for how long Redis has been away before that. 1 minute unless given.',
      min: SECOND,
      max: DAY,
      change: 'restart',
    }),
  ),
  maxBytes: orNone(
    size({
      about: 'bullmq: stored operations in that file. As much as that of the outbox unless given.',
      min: KIB,
      max: Number.MAX_SAFE_INTEGER,
      change: 'restart',
    }),
  ),
}

export const outboxSettings: Shape<OutboxConfig> = {
  kind: choice(OUTBOX_KINDS, {
    about:
      'What keeps them: a file of this machine, Redis (with BullMQ), or Postgres. The last two serve many machines.',
    initial: 'sqlite',
    change: 'restart',
  }),
  url: orNone(
    secret({
      about: 'bullmq, postgres: URL of the server, with user and password where it wants them.',
      change: 'reload',
    }),
  ),
  prefix: orNone(
    text({
      about: 'bullmq: what its keys in Redis begin with. `holdfast` unless given.',
      pattern: /^[A-Za-z0-9_.-]{1,40}$/,
      allowed: 'letters, digits, ".", "_" and "-", up to 40',
      change: 'restart',
    }),
  ),
  schema: orNone(
    text({
      about: 'postgres: the schema of its tables, which `holdfast migrate` makes. `holdfast` unless given.',
      pattern: /^(?!pg_)[a-z_][a-z0-9_]{0,62}$/,
      allowed: 'small letters, digits and "_", up to 63, no digit and no "pg_" first',
      change: 'restart',
    }),
  ),
  listen: orNone(
    boolean({
      about: 'postgres: be woken by LISTEN, on a connection of its own; not through PgBouncer. Off unless given.',
      change: 'reload',
    }),
  ),
  requireDurability: orNone(
    boolean({
      about: 'bullmq, postgres: do not use a server that may lose what it has confirmed. Off unless given.',
      change: 'reload',
    }),
  ),
  timeout: orNone(
    duration({
      about: 'bullmq, postgres: one command or statement. 2s for Redis and 10s for Postgres unless given.',
      min: 50,
      max: 10 * MINUTE,
      change: 'reload',
    }),
  ),
  maxBytes: size({
    about: 'Stored operations, waiting ones and dead letters together. On disk they take about a quarter more.',
    initial: '2GiB',
    min: 1,
    max: Number.MAX_SAFE_INTEGER,
    change: 'reload',
  }),
  maxOperations: whole({
    about: 'Number of stored operations, waiting ones and dead letters together.',
    initial: 10_000_000,
    min: 1,
    max: Number.MAX_SAFE_INTEGER,
    change: 'reload',
  }),
  durability: choice(['power', 'os'], {
    about: '`power`: what is answered survives loss of power. `os`: only the death of the process (sqlite).',
    initial: 'power',
    change: 'reload',
  }),
  spill: section('Where calls are stored while the server is away.', spillSettings),
}
