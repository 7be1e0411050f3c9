import { Type, type Static } from 'typebox'
import { parseCanonicalJson } from '../bytes/canonical-json.ts'
import { LatchkeyError } from '../errors.ts'
import { Count, EpochMs, Exact, Line, Version1 } from './fields.ts'
import { createValidator, parseWith } from './schema.ts'

/** A minute's clip states at most 60 times where something moved; nothing of a doorbell comes near this. */
export const MAX_META_BYTES = 256 * 1024

const Share = Type.Number({ minimum: 0, maximum: 1 })
const Named = <S extends Parameters<typeof Type.Record>[1]>(schema: S) =>
  Type.Record(Type.String({ maxLength: 200 }), schema, { maxProperties: 64 })

/** Part of a picture, in 0…1 of its width and height. */
export const PictureBox = Exact({ x: Share, y: Share, width: Share, height: Share })
export type PictureBox = Static<typeof PictureBox>

/** What a clip's `meta` item says: which camera, and why it recorded. @see spec/sealed-items.md */
export const ClipMeta = Exact({
  v: Version1,
  camera: Line(200),
  trigger: Type.Union([Type.Literal('motion'), Type.Literal('ring')]),
  triggerMs: EpochMs,
  video: Exact({ codec: Type.Union([Type.Literal('h264'), Type.Literal('h265')]), width: Count, height: Count }),
  masks: Named(Exact({ points: Type.Array(Type.Array(Share, { minItems: 2, maxItems: 2 }), { maxItems: 64 }) })),
  zones: Type.Array(Line(200), { maxItems: 64 }),
  boxes: Type.Array(Exact({ atMs: EpochMs, boxes: Type.Array(PictureBox, { maxItems: 256 }) }), { maxItems: 256 }),
  motion: Exact({
    pictures: Count,
    movingPictures: Count,
    maxChangedShare: Type.Number({ minimum: 0 }),
    threshold: Type.Number({ minimum: 0 }),
    reasons: Named(Count),
  }),
})
export type ClipMeta = Static<typeof ClipMeta>
const clipMeta = createValidator(ClipMeta)

/**
 * Plaintext of a `meta` item → what it says.
 * Untrusted: `bytes`; that the household's device sealed them is checked before, not here.
 * @throws MESSAGE_TOO_LARGE | JSON_INVALID | MESSAGE_INVALID | TEXT_INVALID
 */
export function parseClipMeta(bytes: Uint8Array): ClipMeta {
  if (bytes.length > MAX_META_BYTES) throw new LatchkeyError('MESSAGE_TOO_LARGE', 'the clip’s meta item is too large')
  return parseWith(clipMeta, parseCanonicalJson(bytes), 'meta')
}
