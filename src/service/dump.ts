/** How everything is, in one line, for SIGUSR2: numbers and words, nothing of anybody. */
import type { LogLine, LogValue } from '../logs/log-line.ts'
import type { HealthTree } from '../observe/health-tree.ts'
import type { RelayView } from './relay-view.ts'

export interface DumpParts {
  readonly view: RelayView
  readonly tree: HealthTree
  readonly connections: number
  readonly uptimeMs: number
  readonly lostLines: number
}

export async function dumpLine(parts: DumpParts): Promise<LogLine> {
  const { view, tree, connections, uptimeMs, lostLines } = parts
  const workspaces = await Promise.all(
    Array.from(view.workspaces, async ([name, client]) => [name, await numbersOf(client)] as const),
  )
  return {
    event: 'dump',
    message: `the relay is ${tree.status}`,
    fields: {
      phase: view.phase,
      status: tree.status,
      reasons: tree.reasons.map(({ code }) => code),
      ready: tree.ready,
      uptimeMs: Math.round(uptimeMs),
      connections,
      lostLines,
      rssBytes: process.memoryUsage.rss(),
      workspaces: Object.fromEntries(workspaces),
    },
  }
}

async function numbersOf(client: { stats(): Promise<object> }): Promise<LogValue> {
  try {
    return (await client.stats()) as Readonly<Record<string, LogValue>>
  } catch {
    return null
  }
}
