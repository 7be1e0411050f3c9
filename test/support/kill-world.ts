import { generateIdentity, type Policy, type Signer } from '@latchkey/shared'
import { createRelayClient, type RelayClient } from '@latchkey/shared/client'
import type { Relay } from '../../relay/src/relay.ts'
import { createShiftedClock, loadTestPolicy, randomSigner, type RelayWorld } from './relay-world.ts'

const NEVER_REACHED = { perDay: 100_000, per30Days: 100_000, open: 100_000 }

/** A policy whose agencies may ask without end, and who may operate the relay. */
export async function createWorldTerms(): Promise<{ readonly policy: Policy; readonly operator: Signer }> {
  return { policy: await loadTestPolicy({ agencyLimits: NEVER_REACHED }), operator: randomSigner() }
}

/** What uses of a running relay need, around a relay that may be another one at every look, at one address. */
export function createWorldAround(
  look: () => Relay,
  options: { readonly policy: Policy; readonly operator: Signer; readonly folder: string; readonly origin: string },
): RelayWorld {
  const { policy, operator, folder, origin } = options
  const clock = createShiftedClock()
  const client = (signer: Signer): RelayClient => createRelayClient({ origin, signer, nowMs: clock.nowMs })
  return {
    get relay() {
      return look()
    },
    clock,
    policy,
    folder,
    operator: client(operator),
    anyone: createRelayClient({ origin, nowMs: clock.nowMs }),
    client,
    party() {
      const signer = randomSigner()
      return { signer, identity: generateIdentity(), client: client(signer) }
    },
    nowSeconds: () => Math.floor(clock.nowMs() / 1000),
    [Symbol.asyncDispose]: () => look()[Symbol.asyncDispose](),
  }
}
