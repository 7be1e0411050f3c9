/** The arithmetic of pairing that Pi and phone share: no I/O, no clock. @see spec/pairing.md */
import { decodeBase64url, encodeBase64url } from '../bytes/base64url.ts'
import { equalBytes, utf8 } from '../bytes/bytes.ts'
import { canonicalBytes } from '../bytes/canonical-json.ts'
import { digestOfJws, hkdfSha256, hmacSha256, randomBytes, sha256 } from '../crypto/hash.ts'
import { parseRecipient, type PublicJwk, rawKeyOf, type Signer, thumbprintOf, urnOf } from '../crypto/keys.ts'
import { LatchkeyError } from '../errors.ts'
import { checkFirstKeyset, checkKeysetForm, signingMember } from '../household/keyset-chain.ts'
import { deviceCertificate, type DeviceCertificate, hello, type Hello, type PairingAnswer } from '../wire/device.ts'
import { isSignedBy, type Signed } from '../wire/jws.ts'
import { ack, type Ack, keyset, type Keyset } from '../wire/keyset.ts'

/** Life of a pairing secret: long enough to find the phone, short enough that a photographed screen is useless. */
export const PAIRING_LIFE_MS = 15 * 60_000
/** Wrong answers that end a secret's life. */
export const PAIRING_TRIES = 5
const SECRET_BYTES = 32

/** What the pairing QR code says. The secret stands in the URL's fragment, which no server ever receives. */
export interface PairingInvitation {
  /** Relay's origin, for both. */
  readonly relay: string
  /** Thumbprint of the device key. */
  readonly device: string
  /** Signed-note verifier key of the relay's log. */
  readonly logVkey: string
  /** 32 bytes. Secret. */
  readonly secret: Uint8Array
}

/** Mailbox of a secret: knowing it does not give the secret. Base64url of 16 bytes. */
export function mailboxOf(secret: Uint8Array): string {
  return encodeBase64url(sha256(secret).subarray(0, 16))
}

/**
 * The URL behind the QR code.
 * @param page origin that serves the phone app (or the relay's)
 */
export function encodePairingUrl(page: string, invitation: PairingInvitation): string {
  const fragment = new URLSearchParams({
    v: '1',
    relay: invitation.relay,
    device: invitation.device,
    log: invitation.logVkey,
    secret: encodeBase64url(invitation.secret),
  })
  return `${page}/pair#${fragment.toString()}`
}

/** Untrusted: `url`, which a person pasted or a camera read. @throws PAIRING_FAILED */
export function parsePairingUrl(url: string): PairingInvitation {
  try {
    const fields = new URLSearchParams(new URL(url).hash.slice(1))
    const [relay, device, logVkey] = [fields.get('relay'), fields.get('device'), fields.get('log')]
    const secret = decodeBase64url(fields.get('secret') ?? '')
    if (fields.get('v') === '1' && relay && device && logVkey && secret.length === SECRET_BYTES)
      return { relay: new URL(relay).origin, device, logVkey, secret }
  } catch {
    // Falls through: the causes would quote the secret.
  }
  throw new LatchkeyError('PAIRING_FAILED', 'not a pairing address of this version')
}

/** HMAC over the three digests with a key only the two parties have, 32 bytes. */
export function pairingMac(
  secret: Uint8Array,
  hello: string,
  answer: { keyset: string; deviceCertificate: string },
): Uint8Array {
  const key = hkdfSha256(secret, new Uint8Array(0), 'latchkey/v1/pair')
  const digests = [hello, answer.keyset, answer.deviceCertificate].map((raw) => sha256(utf8(raw)))
  return hmacSha256(key, ...digests)
}

/** Six digits of what both sides saw: the first 48 bits of its hash modulo 10^6. */
export function sixDigitsOf(...seen: readonly Uint8Array[]): string {
  const number = sha256(...seen)
    .subarray(0, 6)
    .reduce((value, byte) => value * 256 + byte, 0)
  return String(number % 1_000_000).padStart(6, '0')
}

/** The six digits that phone and terminal show: of `hello ‖ JCS(answer)`. */
export const pairingDigits = (hello: string, answer: PairingAnswer): string =>
  sixDigitsOf(utf8(hello), canonicalBytes(answer))

function fail(reason: string): never {
  throw new LatchkeyError('PAIRING_FAILED', reason)
}

/**
 * A keyset of the household whose root this is, whose every recipient can be sealed to. The first is signed by the root; of a
 * later one the chain is the phone's to know, and the secret of the code, which whoever chose the root holds, vouches for it.
 * @throws KEYSET_INVALID | KEY_INVALID
 */
function assertHouseholdKeyset(signed: Signed<Keyset>, rootJwk: PublicJwk): void {
  const isFirst = signed.payload.latchkey.version === 1
  const [finding] = isFirst ? checkFirstKeyset(signed, rootJwk).findings : checkKeysetForm(signed.payload)
  if (finding) throw new LatchkeyError('KEYSET_INVALID', finding.message)
  if (signed.payload.iss !== urnOf(rootJwk)) throw new LatchkeyError('KEYSET_INVALID', 'the issuer is not the root')
  const { members, recovery } = signed.payload.latchkey
  for (const recipient of [...members.map((member) => member.recipient), recovery]) parseRecipient(recipient)
  for (const member of members) rawKeyOf(member.signingKey)
}

/** The certificate is this hello's, for this keyset, by one of its owners. @throws DEVICE_INVALID */
function assertCertificateFor(
  certificate: Signed<DeviceCertificate>,
  signedHello: Signed<Hello>,
  signedKeyset: Signed<Keyset>,
): void {
  const { iss, sub, cnf, latchkey } = certificate.payload
  const { payload: greeting } = signedHello
  const signer = signingMember(signedKeyset.payload, certificate)
  const fits =
    signer?.role === 'owner' &&
    iss === signedKeyset.payload.iss &&
    sub === greeting.iss &&
    thumbprintOf(cnf.jwk) === thumbprintOf(greeting.cnf.jwk) &&
    latchkey.epoch === greeting.latchkey.epoch &&
    latchkey.keyset === signedKeyset.digest &&
    latchkey.hello === signedHello.digest
  if (!fits) throw new LatchkeyError('DEVICE_INVALID', 'the device certificate is not for this device and keyset')
}

/** What the Pi learns from a good answer. */
export interface PairingOutcome {
  readonly rootUrn: string
  readonly rootJwk: PublicJwk
  readonly keyset: Signed<Keyset>
  readonly certificate: Signed<DeviceCertificate>
  readonly digits: string
}

/**
 * The Pi's side: is this answer from whoever read the QR code, and is everything in it what it claims?
 * Untrusted: `answer` (its form already checked).
 * @throws PAIRING_FAILED for every reason alike: which one it was helps only an attacker
 */
export function checkPairingAnswer(secret: Uint8Array, helloRaw: string, answer: PairingAnswer): PairingOutcome {
  try {
    // The MAC first: nothing else of a stranger's bytes is looked at.
    if (!equalBytes(decodeBase64url(answer.mac), pairingMac(secret, helloRaw, answer))) fail('wrong MAC')
    const rootJwk = answer.rootJwk as PublicJwk
    const signedKeyset = keyset.parse(answer.keyset)
    assertHouseholdKeyset(signedKeyset, rootJwk)
    const certificate = deviceCertificate.parse(answer.deviceCertificate)
    assertCertificateFor(certificate, hello.parse(helloRaw), signedKeyset)
    return {
      rootUrn: urnOf(rootJwk),
      rootJwk,
      keyset: signedKeyset,
      certificate,
      digits: pairingDigits(helloRaw, answer),
    }
  } catch (cause) {
    throw new LatchkeyError('PAIRING_FAILED', 'the answer is not from the holder of this pairing secret', { cause })
  }
}

/**
 * The phone's side: is this hello from the device that the QR code names, for the same relay and log?
 * Untrusted: `raw`.
 * @throws PAIRING_FAILED and the codes of a JWS that does not parse
 */
export function checkPairingHello(raw: string, invitation: PairingInvitation): Signed<Hello> {
  const signed = hello.parse(raw)
  const jwk = signed.payload.cnf.jwk as PublicJwk
  const { relay, logVkey } = signed.payload.latchkey
  if (thumbprintOf(jwk) !== invitation.device || signed.payload.iss !== urnOf(jwk) || !isSignedBy(signed, jwk))
    fail('the hello is not from the device of this code')
  if (relay !== invitation.relay || logVkey !== invitation.logVkey) fail('the hello names another relay or log')
  return signed
}

/** What a phone needs to vouch for a device. */
export interface AnswerHello {
  readonly invitation: PairingInvitation
  /** The hello as the mailbox gave it. Untrusted. */
  readonly hello: string
  /** Compact JWS of the household's keyset in force. */
  readonly keyset: string
  readonly rootJwk: PublicJwk
  /** An owner-member of that keyset. */
  readonly member: Signer
  readonly nowMs: number
}

/**
 * The phone's answer to a hello: a device certificate and the MAC that only a reader of the QR code can make.
 * @returns the mailbox body, the certificate, and the digits to compare with the Pi's terminal
 * @throws PAIRING_FAILED | KEYSET_INVALID | DEVICE_INVALID
 */
export async function answerHello(options: AnswerHello): Promise<{ answer: PairingAnswer; digits: string }> {
  const greeting = checkPairingHello(options.hello, options.invitation)
  const signedKeyset = keyset.parse(options.keyset)
  assertHouseholdKeyset(signedKeyset, options.rootJwk)
  const certificate = await deviceCertificate.encode(
    {
      iss: signedKeyset.payload.iss,
      sub: greeting.payload.iss,
      iat: Math.floor(options.nowMs / 1000),
      cnf: greeting.payload.cnf,
      latchkey: {
        v: 1,
        epoch: greeting.payload.latchkey.epoch,
        device: encodeBase64url(randomBytes(16)),
        keyset: signedKeyset.digest,
        hello: greeting.digest,
      },
    },
    options.member,
  )
  assertCertificateFor(deviceCertificate.parse(certificate), greeting, signedKeyset)
  const parts = { keyset: options.keyset, deviceCertificate: certificate }
  const mac = encodeBase64url(pairingMac(options.invitation.secret, options.hello, parts))
  const answer = { ...parts, rootJwk: options.rootJwk, mac }
  return { answer, digits: pairingDigits(options.hello, answer) }
}

/**
 * The phone's last step: the device accepted exactly this answer. Untrusted: `raw`.
 * @throws PAIRING_FAILED and the codes of a JWS that does not parse
 */
export function checkPairingDone(raw: string, greeting: Signed<Hello>, answer: PairingAnswer): Signed<Ack> {
  const signed = ack.parse(raw)
  const { keyset: named, deviceCertificate: certified } = signed.payload.latchkey
  if (!isSignedBy(signed, greeting.payload.cnf.jwk)) fail('the acknowledgement is not from the device')
  if (named !== digestOfJws(answer.keyset) || certified !== digestOfJws(answer.deviceCertificate))
    fail('the acknowledgement names another answer')
  return signed
}
