/** The kinds of Kubernetes that the manifests use, as schemas and as types. */
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { ServiceMonitor } from '@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1'
import { Deployment, StatefulSet } from 'kubernetes-models/apps/v1'
import { HorizontalPodAutoscaler } from 'kubernetes-models/autoscaling/v2'
import { NetworkPolicy } from 'kubernetes-models/networking.k8s.io/v1'
import { PodDisruptionBudget } from 'kubernetes-models/policy/v1'
import { ConfigMap, Secret, Service } from 'kubernetes-models/v1'

import { type Manifest, root } from './manifests.ts'

export interface Model {
  validate(): void
}

export const MODELS: Readonly<Record<string, { readonly from: string; readonly make: (data: object) => Model }>> = {
  ConfigMap: { from: 'kubernetes-models/v1', make: (data) => new ConfigMap(data) },
  Secret: { from: 'kubernetes-models/v1', make: (data) => new Secret(data) },
  Service: { from: 'kubernetes-models/v1', make: (data) => new Service(data) },
  Deployment: { from: 'kubernetes-models/apps/v1', make: (data) => new Deployment(data) },
  HorizontalPodAutoscaler: {
    from: 'kubernetes-models/autoscaling/v2',
    make: (data) => new HorizontalPodAutoscaler(data as ConstructorParameters<typeof HorizontalPodAutoscaler>[0]),
  },
  StatefulSet: { from: 'kubernetes-models/apps/v1', make: (data) => new StatefulSet(data) },
  PodDisruptionBudget: { from: 'kubernetes-models/policy/v1', make: (data) => new PodDisruptionBudget(data) },
  NetworkPolicy: { from: 'kubernetes-models/networking.k8s.io/v1', make: (data) => new NetworkPolicy(data) },
  ServiceMonitor: {
    from: '@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1',
    make: (data) => new ServiceMonitor(data as ConstructorParameters<typeof ServiceMonitor>[0]),
  },
}

/** As it stands in its file. */
export function bare({ file: _file, ...document }: Manifest): object {
  return document
}

/** The schemas let unknown fields pass; the types do not. */
export function compile(documents: readonly object[]): { readonly status: number | null; readonly stdout: string } {
  const parent = join(root, '.tmp')
  mkdirSync(parent, { recursive: true })
  const folder = mkdtempSync(join(parent, 'manifests-'))
  try {
    for (const [index, document] of documents.entries()) {
      const { kind } = document as Manifest
      const { from } = MODELS[kind]!
      const text = `import type { I${kind} } from '${from}'\nexport const document: I${kind} = ${JSON.stringify(document)}\n`
      writeFileSync(join(folder, `document-${index}.ts`), text)
    }
    writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
    const compilerOptions = { declaration: false, isolatedDeclarations: false, exactOptionalPropertyTypes: false }
    writeFileSync(
      join(folder, 'tsconfig.json'),
      JSON.stringify({ extends: '../../tsconfig.json', compilerOptions, include: ['*'], exclude: [] }),
    )
    const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc')
    const { status, stdout } = spawnSync(process.execPath, [compiler, '-p', folder], { encoding: 'utf8' })
    return { status, stdout }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
