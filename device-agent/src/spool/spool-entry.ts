import { type ClipManifest, clipManifest, type Signed } from '@latchkey/shared'
import type { SpooledClip } from '../flow.ts'
import type { ReceiptRecord, RevisionRecord } from './spool-record.ts'

/** The spool's own view of one clip. Everything here is also on disk, but for `receipts` not yet kept and `announced`. */
export interface SpoolEntry {
  readonly clip: string
  readonly sequence: number
  /** Absolute path. */
  readonly directory: string
  newest: { readonly record: RevisionRecord; readonly signed: Signed<ClipManifest> } | null
  /** Bodies on disk that the newest revision names: index → bytes. */
  readonly present: Map<number, number>
  /** Index → receipt. */
  readonly receipts: Map<number, string>
  receiptedRevision: number
  manifestReceipt: string | null
  announced: boolean
}

/** A clip that begins. */
export function createEntry(clip: string, sequence: number, directory: string): SpoolEntry {
  return {
    clip,
    sequence,
    directory,
    newest: null,
    present: new Map(),
    receipts: new Map(),
    receiptedRevision: 0,
    manifestReceipt: null,
    announced: false,
  }
}

/** Is its newest revision the final one? */
export function isFinal(entry: SpoolEntry): boolean {
  return entry.newest !== null && !entry.newest.signed.payload.latchkey.open
}

/** Has the relay signed for everything, and is its event recorded? Then it may leave. */
export function isSettled(entry: SpoolEntry): boolean {
  const revision = entry.newest?.signed.payload.latchkey.revision ?? 0
  return isFinal(entry) && entry.announced && entry.receiptedRevision === revision
}

/** Bytes of items on disk. */
export function presentBytes(entry: SpoolEntry): number {
  let sum = 0
  for (const sizeBytes of entry.present.values()) sum += sizeBytes
  return sum
}

/** Items on disk that the relay has signed for. */
export function releasable(entry: SpoolEntry): number[] {
  return [...entry.present.keys()].filter((index) => entry.receipts.has(index))
}

/** The entry as other stages see it; null while nothing of it is durable. */
export function viewOf(entry: SpoolEntry): SpooledClip | null {
  if (entry.newest === null) return null
  const { record, signed } = entry.newest
  return {
    clip: entry.clip,
    sequence: entry.sequence,
    digest: signed.digest,
    payload: signed.payload,
    trigger: record.trigger,
    manifest: record.manifest,
    descriptors: record.descriptors,
    bodies: record.bodies,
    receipted: new Set(entry.receipts.keys()),
    receiptedRevision: entry.receiptedRevision,
  }
}

/** Makes a record the entry's newest revision. @throws the codes of a JWS that does not parse */
export function adoptRevision(entry: SpoolEntry, record: RevisionRecord): void {
  entry.newest = { record, signed: clipManifest.parse(record.manifest) }
}

/** The entry's receipts as they are kept. */
export function receiptRecordOf(entry: SpoolEntry): ReceiptRecord {
  const items = [...entry.receipts].map(([index, receipt]) => ({ index, receipt })).sort((a, b) => a.index - b.index)
  return { v: 1, revision: entry.receiptedRevision, manifest: entry.manifestReceipt, items }
}
