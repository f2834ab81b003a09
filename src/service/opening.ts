/** The wait for the outboxes at the start: files must open, a server may be away. */
import { isShared, type RelayConfig } from '../config/index.ts'
import { codeOf } from '../errors.ts'

/** A workspace whose server is away: it cannot store yet, and is tried again until it can. */
export interface Away {
  readonly workspace: string
  readonly code: string
  readonly message: string
}

interface Opened {
  ready(): Promise<unknown>
}

/**
 * Resolves once each is open or known to be away.
 * @throws what is wrong with one in another way: time would not mend it
 */
export async function openedOrAway(
  workspaces: ReadonlyMap<string, Opened>,
  config: RelayConfig,
): Promise<readonly Away[]> {
  const found = await Promise.all(
    Array.from(workspaces, async ([workspace, client]): Promise<Away | null> => {
      try {
        await client.ready()
        return null
      } catch (error) {
        const kind = config.workspaces[workspace]?.outbox.kind ?? 'sqlite'
        if (!isShared(kind) || codeOf(error) !== 'OUTBOX_UNAVAILABLE') throw error
        return { workspace, code: codeOf(error), message: (error as Error).message }
      }
    }),
  )
  return found.filter((one) => one !== null)
}
