import { type Static, Type } from 'typebox'
import { MAX_CELLS } from '../area/cells.ts'
import { concatBytes, uint64, utf8 } from '../bytes/bytes.ts'
import { canonicalBytes, parseCanonicalJson } from '../bytes/canonical-json.ts'
import { type Digest, digestOf } from '../crypto/hash.ts'
import { LatchkeyError } from '../errors.ts'
import { AgencyUri, B64u32, Count, DigestField, EpochMs, Exact, Geohash5, Jwk, Line } from '../wire/fields.ts'
import { AgencyStatus } from '../wire/http.ts'
import { createValidator, parseWith } from '../wire/schema.ts'

/** A word of a closed list of `policy.json`: which words are on it is the policy's matter, not the log's. */
const ListWord = Line(64)
/** A public object that is served beside the log: only its digest is logged, so that the law can remove its text. */
const DigestOnly = Exact({ digest: DigestField })

/** Everyone can see who asks, for which area and time, and under which policy; `requestDigest` names the text. */
const RequestStub = Exact({
  agency: AgencyUri,
  requestDigest: DigestField,
  policy: DigestField,
  incidentType: ListWord,
  cells: Type.Array(Geohash5, { minItems: 1, maxItems: MAX_CELLS, uniqueItems: true }),
  areaM2: Count,
  windowStartMs: EpochMs,
  windowEndMs: EpochMs,
  /** Hash of the normalised case number: shows repetition without the number. */
  caseHash: DigestField,
})

/** An agency and its keys, at each change. Phones believe a key only from a leaf at least the notice period old. */
const AgencyChange = Exact({
  uri: AgencyUri,
  /** What owners are shown: no other source of the name is believed. */
  name: Line(200),
  /** Agency type, of the list in `policy.json`. */
  kind: ListWord,
  status: AgencyStatus,
  keys: Type.Array(Jwk, { maxItems: 16 }),
  statusSinceMs: EpochMs,
  noticeUntilMs: EpochMs,
})

/** Closed list of leaf types, each with the schema of its `data`. */
const LEAF_DATA = {
  request: RequestStub,
  refusal: Exact({
    agency: AgencyUri,
    code: Type.String({ pattern: '^[A-Z][A-Z0-9_]{2,63}$' }),
    requestDigest: DigestField,
  }),
  /** What came of an accepted request was reported; what it was stays between agency and relay. */
  outcome: Exact({ agency: AgencyUri, requestDigest: DigestField, digest: DigestField }),
  agency: AgencyChange,
  policy: DigestOnly,
  app: Exact({ name: Line(64), digest: DigestField }),
  disclosure: DigestOnly,
  feed: DigestOnly,
  /** `removes`: the object no longer served because of this entry. */
  legal: Exact({ digest: DigestField, removes: Type.Optional(DigestField) }),
  statistics: DigestOnly,
  keyset: Exact({ label: B64u32, digest: DigestField }),
  /** A salted commitment, or random filling: nobody but its parties can tell. */
  sealed: B64u32,
} as const

/** What a leaf is about. */
export type LeafType = keyof typeof LEAF_DATA

/** Every leaf type. */
export const LEAF_TYPES = Object.keys(LEAF_DATA) as LeafType[]

/** The `data` of one leaf type. */
export type LeafData<T extends LeafType> = Static<(typeof LEAF_DATA)[T]>

/** A leaf; `type` tells the shape of `data`. */
export type Leaf = {
  [T in LeafType]: {
    readonly v: 1
    readonly type: T
    readonly data: LeafData<T>
    /** Whole hours since 1970 (UTC): the log says when, but not to the minute. */
    readonly hour: number
  }
}[LeafType]

const HOUR_MS = 3_600_000
/** C2SP entry bundles count bytes in a uint16; our largest leaf, a request over many cells, is far below. */
const MAX_LEAF_BYTES = 16 * 1024

const leafSchemas = Object.entries(LEAF_DATA).map(([type, data]) =>
  Exact({ v: Type.Literal(1), type: Type.Literal(type), data, hour: Count }),
)
const leafValidators = new Map(LEAF_TYPES.map((type, i) => [type as string, createValidator(leafSchemas[i]!)]))

/** The `hour` of a moment. */
export function leafHourOf(epochMs: number): number {
  return Math.floor(epochMs / HOUR_MS)
}

/** The moment at which a leaf's hour starts, milliseconds since 1970. */
export function leafHourStartMs(hour: number): number {
  return hour * HOUR_MS
}

/** Leaf → its bytes in the log (JCS). @throws MESSAGE_INVALID | MESSAGE_TOO_LARGE when it is not one */
export function encodeLeaf(leaf: Leaf): Uint8Array {
  const bytes = canonicalBytes(leaf)
  parseLeaf(bytes)
  return bytes
}

/**
 * Bytes of the log → leaf.
 * Untrusted: `bytes`.
 * @throws MESSAGE_TOO_LARGE | JSON_INVALID | JSON_NOT_CANONICAL | ENCODING_INVALID | MESSAGE_INVALID | TEXT_INVALID
 * @see spec/log.md, "Leaves"
 */
export function parseLeaf(bytes: Uint8Array): Leaf {
  if (bytes.length > MAX_LEAF_BYTES)
    throw new LatchkeyError('MESSAGE_TOO_LARGE', `leaf has ${bytes.length} bytes, at most ${MAX_LEAF_BYTES}`)
  const value = parseCanonicalJson(bytes)
  const type = value !== null && typeof value === 'object' && 'type' in value ? value.type : undefined
  const validator = typeof type === 'string' ? leafValidators.get(type) : undefined
  if (!validator) throw new LatchkeyError('MESSAGE_INVALID', 'not a leaf of a known type')
  return assertSortedCells(parseWith(validator, value, 'leaf') as Leaf)
}

function assertSortedCells(leaf: Leaf): Leaf {
  if (leaf.type === 'request' && leaf.data.cells.some((cell, i, cells) => i > 0 && cell <= cells[i - 1]!))
    throw new LatchkeyError('MESSAGE_INVALID', 'leaf: cells are not sorted')
  return leaf
}

/** The kinds of household objects a sealed leaf can commit to. */
export const SEALED_KINDS = [
  'consent',
  'release',
  'received',
  'shared-on',
  'revoke',
  'device',
  'day',
  'approval',
] as const
export type SealedKind = (typeof SEALED_KINDS)[number]

const SEALED_CONTEXT = utf8('latchkey/v1/leaf\0')
const KEYSET_CONTEXT = utf8('latchkey/v1/keyset\0')
const SALT_BYTES = 32

/**
 * `data` of a sealed leaf: a commitment to one object that says nothing without the salt.
 * @param salt 32 random bytes, made by the submitter and kept by the parties
 * @param object ASCII of the compact JWS
 * @throws MESSAGE_INVALID for a salt of another length
 * @see spec/log.md, "Sealed leaves"
 */
export function sealedLeafData(salt: Uint8Array, kind: SealedKind, object: Uint8Array): Digest {
  // Salt and kind stand side by side without a length: only a fixed salt keeps them apart.
  if (salt.length !== SALT_BYTES) throw new LatchkeyError('MESSAGE_INVALID', 'leaf salt is not 32 bytes')
  return digestOf(SEALED_CONTEXT, salt, utf8(`${kind}\0`), object)
}

/**
 * `label` of a keyset leaf: public and unlinkable, computable only by who knows the root public key.
 * @param rootPublicKey 32 bytes
 * @param version ≥ 1
 */
export function keysetLabel(rootPublicKey: Uint8Array, version: number): Digest {
  return digestOf(concatBytes(KEYSET_CONTEXT, rootPublicKey, uint64(version)))
}
