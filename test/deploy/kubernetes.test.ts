/** deploy/k8s: every document fits its schema, and what stands in one fits what stands in the others. */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

import { StatefulSet } from 'kubernetes-models/apps/v1'
import type { IContainer } from 'kubernetes-models/v1'
import { parse } from 'yaml'

import { loadConfig, type RelayConfig, settingRows } from '../../src/config/index.ts'
import { type Manifest, manifests, root, type Workload, workloads } from './manifests.ts'
import { bare, compile, MODELS } from './models.ts'

for (const manifest of manifests()) {
  test(`${manifest.file}: ${manifest.kind} ${manifest.metadata.name} fits the schema of its kind`, () => {
    const model = MODELS[manifest.kind]
    assert.ok(model, `there is no schema for ${manifest.kind}`)
    const made = model.make(bare(manifest))
    made.validate()
    assert.deepEqual(JSON.parse(JSON.stringify(made)), bare(manifest), 'with its own apiVersion')
  })
}

test('the schema refuses what is not there or of another type', () => {
  const [workload] = manifests().filter(({ kind }) => kind === 'StatefulSet')
  const broken = structuredClone(bare(workload!)) as { spec: { selector?: object; replicas: unknown } }
  broken.spec.replicas = 'two'
  assert.throws(() => new StatefulSet(broken as never).validate())
  broken.spec.replicas = 2
  delete broken.spec.selector
  assert.throws(() => new StatefulSet(broken as never).validate())
})

test('no document has a field that its kind does not know', () => {
  const { status, stdout } = compile(manifests().map(bare))
  assert.equal(status, 0, stdout)
  const [workload] = manifests().filter(({ kind }) => kind === 'StatefulSet')
  const misspelt = JSON.parse(JSON.stringify(bare(workload!)).replace('"readOnlyRootFilesystem"', '"readonlyRoot"'))
  assert.match(compile([misspelt as object]).stdout, /readonlyRoot/)
})

function named(kind: string, name: string): Manifest {
  const found = manifests().find((manifest) => manifest.kind === kind && manifest.metadata.name === name)
  assert.ok(found, `there is no ${kind} ${name}`)
  return found
}

/** The configuration that the relay of a workload would have, with its secrets made up. */
function configOf({ relay }: Workload): RelayConfig {
  const env: Record<string, string> = {
    // What the image sets.
    HOLDFAST_DATA_DIR: '/data',
    HOLDFAST_OPS_HOST: '0.0.0.0',
    HOLDFAST_OPS_PORT: '8486',
  }
  for (const { name, value } of relay.env ?? []) env[name] = value ?? 'made-up'
  const readFile = (path: string): { readonly text: string; readonly worldReadable: boolean } => {
    if (!path.endsWith('relay.yaml')) return { text: 'a-key', worldReadable: false }
    const { data } = named('ConfigMap', 'holdfast-relay') as unknown as { readonly data: Record<string, string> }
    return { text: data['relay.yaml']!, worldReadable: false }
  }
  return loadConfig({ env, flags: {}, cwd: '/', readFile }).config
}

function portOf(container: IContainer, name: string): number | undefined {
  return container.ports?.find((port) => port.name === name)?.containerPort
}

for (const workload of workloads()) {
  const { manifest, pod, relay, containers, claims, podLabels } = workload
  const of = `${manifest.file}:`

  test(`${of} its time to end is longer than everything that is waited for`, () => {
    const config = configOf(workload)
    const sleeps = containers.map(({ lifecycle }) => lifecycle?.preStop?.sleep?.seconds ?? 0)
    const isSidecar = pod.initContainers?.includes(relay) === true
    // A sidecar gets its signal when the application has ended; that may take 20 s.
    const before = Math.max(...sleeps) + (isSidecar ? 20 : 0)
    const needed = before + (config.readinessDelayMs + config.shutdownTimeoutMs) / 1_000
    assert.ok((pod.terminationGracePeriodSeconds ?? 0) >= needed + 5, `${needed} s and 5 s of room`)
  })

  test(`${of} every variable is one of the relay's, and the configuration is good`, () => {
    const known = new Set([...settingRows.map(({ env }) => env), 'HOLDFAST_CONFIG'])
    for (const { name } of relay.env ?? []) assert.ok(known.has(name), name)
    const config = configOf(workload)
    assert.equal(Object.keys(config.workspaces).length, 1)
    assert.equal(config.listen.host, pod.initContainers?.includes(relay) === true ? '127.0.0.1' : '0.0.0.0')
  })

  test(`${of} ports, probes and mounts are those of the configuration`, () => {
    const config = configOf(workload)
    assert.equal(portOf(relay, 'ops'), config.ops?.port)
    assert.equal(config.ops?.host, '0.0.0.0', 'the kubelet asks from outside')
    const track = portOf(relay, 'track')
    if (track !== undefined) assert.equal(track, config.listen.port)
    assert.equal(relay.startupProbe?.httpGet?.path, '/startupz')
    assert.equal(relay.livenessProbe?.httpGet?.path, '/livez')
    assert.ok(track === undefined || relay.readinessProbe?.httpGet?.path === '/readyz')
    for (const probe of [relay.startupProbe, relay.livenessProbe, relay.readinessProbe]) {
      if (probe !== undefined) assert.equal(probe.httpGet?.port, 'ops')
    }
    const mounts = relay.volumeMounts ?? []
    const data = mounts.find(({ mountPath }) => mountPath === config.dataDir)
    assert.ok(data !== undefined && claims.includes(data.name), 'the outboxes are on a claim')
    assert.ok(data.readOnly !== true)
    const volumes = new Set([...claims, ...(pod.volumes ?? []).map(({ name }) => name)])
    for (const { name } of mounts) assert.ok(volumes.has(name), name)
  })

  test(`${of} nothing runs as root, writes its own files, or has a capability`, () => {
    assert.equal(pod.automountServiceAccountToken, false)
    assert.equal(pod.enableServiceLinks, false)
    const { runAsNonRoot, runAsUser, fsGroup, seccompProfile } = pod.securityContext ?? {}
    assert.deepEqual([runAsNonRoot, runAsUser, fsGroup], [true, 1000, 1000])
    assert.equal(seccompProfile?.type, 'RuntimeDefault')
    for (const { name, securityContext, resources } of containers) {
      assert.equal(securityContext?.readOnlyRootFilesystem, true, name)
      assert.equal(securityContext.allowPrivilegeEscalation, false, name)
      assert.deepEqual(securityContext.capabilities, { drop: ['ALL'] }, name)
      assert.ok(resources?.requests?.['memory'] !== undefined && resources.limits?.['memory'] !== undefined, name)
    }
  })

  test(`${of} secrets and configuration that it names are there`, () => {
    for (const { configMap, secret } of pod.volumes ?? []) {
      if (configMap?.name !== undefined) named('ConfigMap', configMap.name)
      if (secret?.secretName !== undefined) named('Secret', secret.secretName)
    }
    for (const { valueFrom } of relay.env ?? []) {
      const ref = valueFrom?.secretKeyRef
      if (ref?.name === undefined) continue
      const { stringData } = named('Secret', ref.name) as unknown as { readonly stringData: object }
      assert.ok(ref.key in stringData, ref.key)
    }
  })

  test(`${of} every selector finds its pods, every port its name`, () => {
    const { selector, serviceName } = manifest['spec'] as {
      readonly selector: { readonly matchLabels: Record<string, string> }
      readonly serviceName: string
    }
    assert.deepEqual(selector.matchLabels, podLabels)
    const head = named('Service', serviceName)['spec'] as { readonly clusterIP: string }
    assert.equal(head.clusterIP, 'None')
    const ports = new Set(containers.flatMap((container) => (container.ports ?? []).map(({ name }) => name)))
    const services = manifests().filter(({ kind, file }) => kind === 'Service' && belongs(file, manifest.file))
    for (const service of services) {
      const spec = service['spec'] as {
        readonly selector: Record<string, string>
        readonly ports: readonly { readonly targetPort: string }[]
      }
      assert.deepEqual(spec.selector, podLabels)
      for (const { targetPort } of spec.ports) assert.ok(ports.has(targetPort), targetPort)
    }
    assert.ok(services.length > 0)
  })
}

function belongs(file: string, workload: string): boolean {
  return (file === 'sidecar.yaml') === (workload === 'sidecar.yaml')
}

test('the sidecar starts before the application, goes on after it, and is where the SDK is pointed at', () => {
  const sidecar = workloads().find(({ manifest }) => manifest.file === 'sidecar.yaml')!
  assert.equal(sidecar.relay.restartPolicy, 'Always')
  assert.ok(sidecar.pod.initContainers?.includes(sidecar.relay))
  const { listen } = configOf(sidecar)
  const [application] = sidecar.pod.containers
  assert.equal(
    application?.env?.find(({ name }) => name === 'CUSTOMER_IO_URL')?.value,
    `http://${listen.host}:${listen.port}/api/v1`,
  )
})

test('budget, network policy and monitor are about the pods of the relay', () => {
  const { podLabels, relay } = workloads().find(({ manifest }) => manifest.file === 'statefulset.yaml')!
  const budget = named('PodDisruptionBudget', 'holdfast-relay')['spec'] as { readonly selector: object }
  assert.deepEqual(budget.selector, { matchLabels: podLabels })
  const policy = named('NetworkPolicy', 'holdfast-relay')['spec'] as {
    readonly podSelector: object
    readonly ingress: readonly { readonly ports: readonly { readonly port: number }[] }[]
  }
  assert.deepEqual(policy.podSelector, { matchLabels: podLabels })
  const ports = new Set(relay.ports?.map(({ containerPort }) => containerPort))
  for (const { port } of policy.ingress.flatMap((rule) => rule.ports)) assert.ok(ports.has(port), String(port))
  const monitor = named('ServiceMonitor', 'holdfast-relay')['spec'] as {
    readonly selector: { readonly matchLabels: Record<string, string> }
    readonly endpoints: readonly { readonly port: string; readonly path: string }[]
  }
  const watched = manifests().filter(
    ({ kind, metadata }) =>
      kind === 'Service' &&
      Object.entries(monitor.selector.matchLabels).every(([label, value]) => metadata.labels?.[label] === value),
  )
  assert.deepEqual(
    watched.map(({ metadata }) => metadata.name),
    ['holdfast-relay-pods'],
  )
  const { ports: served, publishNotReadyAddresses } = watched[0]!['spec'] as {
    readonly ports: readonly { readonly name: string }[]
    readonly publishNotReadyAddresses: boolean
  }
  assert.equal(publishNotReadyAddresses, true)
  for (const { port, path } of monitor.endpoints) {
    assert.ok(served.some(({ name }) => name === port))
    assert.equal(path, '/metrics')
  }
})

test('the kustomization names every manifest but the sidecar', () => {
  const folder = join(root, 'deploy', 'k8s')
  const { resources } = parse(readFileSync(join(folder, 'kustomization.yaml'), 'utf8')) as {
    readonly resources: readonly string[]
  }
  const files = readdirSync(folder).filter((name) => !['kustomization.yaml', 'sidecar.yaml'].includes(name))
  assert.deepEqual(
    [...resources].sort((a, b) => a.localeCompare(b)),
    files.sort((a, b) => a.localeCompare(b)),
  )
})
