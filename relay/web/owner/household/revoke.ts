import { encodeBase64url, keyset, randomBytes, revocation } from '@latchkey/shared'
import { anything } from '@latchkey/shared/client'
import { nowMs } from '../../kernel/clock.ts'
import { phoneOf } from '../keys/phone-keys.ts'
import type { Home } from './home.ts'
import { memberClient } from './relay-clients.ts'

/**
 * Takes a consent, or the trust in a doorbell, back for the whole household; effective when this resolves.
 * @param digest of what is taken back
 * @returns this phone's signed word, compact JWS
 * @throws UNAVAILABLE and the relay's refusals
 */
export async function revoke(home: Home, digest: string): Promise<string> {
  const [{ signer }, asMember] = await Promise.all([phoneOf(home.keys), memberClient(home)])
  const named = keyset.parse(home.keyset)
  const raw = await revocation.encode(
    {
      iss: named.payload.iss,
      jti: encodeBase64url(randomBytes(16)),
      iat: Math.floor(nowMs() / 1000),
      latchkey: { v: 1, revokes: digest, keyset: named.digest },
    },
    signer,
  )
  const json = { revocation: raw, salt: encodeBase64url(randomBytes(32)) }
  await asMember.json('POST', '/v1/revocations', anything, { json })
  return raw
}
