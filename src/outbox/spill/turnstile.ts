/** One at a time, in the order of asking. */
export class Turnstile {
  #last: Promise<unknown> = Promise.resolve()

  pass<Result>(work: () => Promise<Result>): Promise<Result> {
    const result = this.#last.then(work)
    this.#last = result.catch(() => {})
    return result
  }
}
