import Fastify, { type FastifyInstance } from 'fastify'
import { Gauge, Histogram, Registry } from 'prom-client'
import type { RequestRecord } from './app.ts'

/** Numbers of this process, in Prometheus's form. No label ever names a household, a clip or a request. */
export interface Metrics {
  readonly registry: Registry
  observe(record: RequestRecord): void
}

/** What is read at scrape time. */
export interface MetricSources {
  /** The published tree size. */
  readonly logSize: () => Promise<number>
  /** Open event streams. */
  readonly eventStreams: () => number
}

export function createMetrics({ logSize, eventStreams }: MetricSources): Metrics {
  const registry = new Registry()
  const registers = [registry]
  const durations = new Histogram({
    name: 'latchkey_http_request_seconds',
    help: 'Time to answer, by route',
    labelNames: ['method', 'route', 'status'],
    buckets: [0.005, 0.02, 0.1, 0.5, 2, 10, 60],
    registers,
  })
  new Gauge({
    name: 'latchkey_log_size',
    help: 'Leaves under the published checkpoint',
    registers,
    async collect() {
      this.set(await logSize())
    },
  })
  new Gauge({
    name: 'latchkey_event_streams',
    help: 'Phones that listen to their household',
    registers,
    collect() {
      this.set(eventStreams())
    },
  })
  new Gauge({
    name: 'latchkey_resident_bytes',
    help: 'Resident memory of the relay',
    registers,
    collect() {
      this.set(process.memoryUsage.rss())
    },
  })
  return {
    registry,
    observe: ({ method, route, status, durationMs }) =>
      durations.observe({ method, route, status: String(status) }, durationMs / 1000),
  }
}

/** What the operator's listener shows. */
export interface OperatorParts {
  readonly metrics: Metrics
  /** Rejects while the relay cannot serve. */
  checkReady(): Promise<void>
}

interface Shown {
  readonly status: number
  readonly mediaType: string
  readonly text: string
}

const plain = (status: number, text: string): Shown => ({ status, mediaType: 'text/plain', text })

async function readiness({ checkReady }: OperatorParts): Promise<Shown> {
  try {
    await checkReady()
    return plain(200, 'ready\n')
  } catch {
    return plain(503, 'not ready\n')
  }
}

/** Everything that the operator's listener answers, by its address: nothing that anybody recorded, asked or gave. */
export const OPERATOR_ROUTES: Readonly<Record<string, (parts: OperatorParts) => Promise<Shown>>> = {
  '/healthz': async () => plain(200, 'ok\n'),
  '/readyz': readiness,
  '/metrics': async ({ metrics: { registry } }) => ({
    status: 200,
    mediaType: registry.contentType,
    text: await registry.metrics(),
  }),
}

/** Health, readiness and metrics, for a listener that only the operator reaches. */
export function createOperatorApp(parts: OperatorParts): FastifyInstance {
  const app = Fastify({ logger: false, exposeHeadRoutes: false })
  for (const [address, show] of Object.entries(OPERATOR_ROUTES))
    app.get(address, async (_request, reply) => {
      const { status, mediaType, text } = await show(parts)
      return reply.code(status).type(mediaType).send(text)
    })
  return app
}
