import { LatchkeyError } from '@latchkey/shared'
import { gunzipSync, gzipSync } from 'node:zlib'
import type { FastifyReply, FastifyRequest } from 'fastify'

/** Of a coding in `Accept-Encoding`: `q=0` means no. @see RFC 9110 §12.5.3 */
const GZIP = /^gzip\s*(?:;\s*q=(?<weight>[01](?:\.\d{0,3})?)\s*)?$/i

/** Whether a caller takes an answer in gzip. Untrusted: `header`; what is not understood means no. */
export function acceptsGzip(header: string | undefined): boolean {
  return (header ?? '').split(',').some((coding) => {
    const match = GZIP.exec(coding.trim())
    return match !== null && Number(match.groups?.['weight'] ?? 1) > 0
  })
}

/**
 * A body as its sender wrote it. Untrusted: both.
 * @param maxBytes of what comes out: a small body cannot become a large one
 * @throws MEDIA_TYPE for any coding but gzip | MESSAGE_INVALID | MESSAGE_TOO_LARGE
 */
export function decodeContent(body: Uint8Array, coding: string | undefined, maxBytes: number): Uint8Array {
  if (coding === undefined) return body
  if (coding.trim().toLowerCase() !== 'gzip') throw new LatchkeyError('MEDIA_TYPE', 'a body comes as it is, or in gzip')
  try {
    return gunzipSync(body, { maxOutputLength: maxBytes })
  } catch (cause) {
    if (cause instanceof RangeError)
      throw new LatchkeyError('MESSAGE_TOO_LARGE', `the body is longer than ${maxBytes} bytes`, { cause })
    throw new LatchkeyError('MESSAGE_INVALID', 'the body is not gzip', { cause })
  }
}

/**
 * For routes whose answers are sealed headers: text of which a third is air, whose length tells how well random bytes
 * compress. An answer that held a secret beside words of the caller's must not come here, since its length would tell
 * them how alike the two are (BREACH); here a caller chooses nothing of the answer but which clip it is about.
 */
export async function compressAnswer(request: FastifyRequest, reply: FastifyReply, payload: unknown): Promise<unknown> {
  if (reply.statusCode !== 200 || typeof payload !== 'string') return payload
  reply.header('vary', 'Origin, Accept-Encoding')
  if (!acceptsGzip(request.headers['accept-encoding'])) return payload
  reply.header('content-encoding', 'gzip').removeHeader('content-length')
  return gzipSync(payload)
}
