import { encodeBase64url, pushSubscriptionList } from '@latchkey/shared'
import type { RelayClient } from '@latchkey/shared/client'
import type { PushRelay } from './door-pusher.ts'

/** The relay's push routes over HTTP. @param client signs with the device key */
export function createRelayPushClient(client: RelayClient): PushRelay {
  return {
    list: async () => (await client.json('GET', '/v1/push-subscriptions', pushSubscriptionList)).subscriptions,
    async send(member, body) {
      await client.bytes('POST', '/v1/pushes', { json: { member, body: encodeBase64url(body) } })
    },
  }
}
