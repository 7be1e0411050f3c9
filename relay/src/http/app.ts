import { encodeBase64url, LatchkeyError, randomBytes } from '@latchkey/shared'
import swagger from '@fastify/swagger'
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest, LogController } from 'fastify'
import type { Server } from 'node:http'
import type { Clock } from '../kernel/clock.ts'
import type { Log } from '../kernel/log.ts'
import { addBodyParsers, assertMediaType, checkBody } from './body.ts'
import { type CallerDirectory, resolveCaller } from './callers.ts'
import { refuseConnection } from './client-errors.ts'
import { acceptProof, type AcceptedProof, type Nonces, type ProofMemory } from './dpop.ts'
import { compressAnswer } from './compression.ts'
import { addCrossOrigin, SECURITY_HEADERS } from './headers.ts'
import { fastifySchemaOf, OPENAPI } from './openapi.ts'
import { answerOfError } from './problem-answer.ts'
import type { Answer, Caller, Route } from './route.ts'

/** A route and the services that its handler may use. */
export interface BoundRoute {
  readonly route: Route<never>
  readonly services: unknown
}

/** Binds a group of routes to its services. */
export function bindRoutes<S>(routes: readonly Route<S>[], services: NoInfer<S>): BoundRoute[] {
  return routes.map((route) => ({ route: route, services }))
}

/** One finished request, as metrics and log see it: never an address, an id or a query. */
export interface RequestRecord {
  readonly method: string
  /** The route's pattern, `unknown` for none. */
  readonly route: string
  readonly status: number
  readonly durationMs: number
}

/** What the app needs. */
export interface AppParts {
  /** Bound already; the app becomes its handler. */
  readonly server: Server
  readonly publicOrigin: string
  readonly appOrigins: readonly string[]
  /** Whose X-Forwarded-For is believed. */
  readonly proxies: readonly string[]
  readonly clock: Clock
  readonly log: Log
  readonly nonces: Nonces
  readonly proofs: ProofMemory
  readonly callers: CallerDirectory
  readonly routes: readonly BoundRoute[]
  observe(record: RequestRecord): void
}

declare module 'fastify' {
  interface FastifyContextConfig {
    readonly bound?: BoundRoute
  }
  interface FastifyRequest {
    accepted: AcceptedProof | null
    caller: Caller
    bytes: Uint8Array
    startedMs: number
  }
}

const MAX_PARAM_CHARACTERS = 256
const MAX_BODY_BYTES = 65_536
/**
 * A body too long for its route, up to this many bytes, is read to its end and thrown away, on a connection that lives
 * on. Closed earlier, the connection would be reset under a caller that is still sending, and its answer lost: a proxy
 * makes a 502 of that, which agents take for an outage and try again.
 */
const MAX_DISCARDED_BYTES = 16 * 1024 * 1024

function createServer(parts: AppParts): FastifyInstance {
  return Fastify({
    loggerInstance: parts.log as never,
    // fastify's own lines hold whole addresses, and with them digests and ids; ours hold the route's pattern.
    logController: new LogController({ disableRequestLogging: true }),
    genReqId: () => encodeBase64url(randomBytes(9)),
    bodyLimit: MAX_BODY_BYTES,
    serverFactory: (handler) => parts.server.on('request', handler),
    trustProxy: [...parts.proxies],
    return503OnClosing: true,
    clientErrorHandler: refuseConnection,
    routerOptions: { maxParamLength: MAX_PARAM_CHARACTERS },
    exposeHeadRoutes: false,
    frameworkErrors: (error, _request, reply) => void sendAnswer(reply as FastifyReply, answerOfError(error)),
    // Strict: what does not match is refused, never bent into shape.
    ajv: { customOptions: { coerceTypes: false, removeAdditional: false, useDefaults: false, allErrors: false } },
  }) as unknown as FastifyInstance
}

function sendAnswer(reply: FastifyReply, answer: Answer): FastifyReply {
  reply.code(answer.status).headers(answer.headers ?? {})
  if ('json' in answer) return reply.send(answer.json)
  if ('stream' in answer) return reply.send(answer.stream)
  if ('bytes' in answer)
    return reply.send(Buffer.from(answer.bytes.buffer, answer.bytes.byteOffset, answer.bytes.length))
  return reply.send()
}

/** Proof and caller are judged before a byte of the body is read. */
async function authenticate(request: FastifyRequest, parts: AppParts): Promise<void> {
  const route = request.routeOptions.config.bound?.route
  if (!route) return
  if (!route.callers.includes('anyone')) {
    const path = request.raw.url!.split('?', 1)[0]!
    const target = { method: request.method, address: parts.publicOrigin + path }
    request.accepted = acceptProof(request.headers['dpop'], target, parts.nonces)
    request.caller = await resolveCaller(parts.callers, route.callers, request.accepted.proof)
  }
  assertMediaType(request.headers['content-type'], route.bodyType)
}

function addHooks(app: FastifyInstance, parts: AppParts): void {
  app.decorateRequest('accepted', null)
  app.decorateRequest('caller', null as never)
  app.decorateRequest('bytes', null as never)
  app.decorateRequest('startedMs', 0)
  app.addHook('onRequest', async (request, reply) => {
    request.startedMs = parts.clock.monotonicMs()
    request.caller = { kind: 'anyone' }
    request.bytes = new Uint8Array(0)
    reply.headers({ ...SECURITY_HEADERS, 'x-request-id': request.id, 'dpop-nonce': parts.nonces.current() })
  })
  addCrossOrigin(app, parts.appOrigins)
  app.addHook('onRequest', (request) => authenticate(request, parts))
  app.addHook('preValidation', async (request) => {
    checkBody(request)
    if (request.accepted) await parts.proofs.use(request.accepted)
  })
  app.addHook('onResponse', async (request, reply) => {
    const record = {
      method: request.method,
      route: request.routeOptions.url ?? 'unknown',
      status: reply.statusCode,
      // Whole microseconds: the rest is noise of the floating point.
      durationMs: Math.round((parts.clock.monotonicMs() - request.startedMs) * 1000) / 1000,
    }
    parts.observe(record)
    parts.log.info({ id: request.id, ...record }, 'http.answered')
  })
}

function addErrors(app: FastifyInstance, parts: AppParts): void {
  app.setErrorHandler((thrown, request, reply) => {
    const answer = answerOfError(thrown)
    const { code } = answer.json
    // A fault of ours is worth its stack, an outage its code; refusals are the caller's business.
    if (code === 'INTERNAL') parts.log.error({ id: request.id, err: thrown }, 'http.fault')
    else if (answer.status >= 500) parts.log.warn({ id: request.id, code }, 'http.unavailable')
    if (Number(request.headers['content-length']) <= MAX_DISCARDED_BYTES) reply.removeHeader('connection')
    return sendAnswer(reply, answer)
  })
  const patterns = parts.routes.map(({ route }) => ({
    method: route.method,
    matches: new RegExp(`^${route.url.replaceAll(/:[a-z]+/g, '[^/]+').replaceAll('*', '.*')}$`),
  }))
  app.setNotFoundHandler((request, reply) => {
    const path = request.raw.url!.split('?', 1)[0]!
    const allowed = patterns.filter((pattern) => pattern.matches.test(path)).map((pattern) => pattern.method)
    if (allowed.length === 0) return sendAnswer(reply, answerOfError(new LatchkeyError('NOT_FOUND', 'no such route')))
    reply.header('allow', allowed.join(', '))
    return sendAnswer(reply, answerOfError(new LatchkeyError('METHOD_NOT_ALLOWED', 'this route has other methods')))
  })
}

function addRoute(app: FastifyInstance, bound: BoundRoute): void {
  const { route, services } = bound
  app.route({
    method: route.method,
    url: route.url,
    exposeHeadRoute: route.method === 'GET' && route.callers.includes('anyone'),
    bodyLimit: route.maxBodyBytes,
    config: { bound },
    schema: fastifySchemaOf(route),
    ...(route.gzip ? { onSend: compressAnswer } : {}),
    handler: async (request, reply) => {
      const answer = await route.handle(
        {
          params: request.params,
          query: request.query,
          body: request.body,
          caller: request.caller,
          proof: request.accepted?.proof ?? null,
          headers: request.headers,
          bytes: request.bytes,
          address: request.ip,
        },
        services as never,
      )
      return sendAnswer(reply, answer)
    },
  })
}

/**
 * The relay's public HTTP interface, as the handler of a bound server: strict schemas, proven callers, problem documents.
 * @see protocol §2 (callers), §11 (routes)
 */
export async function createApp(parts: AppParts): Promise<FastifyInstance> {
  const app = createServer(parts)
  addBodyParsers(app)
  await app.register(swagger, OPENAPI)
  addHooks(app, parts)
  addErrors(app, parts)
  // In a plugin, so that the OpenAPI collector (registered above, loaded first) sees every route.
  await app.register(async (scope) => parts.routes.forEach((bound) => addRoute(scope, bound)))
  app.get('/v1/openapi.json', { schema: { hide: true } }, async (_request, reply) =>
    reply.header('cache-control', 'public, max-age=300').send(app.swagger()),
  )
  await app.ready()
  return app
}
