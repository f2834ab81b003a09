/** Checks of the data folder and of what is in it. */
import { dirname, join } from 'node:path'

import { unreachable } from '../runtime/assert.ts'
import { fail, ok, type Repair, type Verdict, warn } from './check.ts'
import type { DoctorFacts, DoctorWorkspace } from './facts.ts'
import type { Probes } from './probes.ts'

const MEBIBYTE = 1024 * 1024
const FREE_FAIL_BYTES = 64 * MEBIBYTE
const FREE_WARN_BYTES = 1024 * MEBIBYTE
const SYNC_WARN_MS = 20
const SYNC_TIMES = 15
const STALE_MS = 3_600_000
const OTHERS_WRITE = 0o022
const OTHERS_READ = 0o044

/** Numbers of `statfs`, from Linux's `magic.h`. */
const FILE_SYSTEMS: ReadonlyMap<number, readonly [name: string, why: string]> = new Map([
  [0x6969, ['NFS', 'a network file system: its locks and syncs do not keep their word']],
  [0x517b, ['SMB', 'a network file system: its locks and syncs do not keep their word']],
  [0xff534d42, ['CIFS', 'a network file system: its locks and syncs do not keep their word']],
  [0xfe534d42, ['SMB 2', 'a network file system: its locks and syncs do not keep their word']],
  [0x01021997, ['9p', 'a folder of the host, shared into a virtual machine: syncs may not reach the disk']],
  [0x65735546, ['FUSE', 'a file system in a program: whether syncs reach a disk is up to that program']],
  [0x794c7630, ['overlay', 'the writable layer of a container: it is gone with the container']],
  [0x01021994, ['tmpfs', 'memory: it is gone with the next restart']],
])

export function checkDataDir({ dataDir }: DoctorFacts, probes: Probes): Verdict {
  const found = probes.stat(dataDir)
  if (found === undefined) return absentFolder(dataDir, probes)
  if (found.kind !== 'folder') return fail(`${dataDir} is no folder`, 'Set another data_dir.')
  const isOwn = probes.uid !== null && found.uid === probes.uid
  if (!probes.mayUse(dataDir)) {
    const verdict = fail(`${dataDir} cannot be written by this user`, 'Give it to the user that the relay runs as.')
    if (!isOwn) return verdict
    return { ...verdict, repair: permit(dataDir, found.mode | 0o700, probes) }
  }
  if (probes.uid !== null && !isOwn && probes.uid !== 0) {
    return warn(`${dataDir} belongs to another user (${found.uid})`, 'Run this as the user that the relay runs as.')
  }
  if ((found.mode & OTHERS_WRITE) !== 0) {
    const verdict = warn(`${dataDir} can be written by other users`, 'Take that away: what waits could be replaced.')
    return isOwn ? { ...verdict, repair: permit(dataDir, found.mode & ~OTHERS_WRITE, probes) } : verdict
  }
  if ((found.mode & OTHERS_READ) !== 0) {
    const verdict = warn(`${dataDir} can be read by other users`, 'It holds personal data: chmod 700.')
    return isOwn ? { ...verdict, repair: permit(dataDir, found.mode & ~0o077, probes) } : verdict
  }
  return ok(`${dataDir} can be written`)
}

function absentFolder(dataDir: string, probes: Probes): Verdict {
  let parent = dirname(dataDir)
  while (probes.stat(parent) === undefined && parent !== dirname(parent)) parent = dirname(parent)
  if (!probes.mayUse(parent)) {
    return fail(`${dataDir} does not exist, and cannot be made in ${parent}`, 'Make it, and give it to the relay.')
  }
  return {
    ...warn(`${dataDir} does not exist yet`, 'The relay makes it at its first start.'),
    repair: {
      what: `make the folder ${dataDir}`,
      run: () => {
        probes.makeFolder(dataDir)
        return Promise.resolve(`made ${dataDir}`)
      },
    },
  }
}

function permit(path: string, mode: number, probes: Probes): Repair {
  const octal = (mode & 0o777).toString(8)
  return {
    what: `chmod ${octal} ${path}`,
    run: () => {
      probes.changeMode(path, mode & 0o777)
      return Promise.resolve(`changed the permissions of ${path} to ${octal}`)
    },
  }
}

export function checkSpace({ dataDir }: DoctorFacts, probes: Probes): Verdict {
  const disk = probes.disk(dataDir)
  if (disk === undefined) return warn('the free space is not known', 'Look at the disk of the data folder.')
  const free = `${Math.floor(disk.freeBytes / MEBIBYTE)} MiB free`
  if (disk.freeBytes < FREE_FAIL_BYTES) return fail(free, 'A relay needs room for what waits: make some.')
  if (disk.freeBytes < FREE_WARN_BYTES) return warn(free, 'An outage of some hours may need more.')
  return ok(free)
}

export function checkFileSystem({ dataDir }: DoctorFacts, probes: Probes): Verdict {
  const disk = probes.disk(dataDir)
  const known = disk === undefined ? undefined : FILE_SYSTEMS.get(disk.type)
  if (known === undefined) return ok('no network file system, overlay or memory')
  const [name, why] = known
  return warn(`${dataDir} is on ${name}, ${why}`, 'Use a local disk, or a volume.')
}

export function checkDiskSpeed({ dataDir }: DoctorFacts, probes: Probes): Verdict {
  if (probes.stat(dataDir) === undefined) return { status: 'skipped', message: 'there is no data folder yet' }
  let times: readonly number[]
  try {
    times = [...probes.syncTimesMs(dataDir, SYNC_TIMES)].sort((a, b) => a - b)
  } catch (error) {
    return fail(`a file cannot be written there (${codeOf(error)})`, 'Look at permissions and free space.')
  }
  const median = times[times.length >> 1] ?? 0
  const said = `a sync takes ${median.toFixed(2)} ms (median of ${times.length})`
  return median > SYNC_WARN_MS
    ? warn(said, `Each answer of the relay waits for one; above ${SYNC_WARN_MS} ms clients notice.`)
    : ok(said)
}

export async function checkOutbox(
  { dataDir }: DoctorFacts,
  { name, siteId }: DoctorWorkspace,
  probes: Probes,
): Promise<Verdict> {
  const path = join(dataDir, `${name}.db`)
  const file = probes.stat(path)
  if (file !== undefined && !probes.mayUse(path)) {
    const verdict = fail(`${path} cannot be read and written by this user`, 'Give it to the user of the relay.')
    return file.uid === probes.uid ? { ...verdict, repair: permit(path, file.mode | 0o600, probes) } : verdict
  }
  const found = await probes.inspect(path)
  switch (found.state) {
    case 'absent':
      return ok('there is none yet')
    case 'damaged':
      return {
        ...fail(`${path} is damaged: ${found.message}`, 'A start of the relay saves what can be read.', 'damaged'),
        repair: { what: `open ${path}, which saves what can be read of it`, run: () => probes.reopen(path, siteId) },
      }
    case 'unusable':
      return fail(`${path} cannot be used: ${found.message}`, 'Look at the file.')
    case 'whole': {
      if (found.workspace !== siteId) {
        return fail(`${path} belongs to another site id`, 'Give the workspace another name, or the right site id.')
      }
      const holds = `${found.waiting} waiting, ${found.deadLetters} dead letters`
      if (found.owner === 'alive') return ok(`in use by a running relay, so not read through; ${holds}`)
      const said = `whole; ${holds}`
      if (found.owner === 'nobody') return ok(said)
      return ok(`${said}; its last relay ended without closing it, which is no harm`)
    }
    default:
      return unreachable(found)
  }
}

export function checkLeftovers({ dataDir }: DoctorFacts, probes: Probes): Verdict {
  if (probes.stat(dataDir)?.kind !== 'folder' || !probes.mayUse(dataDir)) {
    return { status: 'skipped', message: 'the data folder cannot be listed' }
  }
  const names = probes.list(dataDir)
  const stale = names.filter(
    (name) => /\.(?:rescue|mended)(?:-wal|-shm|-journal)?$/.test(name) && isStale(join(dataDir, name), probes),
  )
  const aside = names.filter((name) => /\.damaged-\d+$/.test(name))
  if (stale.length > 0) {
    return {
      ...warn(`${stale.length} files of a rescue that was interrupted`, 'They are of no use any more.'),
      repair: {
        what: `remove ${stale.join(', ')} in ${dataDir}`,
        run: () => {
          for (const name of stale) probes.remove(join(dataDir, name))
          return Promise.resolve(`removed ${stale.length} files`)
        },
      },
    }
  }
  if (aside.length === 0) return ok('no damaged files were set aside')
  return warn(
    `set aside as damaged: ${aside.join(', ')}`,
    'What could be read of them was taken over. Remove them when nobody wants to look into them any more.',
  )
}

function isStale(path: string, probes: Probes): boolean {
  const found = probes.stat(path)
  return found !== undefined && probes.clock.wallMs() - found.modifiedAtMs > STALE_MS
}

function codeOf(error: unknown): string {
  return String(Reflect.get(Object(error), 'code') ?? 'unknown')
}
