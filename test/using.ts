/** Closes what a test opened, newest first, whatever became of the test. (`await using` is a syntax error on Node 22.) */
export type Use = <Resource extends AsyncDisposable>(resource: Resource) => Resource

export function using(run: (use: Use) => Promise<void>): () => Promise<void> {
  return async () => {
    const resources: AsyncDisposable[] = []
    try {
      await run((resource) => {
        resources.push(resource)
        return resource
      })
    } finally {
      for (const resource of resources.toReversed()) await resource[Symbol.asyncDispose]()
    }
  }
}
