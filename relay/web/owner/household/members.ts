/** The phones of the household, and the next keyset when they change. */
import { keyset, keysetInForce, type Keyset, type Member, thumbprintOf } from '@latchkey/shared'
import { anything } from '@latchkey/shared/client'
import { nowMs } from '../../kernel/clock.ts'
import { phoneOf } from '../keys/phone-keys.ts'
import { chainOf, type Home } from './home.ts'
import { memberClient } from './relay-clients.ts'

/** The name under which settings know a phone. */
export const thumbprintOfMember = ({ signingKey }: Pick<Member, 'signingKey'>): string => thumbprintOf(signingKey)

/** The members in force. */
export const membersOf = (home: Home): readonly Member[] => keysetInForce(chainOf(home)).payload.latchkey.members

/** What a phone is in the keyset in force; null when it is none of its members (yet, or any more). */
export const roleOf = (home: Home, thumbprint: string | null): Member['role'] | null =>
  membersOf(home).find((member) => thumbprintOfMember(member) === thumbprint)?.role ?? null

/** {@link roleOf} this phone. */
export const ownRole = async (home: Home): Promise<Member['role'] | null> =>
  roleOf(home, (await phoneOf(home.keys)).signer.thumbprint)

/** The version behind the newest one, with a change, signed by this phone. */
export async function signNextKeyset(
  home: Home,
  change: Partial<Pick<Keyset['latchkey'], 'members' | 'quorum'>>,
): Promise<string> {
  const { signer } = await phoneOf(home.keys)
  const chain = chainOf(home)
  const { iss, latchkey } = keysetInForce(chain).payload
  const newest = chain.at(-1)!.keyset
  const at = nowMs()
  const next = {
    ...latchkey,
    version: newest.payload.latchkey.version + 1,
    previous: newest.digest,
    effectiveMs: at,
    ...change,
  }
  return keyset.encode({ iss, iat: Math.floor(at / 1000), latchkey: next }, signer)
}

/** Puts a signed keyset where doorbells and other owners find it. @throws what the relay refuses */
export async function proposeKeyset(home: Home, raw: string): Promise<void> {
  const client = await memberClient(home)
  await client.json('PUT', '/v1/keysets/proposed', anything, { json: { keyset: raw } })
}
