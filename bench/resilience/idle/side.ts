/** Makes a breaker, and gives a call through it. A module of `sides/` exports it as `make`. */
export type MakeBreaker = () => () => Promise<unknown>
