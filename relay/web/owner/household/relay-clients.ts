import { createRelayClient, type RelayClient } from '@latchkey/shared/client'
import { nowMs } from '../../kernel/clock.ts'
import { phoneOf } from '../keys/phone-keys.ts'
import type { Home } from './home.ts'

/** Callers of this household's relay, each with its nonce. */
const members = new WeakMap<Home['keys'], Promise<RelayClient>>()

/** The relay as this phone calls it: every request proved by its key. One for all pages, as each new one costs a nonce. */
export function memberClient(home: Home): Promise<RelayClient> {
  const known = members.get(home.keys)
  if (known !== undefined) return known
  const made = phoneOf(home.keys).then(({ signer }) => createRelayClient({ origin: home.relay, signer, nowMs }))
  members.set(home.keys, made)
  return made
}

/** The relay as anybody calls it: nothing says who asks. */
export const anyoneClient = (home: Pick<Home, 'relay'>): RelayClient => createRelayClient({ origin: home.relay, nowMs })
