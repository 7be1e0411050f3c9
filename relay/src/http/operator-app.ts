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

/** Health, readiness and metrics, for a listener that only the operator reaches. */
export function createOperatorApp({ metrics, checkReady }: OperatorParts): FastifyInstance {
  const app = Fastify({ logger: false, exposeHeadRoutes: false })
  app.get('/healthz', async (_request, reply) => reply.type('text/plain').send('ok\n'))
  app.get('/readyz', async (_request, reply) => {
    const ready = await checkReady().then(
      () => true,
      () => false,
    )
    return reply
      .code(ready ? 200 : 503)
      .type('text/plain')
      .send(ready ? 'ready\n' : 'not ready\n')
  })
  app.get('/metrics', async (_request, reply) =>
    reply.type(metrics.registry.contentType).send(await metrics.registry.metrics()),
  )
  return app
}
