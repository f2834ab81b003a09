/** Checks of the process and the machine around it. */
import { fail, ok, skipped, type Verdict, warn } from './check.ts'
import type { Probes } from './probes.ts'

const NODE_MIN = [22, 18] as const
const FILES_FAIL = 256
const FILES_WARN = 4_096
const MEBIBYTE = 1024 * 1024
const MEMORY_FAIL_BYTES = 128 * MEBIBYTE
const MEMORY_WARN_BYTES = 256 * MEBIBYTE

export function checkNode({ nodeVersion }: Probes): Verdict {
  const [major = 0, minor = 0] = nodeVersion.split('.').map(Number)
  const isOld = major < NODE_MIN[0] || (major === NODE_MIN[0] && minor < NODE_MIN[1])
  return isOld
    ? fail(`Node ${nodeVersion} is too old`, `Use ${NODE_MIN.join('.')} or later.`)
    : ok(`Node ${nodeVersion}`)
}

export function checkOpenFiles(probes: Probes): Verdict {
  const limit = probes.openFilesMax()
  if (limit === null) return skipped('this system does not say how many files may be open')
  const said = `${limit === Infinity ? 'any number of' : limit} files and connections may be open`
  if (limit < FILES_FAIL) return fail(said, 'Raise it (ulimit -n): each connection is one.')
  if (limit < FILES_WARN) return warn(said, 'Raise it (ulimit -n) where many clients connect.')
  return ok(said)
}

export function checkMemory(probes: Probes): Verdict {
  const bytes = probes.memoryMaxBytes()
  if (bytes === null) return ok('no limit of a container')
  const said = `the container has ${Math.floor(bytes / MEBIBYTE)} MiB`
  if (bytes < MEMORY_FAIL_BYTES) return fail(said, 'Node alone needs most of that: give it 256 MiB at least.')
  if (bytes < MEMORY_WARN_BYTES) return warn(said, 'Give it more where much waits or many clients connect.')
  return ok(said)
}
