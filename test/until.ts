/** Waiting for the thing itself, where it happens in real time. */
import assert from 'node:assert/strict'

const LOOK_MS = 5
const LOOKS_MAX = 12_000

/** Resolves once it is so. Rejects after a minute, in which anything that still comes has come. */
export async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  for (let looks = 0; looks < LOOKS_MAX; looks++) {
    if (await isSo()) return
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS))
  }
  assert.fail(`it did not become so within a minute: ${String(isSo)}`)
}
