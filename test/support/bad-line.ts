import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/**
 * What happens to connections: `good` passes everything on; `silent` takes and says nothing; `busy` answers every request
 * that it is full of work; `cutting` breaks off after so many bytes of one direction.
 */
export type Line =
  | { readonly kind: 'good' | 'silent' | 'busy' }
  | { readonly kind: 'cutting'; readonly way: 'up' | 'down'; readonly afterBytes: number }

/** A loopback address in front of a server, whose line can be bad. */
export interface BadLine extends AsyncDisposable {
  readonly port: number
  /** From now on, for new connections and those that are open. */
  become(line: Line): void
}

const BUSY = 'HTTP/1.1 503 Slow Down\r\ncontent-length: 0\r\nconnection: close\r\n\r\n'

function pass(from: Socket, to: Socket, passed: (bytes: number) => number): void {
  from.on('data', (chunk: Buffer) => {
    const allowed = passed(chunk.length)
    if (allowed > 0) to.write(chunk.subarray(0, allowed))
    if (allowed < chunk.length && allowed >= 0) from.resetAndDestroy()
  })
}

/** Leads to a port of this machine. */
export async function createBadLine(target: number): Promise<BadLine> {
  const sockets = new Set<Socket>()
  let line: Line = { kind: 'good' }
  const keep = (socket: Socket): void => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    // The other side is closed with it; why does not matter.
    socket.on('error', () => {})
  }
  /** How many of these bytes go on; -1 is none, and nothing breaks. */
  const counter = (way: 'up' | 'down') => {
    let total = 0
    return (bytes: number): number => {
      if (line.kind === 'silent' || line.kind === 'busy') return -1
      const before = total
      total += bytes
      return line.kind === 'cutting' && line.way === way
        ? Math.min(bytes, Math.max(0, line.afterBytes - before))
        : bytes
    }
  }
  const server = createServer((socket) => {
    keep(socket)
    socket.on('data', () => line.kind === 'busy' && socket.end(BUSY))
    const beyond = connect(target, '127.0.0.1')
    keep(beyond)
    pass(socket, beyond, counter('up'))
    pass(beyond, socket, counter('down'))
    socket.on('close', () => beyond.destroy())
    beyond.on('close', () => socket.destroy())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    become: (next) => {
      line = next
      // A kept connection would count from where it is, or hold what it said before.
      if (next.kind !== 'silent') sockets.forEach((socket) => socket.destroy())
    },
    [Symbol.asyncDispose]: async () => {
      sockets.forEach((socket) => socket.destroy())
      server.close()
      await once(server, 'close')
    },
  }
}
