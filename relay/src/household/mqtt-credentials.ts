import { isSignedBy, LatchkeyError, mqttCredential, type Signer, thumbprintOfUrn } from '@latchkey/shared'
import type { AuthenticateDevice, Database, DeviceCaller } from '../flow.ts'
import type { Clock } from '../kernel/clock.ts'
import { isDeviceInForce } from './device-store.ts'

/** The broker closes the connection when it ends; the device then asks for the next one. */
const CREDENTIAL_LIFE_S = 12 * 3_600

export interface CredentialParts {
  readonly database: Database
  readonly clock: Pick<Clock, 'nowMs'>
  readonly publicOrigin: string
  readonly signer: Signer
}

/** A broker login for a paired device: the password is the relay's own signed statement, so nothing is stored. */
export async function issueCredential(
  parts: CredentialParts,
  caller: DeviceCaller,
): Promise<{ username: string; password: string; expiresMs: number }> {
  const iat = Math.floor(parts.clock.nowMs() / 1000)
  const exp = iat + CREDENTIAL_LIFE_S
  const password = await mqttCredential.encode(
    { iss: parts.publicOrigin, sub: caller.urn, iat, exp, latchkey: { v: 1, device: caller.device } },
    parts.signer,
  )
  return { username: caller.device, password, expiresMs: exp * 1000 }
}

/** How the embedded broker judges a login: our signature, our name, not expired, the certificate still in force. */
export function createAuthenticator(parts: CredentialParts): AuthenticateDevice {
  return async (username, password) => {
    try {
      const signed = mqttCredential.parse(password)
      const { iss, sub, exp, latchkey } = signed.payload
      if (!isSignedBy(signed, parts.signer.jwk) || iss !== parts.publicOrigin) return null
      if (exp * 1000 <= parts.clock.nowMs() || latchkey.device !== username) return null
      const inForce = await isDeviceInForce(parts.database, username, thumbprintOfUrn(sub))
      return inForce ? { device: username, expiresMs: exp * 1000 } : null
    } catch (error) {
      // Untrusted: a password that does not parse is a wrong password.
      if (error instanceof LatchkeyError && error.kind === 'refuse') return null
      throw error
    }
  }
}
