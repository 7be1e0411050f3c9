/** The public record beside a demo's relay, from this process: it reads the relay as anybody would. */
import { createPublicRelay } from '@latchkey/shared/monitor'
import { createRecordKeeper } from '../../relay/web/public/record.ts'
import { serveRecord } from '../../relay/web/public/record-server.ts'
import { keepLooking } from '../../relay/web/public/record-watch.ts'
import type { DemoWorld } from './demo-world.ts'

const EVERY_MS = 5_000

/** Serves the record until it is disposed. @param port 0 takes any free one */
export async function startDemoRecord(
  world: DemoWorld,
  { port, say }: { port: number; say: (line: string) => void },
): Promise<AsyncDisposable & { readonly origin: string }> {
  const { origin, logVkey } = world
  const nowMs = Date.now
  const relay = createPublicRelay(origin, nowMs)
  const trust = { logs: [logVkey], witnesses: [], quorum: 0 }
  const keeper = await createRecordKeeper({ origin, relay, trust, nowMs })
  const server = await serveRecord({ keeper, relay, host: '127.0.0.1', port, nowMs })
  const stop = new AbortController()
  const looking = keepLooking(keeper, { everyMs: EVERY_MS, signal: stop.signal, say })
  return {
    origin: server.origin,
    [Symbol.asyncDispose]: async () => {
      stop.abort()
      await looking
      await server[Symbol.asyncDispose]()
    },
  }
}
