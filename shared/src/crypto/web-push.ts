import { decodeBase64url } from '../bytes/base64url.ts'
import { concatBytes, utf8 } from '../bytes/bytes.ts'
import { LatchkeyError } from '../errors.ts'
import { hkdfSha256, hmacSha256, randomBytes } from './hash.ts'
import { unshared, type WebKey } from './web-keys.ts'

/** What a browser gives to those who may write to it. @see Push API, `PushSubscription.getKey` */
export interface PushKeys {
  /** Uncompressed P-256 point, 65 bytes base64url. */
  readonly p256dh: string
  /** 16 bytes, base64url. Whoever has it can write to the browser; nobody can read with it. */
  readonly auth: string
}

/** What is used for one message and never again: only a test vector brings its own. */
export interface PushOnce {
  /** P-256, usage `deriveBits`. */
  readonly privateKey: WebKey
  readonly publicKey: WebKey
  /** 16 bytes. */
  readonly salt: Uint8Array
}

const CURVE = { name: 'ECDH', namedCurve: 'P-256' } as const
const POINT_BYTES = 65
const AUTH_BYTES = 16
const SALT_BYTES = 16
const TAG_BYTES = 16
/** One record holds the whole message. @see RFC 8291 §4 */
const RECORD_BYTES = 4_096
const HEADER_BYTES = SALT_BYTES + 4 + 1 + POINT_BYTES
/** Larger bodies push services may refuse. @see RFC 8030 §7.2 */
export const MAX_PUSH_BYTES = 4_096
/** Delimiter of the last record. @see RFC 8188 §2 */
const LAST = Uint8Array.of(2)

async function createOnce(): Promise<PushOnce> {
  return { ...(await crypto.subtle.generateKey(CURVE, true, ['deriveBits'])), salt: randomBytes(SALT_BYTES) }
}

async function importPoint(p256dh: string): Promise<{ raw: Uint8Array; key: WebKey }> {
  const raw = decodeBase64url(p256dh)
  if (raw.length !== POINT_BYTES) throw new LatchkeyError('KEY_INVALID', 'a push key is an uncompressed point of P-256')
  try {
    // The platform refuses what is not on the curve.
    return { raw, key: await crypto.subtle.importKey('raw', unshared(raw), CURVE, true, []) }
  } catch (cause) {
    throw new LatchkeyError('KEY_INVALID', 'a push key is an uncompressed point of P-256', { cause })
  }
}

function parseAuth(auth: string): Uint8Array {
  const secret = decodeBase64url(auth)
  if (secret.length !== AUTH_BYTES) throw new LatchkeyError('KEY_INVALID', 'a push secret has 16 bytes')
  return secret
}

function headerOf(salt: Uint8Array, publicKey: Uint8Array): Uint8Array {
  const size = new Uint8Array(4)
  new DataView(size.buffer).setUint32(0, RECORD_BYTES)
  return concatBytes(salt, size, Uint8Array.of(publicKey.length), publicKey)
}

/** HKDF-SHA-256 of one block, whose info is bytes and no text. @see RFC 8291 §3.4, RFC 5869 §2 */
function inputOf(agreed: Uint8Array, secret: Uint8Array, points: readonly [theirs: Uint8Array, ours: Uint8Array]) {
  return hmacSha256(hmacSha256(secret, agreed), utf8('WebPush: info\0'), ...points, Uint8Array.of(1))
}

/**
 * Encrypts one message to a browser, so that the push service and whoever hands it over read nothing.
 * @param to untrusted
 * @param paddedBytes the plaintext is padded to this many bytes, so that its length says nothing
 * @returns the body of the push, `Content-Encoding: aes128gcm`
 * @throws KEY_INVALID | ENCODING_INVALID | MESSAGE_TOO_LARGE
 * @see RFC 8291 §3.4, RFC 8188 §2
 */
export async function encryptPush(
  plaintext: Uint8Array,
  to: PushKeys,
  { paddedBytes = plaintext.length, once }: { readonly paddedBytes?: number; readonly once?: PushOnce } = {},
): Promise<Uint8Array> {
  const size = Math.max(paddedBytes, plaintext.length)
  if (HEADER_BYTES + size + LAST.length + TAG_BYTES > MAX_PUSH_BYTES)
    throw new LatchkeyError('MESSAGE_TOO_LARGE', `a push has at most ${MAX_PUSH_BYTES} bytes`)
  const [theirs, secret] = [await importPoint(to.p256dh), parseAuth(to.auth)]
  const { privateKey, publicKey, salt } = once ?? (await createOnce())
  const ours = new Uint8Array(await crypto.subtle.exportKey('raw', publicKey))
  const agreed = new Uint8Array(await crypto.subtle.deriveBits({ name: 'ECDH', public: theirs.key }, privateKey, 256))
  const input = inputOf(agreed, secret, [theirs.raw, ours])
  const key = await crypto.subtle.importKey(
    'raw',
    unshared(hkdfSha256(input, salt, 'Content-Encoding: aes128gcm\0', 16)),
    'AES-GCM',
    false,
    ['encrypt'],
  )
  const iv = unshared(hkdfSha256(input, salt, 'Content-Encoding: nonce\0', 12))
  const padded = concatBytes(plaintext, LAST, new Uint8Array(size - plaintext.length))
  const sealed = await crypto.subtle.encrypt({ name: 'AES-GCM', iv }, key, unshared(padded))
  return concatBytes(headerOf(salt, ours), new Uint8Array(sealed))
}

/** Is this the shape of an encrypted push: one record, our sender's key in its header? Untrusted: `body`. */
export function isPushBody(body: Uint8Array): boolean {
  if (body.length < HEADER_BYTES + LAST.length + TAG_BYTES || body.length > MAX_PUSH_BYTES) return false
  const view = new DataView(body.buffer, body.byteOffset, body.length)
  return (
    view.getUint32(SALT_BYTES) === RECORD_BYTES && body[SALT_BYTES + 4] === POINT_BYTES && body[SALT_BYTES + 5] === 4
  )
}
