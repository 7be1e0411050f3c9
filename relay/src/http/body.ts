import { assertPlainText, contentDigestOf, encodeBase64url, fromUtf8, LatchkeyError, sha256 } from '@latchkey/shared'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { decodeContent } from './compression.ts'
import { assertBodyBound } from './dpop.ts'
import type { Route } from './route.ts'

type BodyType = Route<never>['bodyType']

const MEDIA_TYPES: Readonly<Record<Exclude<BodyType, 'none'>, string>> = {
  json: 'application/json',
  bytes: 'application/octet-stream',
}

/** Untrusted: `header`. @throws MEDIA_TYPE before the body is read */
export function assertMediaType(header: string | undefined, bodyType: BodyType): void {
  if (bodyType === 'none') return
  const [type] = (header ?? '').split(';', 1)
  if (type!.trim().toLowerCase() !== MEDIA_TYPES[bodyType])
    throw new LatchkeyError('MEDIA_TYPE', `this route takes ${MEDIA_TYPES[bodyType]}`)
}

function parseJsonBody(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(fromUtf8(bytes))
  } catch (cause) {
    throw new LatchkeyError('JSON_INVALID', 'the body is not JSON', { cause })
  }
}

/** Only a route that says so takes a coding: elsewhere it would be one more thing to get past the schemas. */
function asWritten({ headers, routeOptions }: FastifyRequest, body: Uint8Array): Uint8Array {
  const coding = headers['content-encoding']
  const route = routeOptions.config.bound?.route
  if (coding !== undefined && !route?.gzip) throw new LatchkeyError('MEDIA_TYPE', 'this route takes no content coding')
  return decodeContent(body, coding, route?.maxBodyBytes ?? body.length)
}

/** Parsers that keep the received bytes: their digest is what the proof binds. Untrusted: the body. */
export function addBodyParsers(app: FastifyInstance): void {
  app.removeAllContentTypeParsers()
  const keep = (request: FastifyRequest, body: string | Buffer): Uint8Array => (request.bytes = body as Buffer)
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, async (request: FastifyRequest, body: Buffer) =>
    parseJsonBody(asWritten(request, keep(request, body))),
  )
  app.addContentTypeParser(
    'application/octet-stream',
    { parseAs: 'buffer' },
    async (request: FastifyRequest, body: Buffer) => keep(request, body),
  )
}

/**
 * A body is what its Content-Digest says and, on authenticated routes, what the proof bound; its text is plain.
 * @throws PRECONDITION_REQUIRED | MESSAGE_INVALID | DPOP_INVALID | TEXT_INVALID
 * @see RFC 9530 §2
 */
export function checkBody(request: FastifyRequest): void {
  const { bytes, accepted, headers } = request
  const stated = headers['content-digest']
  const hash = sha256(bytes)
  if (bytes.length > 0 && accepted && stated === undefined)
    throw new LatchkeyError('PRECONDITION_REQUIRED', 'a body needs its Content-Digest')
  if (stated !== undefined && stated !== contentDigestOf(hash))
    throw new LatchkeyError('MESSAGE_INVALID', 'Content-Digest is not the digest of the body')
  if (accepted) assertBodyBound(accepted.proof, bytes.length === 0 ? null : encodeBase64url(hash))
  if (!(request.body instanceof Uint8Array)) assertPlainText(request.body)
}
