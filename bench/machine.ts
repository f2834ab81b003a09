/** The machine as far as the figures depend on it. */
import { closeSync, fdatasyncSync, openSync, rmSync, writeSync } from 'node:fs'
import { availableParallelism, cpus, loadavg, totalmem } from 'node:os'
import { join } from 'node:path'

export interface Machine {
  readonly processor: string
  readonly cores: number
  readonly memoryGb: number
  readonly node: string
  /** Runnable processes, average of a minute. Above the number of cores, others take time from the bench. */
  readonly load: number
  /** Appends of 4 KiB, each followed by fdatasync, a second. */
  readonly syncsPerSecond: number
}

export function machineOf(folder: string): Machine {
  return {
    processor: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memoryGb: Math.round(totalmem() / 1e9),
    node: process.version,
    load: loadavg()[0] ?? 0,
    syncsPerSecond: Math.round(syncRate(folder)),
  }
}

/** One number varies by a factor of two within minutes on a shared disk: it is context, never a baseline. */
function syncRate(folder: string): number {
  const path = join(folder, 'sync-rate')
  const file = openSync(path, 'w')
  const block = Buffer.alloc(4096, 1)
  const startedMs = performance.now()
  let syncs = 0
  while (performance.now() - startedMs < 400) {
    writeSync(file, block)
    fdatasyncSync(file)
    syncs++
  }
  const seconds = (performance.now() - startedMs) / 1000
  closeSync(file)
  rmSync(path)
  return syncs / seconds
}

export function sentence(machine: Machine): string {
  const { processor, cores, memoryGb, node, load, syncsPerSecond } = machine
  return `${cores} cores (${processor}), ${memoryGb} GB, Node ${node.slice(1)}, load ${load.toFixed(1)}, ${syncsPerSecond} fdatasync/s`
}
