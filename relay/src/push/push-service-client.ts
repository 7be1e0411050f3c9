import type { PushMessage, PushOutcome, PushService } from '../flow.ts'
import { parseEndpoint, type PushServices } from './push-endpoint.ts'
import type { Vapid } from './vapid.ts'

const TIMEOUT_MS = 10_000

function outcomeOf(status: number): PushOutcome {
  if (status >= 200 && status < 300) return 'sent'
  // The browser took its subscription back, or never had it. @see RFC 8030 §7.3
  if (status === 404 || status === 410) return 'gone'
  return status === 429 || status >= 500 ? 'later' : 'refused'
}

/**
 * Push services over HTTP: bodies are handed over as they are, only {@link Vapid} is added. A redirect is not followed: it could
 * lead anywhere.
 * @see RFC 8030 §5
 */
export function createPushServiceClient(options: { services: PushServices; vapid: Vapid }): PushService {
  const { services, vapid } = options
  return {
    async send({ endpoint, body, ttlSeconds, urgency, topic }: PushMessage, signal: AbortSignal) {
      // Again: what is allowed may have changed since it was stored.
      const url = parseEndpoint(endpoint, services)
      const encoded =
        body === null ? {} : { 'content-encoding': 'aes128gcm', 'content-type': 'application/octet-stream' }
      try {
        const answer = await fetch(url, {
          method: 'POST',
          headers: {
            authorization: await vapid.authorizationFor(url),
            ttl: String(ttlSeconds),
            urgency,
            ...(topic === undefined ? {} : { topic }),
            ...encoded,
          },
          body: body as Uint8Array<ArrayBuffer> | null,
          redirect: 'manual',
          signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]),
        })
        await answer.body?.cancel()
        return outcomeOf(answer.status)
      } catch {
        return 'later'
      }
    },
  }
}
