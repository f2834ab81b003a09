/** A real Redis Cluster: three masters, each with a third of the slots. */
import { Redis } from 'ioredis'

import { until } from '../until.ts'
import { freePort } from './process.ts'
import { type RedisServer, startRedis } from './redis.ts'

export interface RedisCluster {
  readonly nodes: readonly RedisServer[]
  /** What ioredis' `Cluster` begins with. */
  readonly startupNodes: readonly { readonly host: string; readonly port: number }[]
  /** The node that has the slot of this key. */
  nodeOf(key: string): Promise<RedisServer>
  stop(): Promise<void>
}

const HOST = '127.0.0.1'
const SLOTS = 16_384
const NODES = 3

export async function startRedisCluster(): Promise<RedisCluster> {
  const nodes: RedisServer[] = []
  const stop = async (): Promise<void> => {
    for (const node of nodes) await node.stop()
  }
  try {
    const buses: number[] = []
    for (let index = 0; index < NODES; index++) {
      const bus = await freePort()
      buses.push(bus)
      nodes.push(
        await startRedis({ 'cluster-enabled': 'yes', 'cluster-port': String(bus), 'cluster-node-timeout': '2000' }),
      )
    }
    await join(nodes, buses)
  } catch (error) {
    await stop()
    throw error
  }
  return {
    nodes,
    startupNodes: nodes.map(({ port }) => ({ host: HOST, port })),
    nodeOf: async (key) => {
      const slot = await asked(nodes[0]!, async (client) => client.cluster('KEYSLOT', key))
      return nodes[Math.floor(slot / Math.ceil(SLOTS / NODES))]!
    },
    stop,
  }
}

async function join(nodes: readonly RedisServer[], buses: readonly number[]): Promise<void> {
  const share = Math.ceil(SLOTS / NODES)
  for (const [index, node] of nodes.entries()) {
    await asked(node, async (client) => {
      const first = index * share
      await client.call('cluster', 'addslotsrange', first, Math.min(first + share, SLOTS) - 1)
      for (const [other, { port }] of nodes.entries()) {
        if (other !== index) await client.call('cluster', 'meet', HOST, port, buses[other]!)
      }
    })
  }
  for (const node of nodes) {
    await asked(node, (client) =>
      until(async () => {
        const info = await client.cluster('INFO')
        return info.includes('cluster_state:ok') && info.includes(`cluster_known_nodes:${NODES}`)
      }),
    )
  }
}

async function asked<Answer>(node: RedisServer, ask: (client: Redis) => Promise<Answer>): Promise<Answer> {
  const client = new Redis({ host: HOST, port: node.port })
  try {
    return await ask(client)
  } finally {
    client.disconnect()
  }
}
