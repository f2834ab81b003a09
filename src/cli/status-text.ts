/** A relay's status for people: the verdict first, then what stands behind it. */
import type { AdminStatus, WorkspaceStatus } from '../admin/contract.ts'
import { countText, groupedText, spanText } from '../admin/spans.ts'
import { agoText, sizeText } from './amounts.ts'
import type { Io } from './io.ts'
import { paletteOf, type Palette, table } from './table.ts'

export function statusText(io: Io, status: AdminStatus): string {
  const palette = paletteOf(io)
  const { verdict, workspaces } = status
  return [
    `${palette.status(verdict.status, palette.bold(verdict.status.toUpperCase()))}  ${verdict.text}`,
    palette.dim(headOf(status)),
    '',
    ...(workspaces.length > 0 ? [overview(palette, status), ''] : []),
    ...workspaces.flatMap((one) => detailsOf(palette, one, status)),
  ]
    .join('\n')
    .trimEnd()
}

function headOf({ offline, version, phase, uptimeMs, atMs }: AdminStatus): string {
  if (offline !== null) {
    const { dataDir, shared } = offline
    const from =
      shared.length === 0
        ? `the files in ${dataDir}`
        : `the servers of ${shared.join(', ')}, and the files in ${dataDir}`
    return `offline, from ${from}; ${agoText(atMs, atMs).slice(0, 20)}`
  }
  return `relay ${version}, ${phase}, up ${spanText(uptimeMs ?? 0)}; ${agoText(atMs, atMs).slice(0, 20)}`
}

function overview(palette: Palette, { workspaces }: AdminStatus): string {
  return table(
    [
      { title: 'WORKSPACE' },
      { title: 'STATUS' },
      { title: 'LOST', align: 'right' },
      { title: 'WAITING', align: 'right' },
      { title: 'OLDEST', align: 'right' },
      { title: 'FULL', align: 'right' },
      { title: 'DEAD', align: 'right' },
      { title: 'IN/S', align: 'right' },
      { title: 'OUT/S', align: 'right' },
      { title: 'CIRCUIT' },
    ],
    workspaces.map(({ name, verdict, health, stats, traffic }) => [
      name,
      palette.status(verdict.status, verdict.status),
      stats === null ? '?' : groupedText(stats.lost),
      stats === null ? '?' : groupedText(stats.waiting),
      health.oldestAgeMs === null ? '-' : spanText(health.oldestAgeMs),
      stats === null ? '?' : `${Math.floor(usedShare(stats) * 100)} %`,
      stats === null ? '?' : groupedText(stats.deadLetters),
      rateText(traffic?.acceptedPerSecond),
      rateText(traffic?.deliveredPerSecond),
      circuitOf(health),
    ]),
  )
}

/** What is not as it should be, and what is worth knowing of one. */
function detailsOf(palette: Palette, one: WorkspaceStatus, { atMs, workspaces }: AdminStatus): readonly string[] {
  const { name, verdict, health, stats, lastError, pause } = one
  const lines = [
    ...(workspaces.length > 1 && verdict.code !== 'ok' ? [verdict.text] : []),
    ...health.reasons.map(({ code, message }) => `${palette.status(verdict.status, code)}: ${message}`),
    ...(pause === null
      ? []
      : [
          `paused ${health.pausedForAll === null ? '' : 'for all processes '}by ${pause.who}, ${agoText(pause.atMs, atMs)}${pause.why === null ? '' : `: ${pause.why}`}`,
        ]),
    ...(stats !== null && stats.waiting > 0
      ? [`waiting: ${sizeText(stats.waitingBytes)}, ${groupedText(stats.inFlight)} on their way`]
      : []),
    ...(health.store === null ? [] : [`store: ${health.store.server}${handlesText(health.handles)}`]),
    ...(stats !== null && stats.spilled > 0
      ? [`spilled: ${groupedText(stats.spilled)} wait in a file of this machine until the server takes them`]
      : []),
    ...(health.campaignWindowLeftMs === null ? [] : [`campaign window: ${windowText(health.campaignWindowLeftMs)}`]),
    ...(stats !== null && stats.deadLetters > 0
      ? [`${countText(stats.deadLetters, 'dead letter')}${newText(one)}: see holdfast dead groups`]
      : []),
    ...(lastError !== null && verdict.status !== 'ok'
      ? [
          `last error: ${lastError.status === null ? 'no answer' : `status ${lastError.status}`}${lastError.reason === null ? '' : ` (${lastError.reason})`}, ${agoText(lastError.atMs, atMs)}`,
        ]
      : []),
    ...(health.lastSuccess === null ? [] : [`last good answer: ${agoText(health.lastSuccess, atMs)}`]),
  ]
  return lines.length === 0 ? [] : [palette.bold(name), ...lines.map((line) => `  ${line}`)]
}

function handlesText(handles: number | null): string {
  if (handles === null) return ''
  return handles === 1 ? ', one process delivers' : `, ${groupedText(handles)} processes deliver`
}

function newText({ traffic }: WorkspaceStatus): string {
  return traffic !== null && traffic.died > 0 ? `, ${groupedText(traffic.died)} of them new in the last minute` : ''
}

function windowText(leftMs: number): string {
  return leftMs <= 0
    ? `passed ${spanText(-leftMs)} ago for the oldest event`
    : `${spanText(leftMs)} left for the oldest event`
}

function usedShare(stats: NonNullable<WorkspaceStatus['stats']>): number {
  return Math.max(stats.waiting / stats.operationsMax, (stats.waitingBytes + stats.deadBytes) / stats.bytesMax)
}

function circuitOf({ parked, paused, circuitState }: WorkspaceStatus['health']): string {
  return paused ? 'paused' : parked ? 'parked' : circuitState
}

export function rateText(perSecond: number | undefined): string {
  if (perSecond === undefined) return '-'
  return perSecond >= 10 || perSecond === 0
    ? groupedText(Math.round(perSecond))
    : String(Math.round(perSecond * 10) / 10)
}
