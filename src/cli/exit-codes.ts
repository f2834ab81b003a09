/** How the program ends: the numbers that scripts look at. 0 to 5 are those of Customer.io's own `cio` program. */
export const EXIT = {
  ok: 0,
  failed: 1,
  /** Wrong use: an unknown option, a value that cannot be. */
  usage: 2,
  unauthenticated: 3,
  forbidden: 4,
  /** Customer.io, or the relay, answered with an error. */
  api: 5,
  /** No relay answers, and there is no file to look into. */
  unreachable: 6,
  /** Refused for safety: needs `--yes` or `--all`. */
  unsafe: 7,
  /** Some of it was done, some was not. */
  partial: 8,
  /** The outbox is damaged. */
  damaged: 9,
  /** Not finished in the time given. */
  timeout: 10,
  /** The relay's own: another process holds what only one can, its store cannot be used, its configuration is wrong. */
  store: 74,
  locked: 75,
  config: 78,
} as const

export type ExitCode = (typeof EXIT)[keyof typeof EXIT]
