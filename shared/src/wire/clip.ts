import { Type, type Static } from 'typebox'
import { canonicalBytes } from '../bytes/canonical-json.ts'
import { digestOf } from '../crypto/hash.ts'
import {
  B64u32,
  Count,
  DigestField,
  DurationMs,
  EpochMs,
  Exact,
  Id16,
  Line,
  OffsetMs,
  Seconds,
  Seen,
  Urn,
  Version1,
} from './fields.ts'
import { defineMessage } from './jws.ts'
import { createValidator } from './schema.ts'

/** Items per clip, so that nothing that walks them can be made to walk for ever. */
export const MAX_ITEMS = 4_096
/** One sealed item, header included: a minute-long group of pictures at 8 Mbit/s fits, and an agent's ring holds no more. */
export const MAX_ITEM_BYTES = 72 * 1024 * 1024

/** What a sealed item holds. @see spec/sealed-items.md */
export const ItemKindField = Type.Union([
  Type.Literal('init'),
  Type.Literal('media'),
  Type.Literal('audioInit'),
  Type.Literal('audio'),
  Type.Literal('poster'),
  Type.Literal('meta'),
])
export type ItemKind = Static<typeof ItemKindField>

/** A sealed item as the manifest's tree commits to it. */
export const ItemDescriptor = Exact({
  index: Type.Integer({ minimum: 0, maximum: MAX_ITEMS - 1 }),
  kind: ItemKindField,
  startMs: EpochMs,
  durationMs: DurationMs,
  payloadSha256: DigestField,
  payloadBytes: Count,
  keyCommitment: B64u32,
  plaintextCommitment: B64u32,
})
export type ItemDescriptor = Static<typeof ItemDescriptor>
export const itemDescriptor = createValidator(ItemDescriptor)

/** Leaf bytes of a descriptor in the clip's RFC 6962 tree. */
export function encodeDescriptor(descriptor: ItemDescriptor): Uint8Array {
  return canonicalBytes(descriptor)
}

/** What the device knew of its clock. `uncertaintyMs` bounds |true − stated| once `offsetMs` is applied. */
export const ClockStatement = Exact({
  source: Type.Union([Type.Literal('ntp'), Type.Literal('rtc'), Type.Literal('none')]),
  offsetMs: OffsetMs,
  uncertaintyMs: DurationMs,
  checkedMs: EpochMs,
})
export type ClockStatement = Static<typeof ClockStatement>

/** Closed list: why a stretch of a clip is missing. */
export const GAP_REASONS = ['camera-lost', 'frames-dropped', 'disk-full', 'privacy'] as const
export const GapField = Exact({
  startMs: EpochMs,
  endMs: EpochMs,
  reason: Type.Enum([...GAP_REASONS]),
})
export type GapField = Static<typeof GapField>

/**
 * Digest of the privacy masks of a camera, as manifests name it: H over the JCS form of `{v: 1, masks}`.
 * @param masks shapes by name, points in 0..1 of the picture; the `meta` item of a clip repeats them
 * @see spec/clip-manifest.md
 */
export function digestOfMasks(
  masks: Readonly<Record<string, { readonly points: readonly (readonly number[])[] }>>,
): string {
  return digestOf(canonicalBytes({ v: 1, masks }))
}

/** What the device says it recorded. Signed again, `revision` + 1, as items are added. */
export const clipManifest = defineMessage(
  'latchkey-clip+jwt',
  Exact({
    iss: Urn,
    iat: Seconds,
    latchkey: Exact({
      v: Version1,
      deviceCertificate: DigestField,
      keyset: DigestField,
      epoch: Count,
      clip: Id16,
      event: Id16,
      sequence: Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER }),
      previous: Type.Union([DigestField, Type.Null()]),
      revision: Type.Integer({ minimum: 1, maximum: MAX_ITEMS * 2 }),
      open: Type.Boolean(),
      startMs: EpochMs,
      endMs: EpochMs,
      clock: ClockStatement,
      boot: Id16,
      monotonicStartMs: DurationMs,
      seen: Seen,
      items: Type.Integer({ minimum: 1, maximum: MAX_ITEMS }),
      itemsRoot: B64u32,
      gaps: Type.Array(GapField, { maxItems: 64 }),
      masks: Type.Union([DigestField, Type.Null()]),
      software: Line(100),
    }),
  }),
)
export type ClipManifest = ReturnType<typeof clipManifest.parse>['payload']

/** The only negative evidence: what the device watched, and which clips there were. */
export const dayRecord = defineMessage(
  'latchkey-day+jwt',
  Exact({
    iss: Urn,
    iat: Seconds,
    latchkey: Exact({
      v: Version1,
      deviceCertificate: DigestField,
      epoch: Count,
      fromMs: EpochMs,
      toMs: EpochMs,
      boot: Id16,
      keyset: DigestField,
      /** First and last clip sequence in the span (0 when none) and the digest of the last final manifest. */
      manifests: Exact({ first: Count, last: Count, head: Type.Union([DigestField, Type.Null()]) }),
      /** First and last event sequence of the stream in the span (0 when none); hash over the events' JCS bytes in order. */
      events: Exact({ stream: Id16, first: Count, last: Count, sha256: DigestField }),
      watching: Type.Array(
        Exact({
          fromMs: EpochMs,
          toMs: EpochMs,
          state: Type.Enum(['on', 'privacy', 'camera-lost', 'stopped']),
        }),
        { maxItems: 100 },
      ),
      seen: Seen,
    }),
  }),
)
export type DayRecord = ReturnType<typeof dayRecord.parse>['payload']
