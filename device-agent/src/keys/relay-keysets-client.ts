import { keysetAccepted, keysetList, proposedKeyset } from '@latchkey/shared'
import type { RelayClient } from '@latchkey/shared/client'
import type { KeysetFollowerOptions } from './keyset-follower.ts'

/** The household's keysets over HTTP. @param relay proved by the device's key */
export function createRelayKeysets(
  relay: RelayClient,
): Pick<KeysetFollowerOptions, 'fetchKeysets' | 'fetchProposal' | 'sendPress'> {
  return {
    fetchKeysets: () => relay.json('GET', '/v1/keysets', keysetList),
    fetchProposal: () => relay.json('GET', '/v1/keysets/proposed', proposedKeyset),
    sendPress: (ack) => relay.json('POST', '/v1/keysets/proposed/press', keysetAccepted, { json: { ack } }),
  }
}
