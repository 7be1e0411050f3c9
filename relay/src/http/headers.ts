import type { FastifyInstance } from 'fastify'

/** On every answer. Nothing of ours is a page: no script runs, no frame shows it. */
export const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'referrer-policy': 'no-referrer',
  'strict-transport-security': 'max-age=31536000',
  'x-content-type-options': 'nosniff',
}

const EXPOSED = ['content-digest', 'content-range', 'dpop-nonce', 'etag', 'retry-after', 'x-request-id'].join(', ')
const ALLOWED_HEADERS = [
  'content-digest',
  'content-encoding',
  'content-type',
  'dpop',
  'if-match',
  'if-none-match',
  'latchkey-payload-digest',
  'range',
]
const PREFLIGHT_LIFE_S = 600

/**
 * Lets pages of the configured origins, and no others, call the relay. No cookies exist, so no credentials are allowed.
 * @see Fetch standard, "CORS protocol"
 */
export function addCrossOrigin(app: FastifyInstance, appOrigins: readonly string[]): void {
  app.addHook('onRequest', async (request, reply) => {
    reply.header('vary', 'Origin')
    const origin = request.headers.origin
    if (origin === undefined || !appOrigins.includes(origin)) return undefined
    reply.headers({ 'access-control-allow-origin': origin, 'access-control-expose-headers': EXPOSED })
    if (request.method !== 'OPTIONS') return undefined
    return reply
      .code(204)
      .headers({
        'access-control-allow-methods': 'GET, PUT, POST, DELETE',
        'access-control-allow-headers': ALLOWED_HEADERS.join(', '),
        'access-control-max-age': String(PREFLIGHT_LIFE_S),
      })
      .send()
  })
}
