/** The arithmetic by which a second phone joins a household: no I/O, no clock. @see spec/joining.md */
import { decodeBase64url, encodeBase64url } from '../bytes/base64url.ts'
import { equalBytes, utf8 } from '../bytes/bytes.ts'
import { hkdfSha256, hmacSha256, sha256 } from '../crypto/hash.ts'
import { jwkOf, parseRecipient, type PublicJwk, rawKeyOf, type Recipient, type Signer, urnOf } from '../crypto/keys.ts'
import { LatchkeyError } from '../errors.ts'
import { isSignedBy } from '../wire/jws.ts'
import { joining } from '../wire/joining.ts'
import type { Member } from '../wire/keyset.ts'
import { sixDigitsOf } from './pairing.ts'

const SECRET_BYTES = 32

/** What an owner's phone shows to a phone that shall join. It stands in the URL's fragment, which no server ever receives. */
export interface JoinInvitation {
  readonly relay: string
  readonly logVkey: string
  /** Of the household: the new phone pins it from here, not from a relay. */
  readonly rootJwk: PublicJwk
  /** 32 bytes. Secret. */
  readonly secret: Uint8Array
}

/** @param page origin that serves the phone app */
export function encodeJoinUrl(page: string, invitation: JoinInvitation): string {
  const fragment = new URLSearchParams({
    v: '1',
    relay: invitation.relay,
    log: invitation.logVkey,
    root: encodeBase64url(rawKeyOf(invitation.rootJwk)),
    secret: encodeBase64url(invitation.secret),
  })
  return `${page}/join#${fragment.toString()}`
}

/** Untrusted: `url`, which a person pasted or a camera read. @throws PAIRING_FAILED */
export function parseJoinUrl(url: string): JoinInvitation {
  try {
    const { pathname, hash } = new URL(url)
    const fields = new URLSearchParams(hash.slice(1))
    const [relay, logVkey, root] = [fields.get('relay'), fields.get('log'), fields.get('root')]
    const secret = decodeBase64url(fields.get('secret') ?? '')
    if (pathname === '/join' && fields.get('v') === '1' && relay && logVkey && root && secret.length === SECRET_BYTES)
      return { relay: new URL(relay).origin, logVkey, rootJwk: jwkOf(decodeBase64url(root)), secret }
  } catch {
    // Falls through: the causes would quote the secret.
  }
  throw new LatchkeyError('PAIRING_FAILED', 'not an invitation of this version')
}

function joinMac({ secret, rootJwk }: JoinInvitation, jwk: PublicJwk, recipient: string): Uint8Array {
  const key = hkdfSha256(secret, new Uint8Array(0), 'latchkey/v1/join')
  return hmacSha256(key, sha256(rawKeyOf(rootJwk)), sha256(rawKeyOf(jwk)), sha256(utf8(recipient)))
}

/** The new phone's letter. @param given.recipient its own */
export function encodeJoining(
  invitation: JoinInvitation,
  given: { readonly signer: Signer; readonly recipient: Recipient; readonly nowMs: number },
): Promise<string> {
  const { signer, recipient, nowMs } = given
  const mac = encodeBase64url(joinMac(invitation, signer.jwk, recipient))
  const iat = Math.floor(nowMs / 1000)
  return joining.encode({ iss: signer.urn, iat, cnf: { jwk: signer.jwk }, latchkey: { v: 1, recipient, mac } }, signer)
}

/**
 * The owner's side: a letter of whoever read the code, and holds the keys that it names.
 * Untrusted: `raw`.
 * @returns the keys of the new member
 * @throws PAIRING_FAILED for every reason alike
 */
export function checkJoining(raw: string, invitation: JoinInvitation): Omit<Member, 'role'> {
  try {
    const signed = joining.parse(raw)
    const { iss, cnf, latchkey } = signed.payload
    const jwk = cnf.jwk as PublicJwk
    parseRecipient(latchkey.recipient)
    const isTheirs = iss === urnOf(jwk) && isSignedBy(signed, jwk)
    if (isTheirs && equalBytes(decodeBase64url(latchkey.mac), joinMac(invitation, jwk, latchkey.recipient)))
      return { signingKey: jwk, recipient: latchkey.recipient }
  } catch (cause) {
    throw new LatchkeyError('PAIRING_FAILED', 'this letter is not from the reader of the code', { cause })
  }
  throw new LatchkeyError('PAIRING_FAILED', 'this letter is not from the reader of the code')
}

/** Six digits of the letter: both phones show them, so that nobody who photographed the code is taken for the new phone. */
export const joiningDigits = (raw: string): string => sixDigitsOf(utf8(raw))
