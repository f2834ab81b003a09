/** The bare log, given operations that are checked and stamped already. */
import { join } from 'node:path'

import { operationOf } from '../../sample-calls.ts'
import { at, calls, type Place, type Side } from '../side.ts'
import { openBareLog } from './bare-log.ts'

export async function open({ folder }: Place): Promise<Side> {
  const log = openBareLog(join(folder, 'log'))
  const operations = calls.map(operationOf)
  return {
    append: (index) => log.append(JSON.stringify(at(operations, index))),
    close: () => log.close(),
  }
}
