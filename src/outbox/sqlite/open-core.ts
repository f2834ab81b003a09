/** Opens the core on a file, and sets a damaged file aside first where the options allow it. */
import { isDamage } from './failure.ts'
import { type CoreContext, SqliteCore } from './core.ts'
import type { ResolvedSqliteOptions } from './options.ts'
import { rescue } from './rescue.ts'

/** @throws OutboxError */
export function openCore(options: ResolvedSqliteOptions, context: CoreContext): SqliteCore {
  try {
    return new SqliteCore(options, context)
  } catch (error) {
    if (!isDamage(error) || options.onDamage === 'refuse') throw error
  }
  const quarantined = rescue(options, context.workspace, context.runtime)
  const core = new SqliteCore(options, context)
  context.notice(quarantined)
  return core
}
