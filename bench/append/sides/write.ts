/** One write and one fdatasync for each operation, on the main thread: the least that one durable append can cost. */
import { closeSync, fdatasyncSync, openSync, statSync, writeSync } from 'node:fs'
import { join } from 'node:path'

import { operationOf } from '../../sample-calls.ts'
import { at, calls, type Place, type Side } from '../side.ts'

export async function open({ folder }: Place): Promise<Side> {
  const path = join(folder, 'log')
  const file = openSync(path, 'w')
  const operations = calls.map(operationOf)
  let bytes = 0
  let stored = 0
  return {
    async append(index) {
      bytes += writeSync(file, JSON.stringify(at(operations, index)))
      fdatasyncSync(file)
      stored++
    },
    async close() {
      closeSync(file)
      return statSync(path).size === bytes ? stored : 0
    },
  }
}
