/** The manifests of deploy as values. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import type { IContainer, IPodSpec } from 'kubernetes-models/v1'
import { parseAllDocuments } from 'yaml'

export const root: string = fileURLToPath(new URL('../..', import.meta.url))

export interface Manifest {
  readonly file: string
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: { readonly name: string; readonly labels?: Readonly<Record<string, string>> }
  readonly [key: string]: unknown
}

/** @param name of the folder in deploy */
export function manifests(name: string = 'k8s'): readonly Manifest[] {
  const folder = join(root, 'deploy', name)
  const files = readdirSync(folder).filter((file) => file.endsWith('.yaml') && file !== 'kustomization.yaml')
  return files.flatMap((file) =>
    parseAllDocuments(readFileSync(join(folder, file), 'utf8')).map((document) => {
      if (document.errors.length > 0) throw document.errors[0]!
      return { file, ...(document.toJS() as Omit<Manifest, 'file'>) } as Manifest
    }),
  )
}

export interface Workload {
  readonly manifest: Manifest
  readonly pod: IPodSpec
  readonly podLabels: Readonly<Record<string, string>>
  /** The container that runs the relay. */
  readonly relay: IContainer
  readonly containers: readonly IContainer[]
  readonly claims: readonly string[]
}

export function workloads(): readonly Workload[] {
  return manifests()
    .filter(({ kind }) => kind === 'StatefulSet')
    .map((manifest) => {
      const { template, volumeClaimTemplates } = manifest['spec'] as {
        readonly template: { readonly spec: IPodSpec; readonly metadata: { readonly labels: Record<string, string> } }
        readonly volumeClaimTemplates: readonly { readonly metadata: { readonly name: string } }[]
      }
      const pod = template.spec
      const containers = [...(pod.initContainers ?? []), ...pod.containers]
      const relay = containers.find(({ image }) => image?.startsWith('holdfast:') === true)
      if (relay === undefined) throw new Error(`${manifest.file} runs no relay`)
      return {
        manifest,
        pod,
        podLabels: template.metadata.labels,
        relay,
        containers,
        claims: volumeClaimTemplates.map(({ metadata }) => metadata.name),
      }
    })
}
