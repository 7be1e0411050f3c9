import {
  CompactJws,
  Count,
  createValidator,
  DigestField,
  Exact,
  ItemDescriptor,
  MAX_ITEMS,
  parseWith,
  utf8,
} from '@latchkey/shared'
import { Type, type Static } from 'typebox'
import { fromUtf8, LatchkeyError } from '@latchkey/shared'

const Trigger = Type.Union([Type.Literal('motion'), Type.Literal('ring')])

const RevisionRecord = Exact({
  v: Type.Literal(1),
  trigger: Trigger,
  manifest: CompactJws,
  descriptors: Type.Array(ItemDescriptor, { minItems: 1, maxItems: MAX_ITEMS }),
  bodies: Type.Array(Exact({ sha256: DigestField, sizeBytes: Count }), { minItems: 1, maxItems: MAX_ITEMS }),
})
/** `manifest.json` of a clip: its newest revision, and the hash of every item the clip has. */
export type RevisionRecord = Static<typeof RevisionRecord>

const ReceiptRecord = Exact({
  v: Type.Literal(1),
  /** Revision the relay signed for; 0 when only items are. */
  revision: Count,
  manifest: Type.Union([CompactJws, Type.Null()]),
  items: Type.Array(Exact({ index: Count, receipt: CompactJws }), { maxItems: MAX_ITEMS }),
})
/** `receipts.json` of a clip: why its items may have left. */
export type ReceiptRecord = Static<typeof ReceiptRecord>

const ChainRecord = Exact({
  v: Type.Literal(1),
  sequence: Count,
  digest: Type.Union([DigestField, Type.Null()]),
  droppedClips: Count,
})
/** `chain.json` of the spool: the newest final manifest that left, and how many clips were given up. */
export type ChainRecord = Static<typeof ChainRecord>

const revision = createValidator(RevisionRecord)
const receipts = createValidator(ReceiptRecord)
const chain = createValidator(ChainRecord)

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(fromUtf8(bytes))
  } catch (cause) {
    throw new LatchkeyError('JSON_INVALID', 'a spool record is not JSON', { cause })
  }
}

/** @throws JSON_INVALID | MESSAGE_INVALID | TEXT_INVALID for a record that the disk damaged */
export const parseRevisionRecord = (bytes: Uint8Array): RevisionRecord =>
  parseWith(revision, parseJson(bytes), 'spooled revision')
/** @throws JSON_INVALID | MESSAGE_INVALID | TEXT_INVALID */
export const parseReceiptRecord = (bytes: Uint8Array): ReceiptRecord =>
  parseWith(receipts, parseJson(bytes), 'spooled receipts')
/** @throws JSON_INVALID | MESSAGE_INVALID | TEXT_INVALID */
export const parseChainRecord = (bytes: Uint8Array): ChainRecord => parseWith(chain, parseJson(bytes), 'spooled chain')

/** Record → file bytes. */
export const encodeRecord = (record: RevisionRecord | ReceiptRecord | ChainRecord): Uint8Array =>
  utf8(JSON.stringify(record))

export const REVISION_FILE = 'manifest.json'
export const RECEIPT_FILE = 'receipts.json'
export const CHAIN_FILE = 'chain.json'
/** A clip's directory under this prefix is being deleted. */
export const TOMBSTONE_PREFIX = '.gone-'

/** Directory of a clip; names sort in sequence order. */
export function clipDirectoryName(sequence: number, clip: string): string {
  return `${String(sequence).padStart(12, '0')}-${clip}`
}

/** Inverse of {@link clipDirectoryName}, null for any other name. */
export function parseClipDirectoryName(name: string): { sequence: number; clip: string } | null {
  const match = /^(\d{12})-([A-Za-z0-9_-]{21}[AQgw])$/.exec(name)
  return match ? { sequence: Number(match[1]), clip: match[2]! } : null
}

/** File of an item: five digits, so that names sort in index order; an ordinary age file. */
export function itemFileName(index: number): string {
  return `${String(index).padStart(5, '0')}.age`
}

/** Inverse of {@link itemFileName}, null for any other name. */
export function parseItemFileName(name: string): number | null {
  const match = /^(\d{5})\.age$/.exec(name)
  return match ? Number(match[1]) : null
}
