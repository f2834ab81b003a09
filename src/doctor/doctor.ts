/** Runs all checks and gathers what they find. A check that fails itself is a finding too. */
import type { Finding, Verdict } from './check.ts'
import {
  checkDataDir,
  checkDiskSpeed,
  checkFileSystem,
  checkLeftovers,
  checkOutbox,
  checkSpace,
} from './checks-disk.ts'
import { checkClock, checkDns, checkTls, judgeHealth, rootOf } from './checks-network.ts'
import { checkMemory, checkNode, checkOpenFiles } from './checks-process.ts'
import { checkLeftBehind, checkStore } from './checks-store.ts'
import type { DoctorFacts, DoctorWorkspace } from './facts.ts'
import type { Probes } from './probes.ts'

type Check = readonly [name: string, run: () => Verdict | Promise<Verdict>]

/** @param onFinding told at once, for some checks take seconds */
export async function examine(
  facts: DoctorFacts,
  probes: Probes,
  onFinding: (finding: Finding) => void = () => {},
): Promise<readonly Finding[]> {
  const findings: Finding[] = []
  for (const [check, run] of checksOf(facts, probes)) {
    const finding: Finding = { check, ...(await verdictOf(run)) }
    findings.push(finding)
    onFinding(finding)
  }
  return findings
}

function checksOf(facts: DoctorFacts, probes: Probes): readonly Check[] {
  const { workspaces, configFile } = facts
  return [
    ['configuration', () => ({ status: 'ok', message: `${configFile ?? 'the environment'}, ${named(workspaces)}` })],
    ['node', () => checkNode(probes)],
    ['open-files', () => checkOpenFiles(probes)],
    ['memory', () => checkMemory(probes)],
    ['data-dir', () => checkDataDir(facts, probes)],
    ['free-space', () => checkSpace(facts, probes)],
    ['file-system', () => checkFileSystem(facts, probes)],
    ['disk-speed', () => checkDiskSpeed(facts, probes)],
    ...workspaces.flatMap((workspace) => outboxChecks(facts, workspace, probes)),
    ['leftovers', () => checkLeftovers(facts, probes)],
    ...rootsOf(workspaces).flatMap((root): readonly Check[] => [
      [`dns ${root.hostname}`, () => checkDns(root, probes)],
      [`tls ${root.hostname}`, () => checkTls(root, probes)],
      [`clock ${root.hostname}`, () => checkClock(root, probes)],
    ]),
    ...workspaces.map((workspace): Check => [
      `credentials ${workspace.name}`,
      async () => judgeHealth(await probes.health(workspace)),
    ]),
  ]
}

function outboxChecks(facts: DoctorFacts, workspace: DoctorWorkspace, probes: Probes): readonly Check[] {
  const { name, store } = workspace
  if (store === null) return [[`outbox ${name}`, () => checkOutbox(facts, workspace, probes)]]
  return [
    [`outbox ${name}`, () => checkStore(workspace, probes)],
    [`former outbox ${name}`, () => checkLeftBehind(facts, workspace, probes)],
  ]
}

async function verdictOf(run: Check[1]): Promise<Verdict> {
  try {
    return await run()
  } catch (error) {
    const code = String(Reflect.get(Object(error), 'code') ?? 'unknown')
    return { status: 'fail', message: `could not be looked at (${code})`, hint: 'Look at permissions.' }
  }
}

/** Each host once. */
function rootsOf(workspaces: readonly DoctorWorkspace[]): readonly URL[] {
  return [...new Map(workspaces.map((workspace) => [rootOf(workspace).origin, rootOf(workspace)])).values()]
}

function named(workspaces: readonly DoctorWorkspace[]): string {
  const many = workspaces.length === 1 ? 'one workspace' : `${workspaces.length} workspaces`
  return `${many}: ${workspaces.map(({ name, region }) => `${name} (${region})`).join(', ')}`
}
