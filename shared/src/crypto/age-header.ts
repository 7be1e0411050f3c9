import { base64nopad } from '@scure/base'
import { primitives } from '#primitives'
import { concatBytes, equalBytes, fromUtf8, utf8 } from '../bytes/bytes.ts'
import { LatchkeyError } from '../errors.ts'
import { hkdfSha256, hmacSha256 } from './hash.ts'
import { decodeRecipient, type HeaderOpener, type ReadyOpener, type Recipient } from './keys.ts'

/** A file key: 16 random bytes that seal exactly one payload. */
export const FILE_KEY_BYTES = 16
/** A header with one X25519 stanza: what a release serves. */
export const RELEASE_HEADER_BYTES = 168
/** Sixteen members and the recovery key fit; anything longer is not a header of ours. */
export const MAX_HEADER_BYTES = 4_096

/** The last character of 32 bytes in base64 carries two bits that are zero. */
const BASE64_32 = '[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]'
const singleBytes = new TextDecoder('latin1')
const STANZA = `-> X25519 ${BASE64_32}\n${BASE64_32}\n`
const WRAPPED_HEADER = new RegExp(`^age-encryption\\.org/v1\n(?:${STANZA})+--- ${BASE64_32}\n$`)
const STANZA_BYTES = 98

const VERSION_LINE = 'age-encryption.org/v1'
const X25519_INFO = 'age-encryption.org/v1/X25519'
const ZERO_NONCE = new Uint8Array(12)
const EMPTY = new Uint8Array(0)
const LINE_COLUMNS = 64

/** A recipient stanza as it stands in the header. */
export interface Stanza {
  readonly type: string
  readonly args: readonly string[]
  readonly body: Uint8Array
}

/** A parsed header. Its MAC is checked by {@link openHeader}, which needs the file key. */
export interface AgeHeader {
  readonly stanzas: readonly Stanza[]
  readonly mac: Uint8Array
  /** Everything up to and including `---`: what the MAC covers. */
  readonly macInput: Uint8Array
  /** Length of the whole header, the last line feed included. */
  readonly sizeBytes: number
}

function headerMac(fileKey: Uint8Array, macInput: Uint8Array): Uint8Array {
  return hmacSha256(hkdfSha256(fileKey, EMPTY, 'header'), macInput)
}

/** HKDF over the shared secret, bound to both public keys. @see age spec, "The X25519 recipient type" */
function wrapKey(shared: Uint8Array, share: Uint8Array, publicKey: Uint8Array): Uint8Array {
  return hkdfSha256(shared, concatBytes(share, publicKey), X25519_INFO)
}

function encodeStanza(fileKey: Uint8Array, recipient: Recipient): string {
  const publicKey = decodeRecipient(recipient)
  const agreed = primitives.x25519Ephemeral(publicKey)
  if (agreed === null) throw new LatchkeyError('KEY_INVALID', 'recipient has small order')
  const { share, shared } = agreed
  const body = new Uint8Array(FILE_KEY_BYTES + 16)
  primitives.chachaSealInto(body, wrapKey(shared, share, publicKey), ZERO_NONCE, fileKey)
  return `-> X25519 ${base64nopad.encode(share)}\n${base64nopad.encode(body)}\n`
}

/**
 * A new header that gives `fileKey` to `recipients`: the only cryptography this project assembles itself. Put before
 * an unchanged payload it makes a file that the ordinary `age` program opens.
 * @param fileKey 16 bytes
 * @param recipients `age1…`, at least one
 * @throws KEY_INVALID
 * @see C2SP age.md, "Header"; oracles: the age vectors and the age program
 */
export function wrapHeader(fileKey: Uint8Array, recipients: readonly Recipient[]): Uint8Array {
  if (fileKey.length !== FILE_KEY_BYTES || recipients.length === 0)
    throw new LatchkeyError('KEY_INVALID', 'a header needs a 16-byte file key and a recipient')
  const stanzas = recipients.map((recipient) => encodeStanza(fileKey, recipient)).join('')
  const macInput = utf8(`${VERSION_LINE}\n${stanzas}---`)
  return concatBytes(macInput, utf8(` ${base64nopad.encode(headerMac(fileKey, macInput))}\n`))
}

/**
 * Is this exactly what {@link wrapHeader} writes for so many recipients: X25519 stanzas and nothing that could ride along?
 * Untrusted: `header`.
 */
export function isWrappedHeader(header: Uint8Array, recipients: number): boolean {
  const sizeBytes = RELEASE_HEADER_BYTES + (recipients - 1) * STANZA_BYTES
  return header.length === sizeBytes && WRAPPED_HEADER.test(singleBytes.decode(header))
}

/** Is it one for one recipient, as a release serves it? Untrusted: `header`. */
export const isReleaseHeader = (header: Uint8Array): boolean => isWrappedHeader(header, 1)

function decodeBase64(text: string): Uint8Array {
  try {
    const bytes = base64nopad.decode(text)
    if (base64nopad.encode(bytes) === text) return bytes
  } catch {
    // One error for every malformed spelling, below.
  }
  throw new LatchkeyError('AGE_HEADER_INVALID', 'header has malformed base64')
}

/** Index of the line feed that ends the header, found without trusting anything after it. */
function findHeaderEnd(file: Uint8Array): number {
  const limit = Math.min(file.length, MAX_HEADER_BYTES)
  let lineStart = 0
  for (let i = 0; i < limit; i++) {
    if (file[i] !== 0x0a) continue
    if (file[lineStart] === 0x2d && file[lineStart + 1] === 0x2d && file[lineStart + 2] === 0x2d) return i
    lineStart = i + 1
  }
  throw new LatchkeyError('AGE_HEADER_INVALID', 'header does not end')
}

function parseStanza(lines: readonly string[], at: number): { stanza: Stanza; next: number } {
  const [type, ...args] = lines[at]!.slice(3).split(' ')
  const words = [type, ...args]
  if (!lines[at]!.startsWith('-> ') || type === undefined || words.some((word) => !/^[\x21-\x7e]+$/.test(word!)))
    throw new LatchkeyError('AGE_HEADER_INVALID', 'stanza line is malformed')
  let body = ''
  for (let i = at + 1; i < lines.length; i++) {
    const line = lines[i]!
    if (line.length > LINE_COLUMNS) throw new LatchkeyError('AGE_HEADER_INVALID', 'stanza body line is too long')
    body += line
    // The first short line, possibly empty, ends the body.
    if (line.length < LINE_COLUMNS) return { stanza: { type, args, body: decodeBase64(body) }, next: i + 1 }
  }
  throw new LatchkeyError('AGE_HEADER_INVALID', 'stanza body does not end')
}

/**
 * The header at the start of `file`. Untrusted: `file`.
 * @throws AGE_HEADER_INVALID
 */
export function parseHeader(file: Uint8Array): AgeHeader {
  const end = findHeaderEnd(file)
  const lines = asAscii(file.subarray(0, end)).split('\n')
  const macLine = lines.pop()!
  if (lines.shift() !== VERSION_LINE) throw new LatchkeyError('AGE_HEADER_INVALID', 'not an age v1 file')
  if (!macLine.startsWith('--- ')) throw new LatchkeyError('AGE_HEADER_INVALID', 'header MAC line is malformed')
  const mac = decodeBase64(macLine.slice(4))
  if (mac.length !== 32) throw new LatchkeyError('AGE_HEADER_INVALID', 'header MAC has a wrong length')
  const stanzas: Stanza[] = []
  for (let at = 0; at < lines.length;) {
    const { stanza, next } = parseStanza(lines, at)
    stanzas.push(stanza)
    at = next
  }
  if (stanzas.length === 0) throw new LatchkeyError('AGE_HEADER_INVALID', 'header has no stanza')
  return { stanzas, mac, macInput: file.subarray(0, end - macLine.length + 3), sizeBytes: end + 1 }
}

function asAscii(bytes: Uint8Array): string {
  for (let i = 0; i < bytes.length; i++)
    if (bytes[i]! > 0x7e) throw new LatchkeyError('AGE_HEADER_INVALID', 'header is not ASCII')
  return fromUtf8(bytes)
}

/** The sender's share of an X25519 stanza; `null` for a stanza of another type. */
function shareOf(stanza: Stanza): Uint8Array | null {
  if (stanza.type !== 'X25519') return null
  const [shareText, ...rest] = stanza.args
  if (shareText === undefined || rest.length > 0)
    throw new LatchkeyError('AGE_HEADER_INVALID', 'X25519 stanza takes one share')
  const share = decodeBase64(shareText)
  if (share.length !== 32) throw new LatchkeyError('AGE_HEADER_INVALID', 'X25519 share has a wrong length')
  if (stanza.body.length !== FILE_KEY_BYTES + 16)
    throw new LatchkeyError('AGE_HEADER_INVALID', 'X25519 body has a wrong length')
  return share
}

/**
 * `null` when the stanza is for somebody else.
 * @param agreed what the opener shares with the stanza's share
 */
function unwrapStanza(
  header: AgeHeader,
  body: Uint8Array,
  agreed: { share: Uint8Array; shared: Uint8Array | null; publicKey: Uint8Array },
): Uint8Array | null {
  const { share, shared, publicKey } = agreed
  // An opener is told to answer null; one over another library may hand on the zeros.
  if (shared === null || shared.every((byte) => byte === 0))
    throw new LatchkeyError('AGE_HEADER_INVALID', 'X25519 share has small order')
  const fileKey = primitives.chachaOpen(wrapKey(shared, share, publicKey), ZERO_NONCE, body)
  if (fileKey !== null && !equalBytes(headerMac(fileKey, header.macInput), header.mac))
    throw new LatchkeyError('AGE_HEADER_INVALID', 'header MAC does not verify')
  return fileKey
}

/** The shares of a header's X25519 stanzas, as {@link openHeader} asks its opener for them. @throws AGE_HEADER_INVALID */
export function sharesOf(header: AgeHeader): Uint8Array[] {
  return header.stanzas.map(shareOf).filter((share) => share !== null)
}

const noMatch = () => new LatchkeyError('AGE_NO_MATCH', 'no stanza of this file is for this identity')

/**
 * The file key that `identity` finds in a header, its MAC verified.
 * @throws AGE_NO_MATCH when no stanza is for this identity; AGE_HEADER_INVALID when the MAC or a stanza is wrong
 */
export function openHeader(header: AgeHeader, identity: ReadyOpener): Uint8Array {
  const { publicKey } = identity
  for (const stanza of header.stanzas) {
    const share = shareOf(stanza)
    if (share === null) continue
    const fileKey = unwrapStanza(header, stanza.body, { share, shared: identity.agree(share), publicKey })
    if (fileKey !== null) return fileKey
  }
  throw noMatch()
}

/** {@link openHeader} for any opener: a phone's key answers with a promise. @throws AGE_NO_MATCH | AGE_HEADER_INVALID */
export async function openHeaderWith(header: AgeHeader, opener: HeaderOpener): Promise<Uint8Array> {
  const { publicKey } = opener
  for (const stanza of header.stanzas) {
    const share = shareOf(stanza)
    if (share === null) continue
    const fileKey = unwrapStanza(header, stanza.body, { share, shared: await opener.agree(share), publicKey })
    if (fileKey !== null) return fileKey
  }
  throw noMatch()
}

/** An age file as its two halves. Untrusted: `file`. @throws AGE_HEADER_INVALID */
export function splitAgeFile(file: Uint8Array): { header: Uint8Array; payload: Uint8Array } {
  const { sizeBytes } = parseHeader(file)
  return { header: file.subarray(0, sizeBytes), payload: file.subarray(sizeBytes) }
}
