import { connect, type Socket } from 'node:net'
import { createInterface } from 'node:readline'

import { inputOfChild } from '../child.ts'

const { url, count } = inputOfChild() as { readonly url: string; readonly count: number }
const { hostname, port } = new URL(url)
const AT_ONCE = 100
const sockets = new Set<Socket>()

function open(): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname, () => {
      socket.write(`GET /livez HTTP/1.1\r\nHost: ${hostname}:${port}\r\n\r\n`)
    })
    socket.once('data', () => resolve())
    socket.once('error', reject)
    socket.once('close', () => sockets.delete(socket))
    sockets.add(socket)
  })
}

for (let opened = 0; opened < count; opened += AT_ONCE) {
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, count - opened) }, open))
}
console.log(sockets.size)
createInterface({ input: process.stdin }).on('line', () => console.log(sockets.size))
