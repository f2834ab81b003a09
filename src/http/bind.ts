/** Binds a server to its address, or says in words why it cannot. */
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'

import { ListenError } from '../errors.ts'
import { isLoopback, type ListenSettings, remoteRefusal } from './options.ts'

/** Rejects with a ListenError, and with an OptionsError when a name turns out to be an address that others can reach. */
export async function bind(server: Server, settings: ListenSettings): Promise<AddressInfo> {
  const { host, port } = settings
  await new Promise<void>((resolve, reject) => {
    const failed = (error: NodeJS.ErrnoException): void => reject(listenErrorOf(error, host, port))
    server.once('error', failed)
    server.listen({ port, host, backlog: BACKLOG }, () => {
      server.off('error', failed)
      resolve()
    })
  })
  const address = server.address() as AddressInfo
  if (!settings.allowRemote && !isLoopback(address.address)) {
    server.close()
    throw remoteRefusal(`${host} (${address.address})`)
  }
  return address
}

/** Connections that the system holds until the loop is free to take them. */
const BACKLOG = 1_024

export function urlOf(address: AddressInfo, host: string, scheme: 'http' | 'https'): string {
  const name = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '[::1]' : host.includes(':') ? `[${host}]` : host
  return `${scheme}://${name}:${address.port}`
}

function listenErrorOf(error: NodeJS.ErrnoException, host: string, port: number): ListenError {
  const at = { host, port }
  switch (error.code) {
    case 'EADDRINUSE': {
      const message = `port ${port} on ${host} is taken: end the program that listens there, or choose another port (0 takes a free one)`
      return new ListenError(error.code, message, at, error)
    }
    case 'EACCES': {
      const message = `this user may not listen on port ${port} of ${host}: choose a port above 1023`
      return new ListenError(error.code, message, at, error)
    }
    case 'EADDRNOTAVAIL': {
      const message = `${host} is no address of this machine: choose one that it has, such as 127.0.0.1`
      return new ListenError(error.code, message, at, error)
    }
    case 'ENOTFOUND':
      return new ListenError(error.code, `the name ${host} is not known: is it written correctly?`, at, error)
    default:
      return new ListenError('LISTEN_FAILED', `cannot listen on ${host}, port ${port}: ${error.message}`, at, error)
  }
}
