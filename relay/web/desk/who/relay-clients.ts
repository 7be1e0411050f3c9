import { createRelayClient, type RelayClient } from '@latchkey/shared/client'
import { nowMs } from '../../kernel/clock.ts'
import { type DeskKeys, type Investigator, openKeys } from './investigator.ts'

const askers = new WeakMap<DeskKeys, Promise<RelayClient>>()

/** The relay as this investigator calls it: every request proved by the key. One for all pages, as each new one costs a nonce. */
export function investigatorClient({ keys, relay }: Investigator): Promise<RelayClient> {
  const known = askers.get(keys)
  if (known !== undefined) return known
  const made = openKeys(keys).then(({ signer }) => createRelayClient({ origin: relay, signer, nowMs }))
  askers.set(keys, made)
  return made
}

/** The relay as anybody calls it. */
export const anyoneClient = ({ relay }: Pick<Investigator, 'relay'>): RelayClient =>
  createRelayClient({ origin: relay, nowMs })
