import type { RelayClient } from '@latchkey/shared/client'
import type { AgentContext } from './agent-context.ts'
import { createDoorPusher, type DoorPusher, type DoorPusherOptions } from './push/door-pusher.ts'
import { createRelayPushClient } from './push/relay-push-client.ts'

/** Joins the pusher with the agent's key and its relay. @param given.relay signs with the device key */
export async function startPushes(
  { signer, clock, log, random, parts }: AgentContext,
  given: Pick<DoorPusherOptions, 'device' | 'household'> & { readonly relay: RelayClient },
): Promise<DoorPusher> {
  return createDoorPusher({
    ...given,
    relay: createRelayPushClient(given.relay),
    opener: await signer.identity(),
    clock,
    log,
    random,
    ...(parts.retryBaseMs === undefined ? {} : { retryBaseMs: parts.retryBaseMs }),
  })
}
