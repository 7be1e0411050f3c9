import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/** A loopback address that leads to a server, until it does not: what stands behind it may die, move and come back. */
export interface Gate extends AsyncDisposable {
  readonly port: number
  /** From now on connections lead to this loopback port. */
  lead(port: number): void
  /** Cuts every connection, and refuses new ones until it leads somewhere again. */
  cut(): void
}

/** `onAttempt` is told of every connection that somebody tries, refused ones included. */
export async function createGate(onAttempt: () => void = () => {}): Promise<Gate> {
  const sockets = new Set<Socket>()
  let target: number | null = null
  const keep = (socket: Socket): void => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    // The other side is closed with it; why does not matter.
    socket.on('error', () => {})
  }
  const server = createServer((socket) => {
    onAttempt()
    keep(socket)
    if (target === null) return void socket.resetAndDestroy()
    const beyond = connect(target, '127.0.0.1')
    keep(beyond)
    socket.pipe(beyond).pipe(socket)
    socket.on('close', () => beyond.destroy())
    beyond.on('close', () => socket.destroy())
    return undefined
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const cut = (): void => {
    target = null
    sockets.forEach((socket) => socket.destroy())
  }
  return {
    port: (server.address() as AddressInfo).port,
    lead: (port) => void (target = port),
    cut,
    [Symbol.asyncDispose]: async () => {
      cut()
      server.close()
      await once(server, 'close')
    },
  }
}
