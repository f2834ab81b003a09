/** deploy/k8s-shared: relays on one outbox. Every document fits its schema, and what stands in one fits what stands in the others. */
import assert from 'node:assert/strict'
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

import type { IContainer, IPodSpec } from 'kubernetes-models/v1'
import { parse } from 'yaml'

import { loadConfig, type RelayConfig, toClientOptions } from '../../src/config/index.ts'
import { resolveBullmqOptions } from '../../src/outbox/bullmq/options.ts'
import { scaledObject } from './keda.ts'
import { type Manifest, manifests, root } from './manifests.ts'
import { bare, compile, MODELS } from './models.ts'
import { checkQuery } from './names.ts'
import { evaluate, type Series } from './promql.ts'

const FOLDER = 'k8s-shared'
const all = manifests(FOLDER)
const kubernetes = all.filter(({ kind }) => kind !== 'ScaledObject')

for (const manifest of kubernetes) {
  test(`${manifest.file}: ${manifest.kind} ${manifest.metadata.name} fits the schema of its kind`, () => {
    const made = MODELS[manifest.kind]!.make(bare(manifest))
    made.validate()
    assert.deepEqual(JSON.parse(JSON.stringify(made)), bare(manifest), 'with its own apiVersion')
  })
}

test('no document on a shared outbox has a field that its kind does not know', () => {
  const { status, stdout } = compile(kubernetes.map(bare))
  assert.equal(status, 0, stdout)
})

function one(kind: string, name = 'holdfast-shared'): Manifest & { readonly spec: Record<string, unknown> } {
  const found = all.find((manifest) => manifest.kind === kind && manifest.metadata.name === name)
  assert.ok(found, `there is no ${kind} ${name}`)
  return found as Manifest & { readonly spec: Record<string, unknown> }
}

const template = one('Deployment').spec['template'] as {
  readonly metadata: { readonly labels: Record<string, string> }
  readonly spec: IPodSpec
}
const pod = template.spec
const relay: IContainer = pod.containers[0]!

function config(): RelayConfig {
  const files: Readonly<Record<string, string>> = {
    '/etc/holdfast/config/relay.yaml': (one('ConfigMap') as unknown as { readonly data: Record<string, string> }).data[
      'relay.yaml'
    ]!,
    ...Object.fromEntries(Object.entries(secrets()).map(([name, text]) => [`/etc/holdfast/secrets/${name}`, text])),
  }
  const readFile = (path: string): { readonly text: string; readonly worldReadable: boolean } => {
    assert.ok(files[path] !== undefined, path)
    return { text: files[path], worldReadable: false }
  }
  const env = Object.fromEntries((relay.env ?? []).map(({ name, value }) => [name, value]))
  return loadConfig({ env, flags: {}, cwd: '/', readFile }).config
}

function secrets(): Readonly<Record<string, string>> {
  return (one('Secret') as unknown as { readonly stringData: Record<string, string> }).stringData
}

test('the relays have one outbox on a server, and keep no operations in a pod', () => {
  const { workspaces, dataDir } = config()
  const { outbox } = toClientOptions(workspaces['shop']!, dataDir, 'shop')
  assert.ok(outbox.kind === 'bullmq')
  assert.equal(resolveBullmqOptions(outbox.options).requireDurability, true)
  assert.equal(outbox.options.spill, false, 'an emptyDir is gone with its pod')
  const data = relay.volumeMounts?.find(({ mountPath }) => mountPath === dataDir)
  assert.ok(pod.volumes?.find(({ name }) => name === data?.name)?.emptyDir !== undefined)
  assert.equal('replicas' in one('Deployment').spec, false, 'an autoscaler sets them')
})

test('its pods have time to end, no rights, their mounts, and probes on the ports of the configuration', () => {
  const { readinessDelayMs, shutdownTimeoutMs, ops, listen } = config()
  const needed = (relay.lifecycle?.preStop?.sleep?.seconds ?? 0) + (readinessDelayMs + shutdownTimeoutMs) / 1_000
  assert.ok((pod.terminationGracePeriodSeconds ?? 0) >= needed + 5)
  const port = (name: string): number | undefined => relay.ports?.find((each) => each.name === name)?.containerPort
  assert.deepEqual([port('ops'), port('track'), ops?.host], [ops?.port, listen.port, '0.0.0.0'])
  const paths = [relay.startupProbe, relay.readinessProbe, relay.livenessProbe].map((probe) => probe?.httpGet?.path)
  assert.deepEqual(paths, ['/startupz', '/readyz', '/livez'])
  const volumes = new Set(pod.volumes?.map(({ name }) => name))
  for (const { name } of relay.volumeMounts ?? []) assert.ok(volumes.has(name), name)
  for (const { configMap, secret } of pod.volumes ?? []) {
    if (configMap?.name !== undefined) one('ConfigMap', configMap.name)
    if (secret?.secretName !== undefined) one('Secret', secret.secretName)
  }
  assert.equal(pod.automountServiceAccountToken, false)
  assert.equal(pod.enableServiceLinks, false)
  assert.equal(pod.securityContext?.runAsNonRoot, true)
  assert.equal(relay.securityContext?.readOnlyRootFilesystem, true)
  assert.deepEqual(relay.securityContext.capabilities, { drop: ['ALL'] })
})

test('every selector finds its pods, and the policy lets them reach their store', () => {
  const { labels } = template.metadata
  assert.deepEqual(one('Deployment').spec['selector'], { matchLabels: labels })
  assert.deepEqual(one('PodDisruptionBudget').spec['selector'], { matchLabels: labels })
  assert.deepEqual(one('NetworkPolicy').spec['podSelector'], { matchLabels: labels })
  const ports = new Set(relay.ports?.map(({ name }) => name))
  for (const name of ['holdfast-shared', 'holdfast-shared-pods']) {
    const spec = one('Service', name).spec as {
      readonly selector: object
      readonly ports: readonly { readonly targetPort: string }[]
    }
    assert.deepEqual(spec.selector, labels)
    for (const { targetPort } of spec.ports) assert.ok(ports.has(targetPort), targetPort)
  }
  const egress = one('NetworkPolicy').spec['egress'] as readonly {
    readonly ports: readonly { readonly port: number }[]
  }[]
  const { port } = new URL(secrets()['outbox-url']!)
  assert.ok(
    egress.some((rule) => rule.ports.some((each) => each.port === Number(port))),
    port,
  )
})

/** How many there are to be for a value, as Kubernetes reckons with `AverageValue`. */
const wanted = (value: number, target: string): number => Math.ceil(value / Number(target))

test('KEDA scales the deployment on the age of the oldest operation, and on nothing that more relays cannot mend', () => {
  const { spec } = scaledObject.parse(bare(one('ScaledObject')))
  assert.equal(
    one(spec.scaleTargetRef.kind ?? 'Deployment', spec.scaleTargetRef.name).apiVersion,
    spec.scaleTargetRef.apiVersion,
  )
  assert.ok(spec.minReplicaCount! >= 2 && spec.maxReplicaCount! > spec.minReplicaCount!)
  const [trigger] = spec.triggers
  const { query, threshold } = trigger!.metadata
  assert.equal(trigger!.metricType, 'AverageValue')
  const names = checkQuery(query).map(({ name }) => name)
  assert.deepEqual(names, ['holdfast.queue.oldest_age', 'holdfast.circuit.state'])
  const workspaces = Object.keys(config().workspaces)
  for (const [, workspace] of query.matchAll(/workspace="([^"]+)"/g))
    assert.ok(workspaces.includes(workspace!), workspace)
  assert.deepEqual(
    [0, 59, 60, 61, 300].map((age) => wanted(age, threshold)),
    [0, 1, 1, 2, 5],
  )
  const ages = (state: string): readonly number[] => {
    const labels = { workspace: 'shop', instance: 'a' }
    const states = ['closed', 'half_open', 'open', 'parked', 'paused'].map((word): Series => ({
      name: 'holdfast_circuit_state',
      labels: { ...labels, state: word },
      value: word === state ? 1 : 0,
    }))
    const oldest: Series = { name: 'holdfast_queue_oldest_age_seconds', labels, value: 130 }
    return evaluate(query, [oldest, ...states]).map(({ value }) => value)
  }
  assert.deepEqual(['closed', 'open', 'parked', 'paused'].map(ages), [[130], [0], [0], [0]])
  const misspelt = JSON.parse(
    JSON.stringify(bare(one('ScaledObject'))).replace('maxReplicaCount', 'maxReplicas'),
  ) as object
  assert.equal(scaledObject.safeParse(misspelt).success, false)
})

test('KEDA and the autoscaler of Kubernetes say the same', () => {
  const { spec: keda } = scaledObject.parse(bare(one('ScaledObject')))
  const hpa = one('HorizontalPodAutoscaler').spec
  assert.deepEqual(hpa['scaleTargetRef'], keda.scaleTargetRef)
  assert.deepEqual([hpa['minReplicas'], hpa['maxReplicas']], [keda.minReplicaCount, keda.maxReplicaCount])
  assert.deepEqual(hpa['behavior'], keda.advanced?.horizontalPodAutoscalerConfig?.behavior)
  const [metric] = hpa['metrics'] as readonly {
    readonly external: {
      readonly metric: { readonly name: string }
      readonly target: { readonly averageValue: string }
    }
  }[]
  assert.equal(metric!.external.target.averageValue, keda.triggers[0]!.metadata.threshold)
  checkQuery(metric!.external.metric.name)
})

test('the kustomization of the shared outbox names every manifest but the two autoscalers, of which one is chosen', () => {
  const folder = join(root, 'deploy', FOLDER)
  const { resources } = parse(readFileSync(join(folder, 'kustomization.yaml'), 'utf8')) as {
    readonly resources: readonly string[]
  }
  const files = readdirSync(folder).filter((name) => !['kustomization.yaml', 'keda.yaml', 'hpa.yaml'].includes(name))
  const sorted = (names: readonly string[]): readonly string[] => [...names].sort((a, b) => a.localeCompare(b))
  assert.deepEqual(sorted(resources), sorted(files))
})
