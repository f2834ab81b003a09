/** A side of a comparison: one call, made again and again. What it throws it catches itself, as its users must. */

export type Call = () => Promise<unknown>

/** A module of `sides/`. */
export interface Side {
  readonly open: () => Promise<Call>
}

/** The operation that is called: it resolves at once, so that all that is measured is what lies around it. */
export async function operation(): Promise<number> {
  return 1
}

/** The same, for policies that hand a signal to it: it reads the signal, as every `fetch` does. */
export async function operationWithSignal(signal: AbortSignal): Promise<number> {
  return signal.aborted ? 0 : 1
}

export function failing(): Promise<never> {
  return Promise.reject(new Error('the server is down'))
}
