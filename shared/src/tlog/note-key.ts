import { concatBytes, toHex, utf8 } from '../bytes/bytes.ts'
import { isAcceptableEd25519Key } from '../crypto/ed25519.ts'
import { sha256 } from '../crypto/hash.ts'
import { createSigner, rawKeyOf, type Signer } from '../crypto/keys.ts'
import { LatchkeyError } from '../errors.ts'
import { decodeBase64, encodeBase64 } from './base64.ts'

/** The two signature types we speak; others in a note are unknown keys and ignored. @see C2SP signed-note, "Signature types" */
export const NOTE_ED25519 = 0x01
export const NOTE_COSIGNATURE = 0x04
export type NoteKeyType = typeof NOTE_ED25519 | typeof NOTE_COSIGNATURE

/** A public note key. Name and id together say which lines of a note are its. */
export interface VerifierKey {
  readonly name: string
  readonly type: NoteKeyType
  /** Four bytes as eight lower-case hexadecimal digits: a hint, not a hash to trust. */
  readonly keyId: string
  /** 32 bytes, Ed25519. */
  readonly publicKey: Uint8Array
}

/** A key that signs notes: a log's (type 0x01) or a witness's (type 0x04). */
export interface NoteSigner {
  readonly key: VerifierKey
  sign(message: Uint8Array): Uint8Array | Promise<Uint8Array>
}

const KEY_BYTES = 32
/** One byte of length in C2SP's newer formats; a longer name serves nobody. */
const MAX_NAME_CHARACTERS = 255
const SKEY_PREFIX = 'PRIVATE+KEY+'

/** May this be a key's name: not empty, no Unicode space, plus or control character? @see C2SP signed-note, "Format" */
export function isNoteName(name: string): boolean {
  return (
    name.length > 0 &&
    name.length <= MAX_NAME_CHARACTERS &&
    name.isWellFormed() &&
    !/[\p{White_Space}+\u0000-\u001f]/u.test(name)
  )
}

/**
 * A verifier key from its parts.
 * @param publicKey 32 bytes
 * @throws KEY_INVALID
 * @see C2SP signed-note, "Signatures"
 */
export function verifierKeyOf(name: string, publicKey: Uint8Array, type: NoteKeyType = NOTE_ED25519): VerifierKey {
  if (!isNoteName(name)) throw new LatchkeyError('KEY_INVALID', 'not the name of a note key')
  if (!isAcceptableEd25519Key(publicKey)) throw new LatchkeyError('KEY_INVALID', 'not an acceptable Ed25519 key')
  return { name, type, keyId: keyIdOf(name, publicKey, type), publicKey }
}

function keyIdOf(name: string, publicKey: Uint8Array, type: NoteKeyType): string {
  return toHex(sha256(utf8(`${name}\n`), Uint8Array.of(type), publicKey).subarray(0, 4))
}

/** Verifier key → `name+id+base64(type ‖ key)`. */
export function encodeVkey(key: VerifierKey): string {
  return `${key.name}+${key.keyId}+${encodeBase64(concatBytes(Uint8Array.of(key.type), key.publicKey))}`
}

/** `name+id+base64(type ‖ key)` → verifier key, its id recomputed. Untrusted: `vkey`. @throws KEY_INVALID */
export function parseVkey(vkey: string): VerifierKey {
  const { name, keyId, type, material } = splitKey(vkey)
  const key = verifierKeyOf(name, material, type)
  if (key.keyId !== keyId) throw new LatchkeyError('KEY_INVALID', 'note key id does not match its name and key')
  return key
}

/** A note signer over any Ed25519 signer. @throws KEY_INVALID */
export function createNoteSigner(name: string, signer: Signer, type: NoteKeyType = NOTE_ED25519): NoteSigner {
  return { key: verifierKeyOf(name, rawKeyOf(signer.jwk), type), sign: (message) => signer.sign(message) }
}

/** Secret: `PRIVATE+KEY+name+id+base64(type ‖ seed)`, as Go's sumdb/note writes it. @throws KEY_INVALID */
export function encodeSkey(name: string, seed: Uint8Array, type: NoteKeyType = NOTE_ED25519): string {
  const { key } = createNoteSigner(name, createSigner(seed), type)
  return `${SKEY_PREFIX}${key.name}+${key.keyId}+${encodeBase64(concatBytes(Uint8Array.of(type), seed))}`
}

/** Inverse of {@link encodeSkey}. Untrusted, secret: `skey`. @throws KEY_INVALID */
export function parseSkey(skey: string): NoteSigner {
  if (!skey.startsWith(SKEY_PREFIX)) throw new LatchkeyError('KEY_INVALID', 'not a note signing key')
  const { name, keyId, type, material } = splitKey(skey.slice(SKEY_PREFIX.length))
  const signer = createNoteSigner(name, createSigner(material), type)
  if (signer.key.keyId !== keyId) throw new LatchkeyError('KEY_INVALID', 'note key id does not match its name and key')
  return signer
}

function splitKey(text: string): { name: string; keyId: string; type: NoteKeyType; material: Uint8Array } {
  // The base64 may hold plus signs of its own, the name may not.
  const [, name, keyId, encoded] = (text.length <= 512 && /^([^+]+)\+([0-9a-f]{8})\+(.+)$/.exec(text)) || []
  if (name === undefined || keyId === undefined || encoded === undefined)
    throw new LatchkeyError('KEY_INVALID', 'note key is not name+id+key')
  const bytes = decodeKeyMaterial(encoded)
  const type = bytes[0]
  if (bytes.length !== 1 + KEY_BYTES || (type !== NOTE_ED25519 && type !== NOTE_COSIGNATURE))
    throw new LatchkeyError('KEY_INVALID', 'note key is not Ed25519 of a known type')
  return { name, keyId, type, material: bytes.subarray(1) }
}

function decodeKeyMaterial(encoded: string): Uint8Array {
  try {
    return decodeBase64(encoded)
  } catch (cause) {
    throw new LatchkeyError('KEY_INVALID', 'note key is not base64', { cause })
  }
}
