import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'

/** Where pages are served. */
export interface PageListener extends AsyncDisposable {
  readonly origin: string
}

/** Binds a server and answers when it listens; disposing ends its connections. @param at.port 0 takes any free one */
export async function listenForPages(server: Server, at: { host: string; port: number }): Promise<PageListener> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(at.port, at.host, resolve)
  })
  const { port } = server.address() as AddressInfo
  return {
    origin: `http://${at.host}:${port}`,
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
