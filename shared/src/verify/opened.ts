import { encodeBase64url } from '../bytes/base64url.ts'
import { toHex } from '../bytes/bytes.ts'
import { canonicalJson } from '../bytes/canonical-json.ts'
import { digestOf, sha256 } from '../crypto/hash.ts'
import type { ItemKind } from '../wire/clip.ts'
import type { OwnerDetails } from '../wire/owner-details.ts'
import { comparePaths } from './bundle-paths.ts'
import type { OpenedItem } from './check.ts'
import { renderCertification } from './certification.ts'
import { renderImportCsv } from './import-csv.ts'
import type { EvidenceFile, OpeningNote } from './evidence-file.ts'
import type { BundleFacts } from './verify-bundle.ts'

export type { EvidenceFile, OpeningNote } from './evidence-file.ts'

/** An original, with its bytes: item plaintexts joined, nothing else. */
export interface OriginalFile extends EvidenceFile {
  readonly chunks: readonly Uint8Array[]
}

/** Items of one track that follow each other closer than this are one recording: a piece left out lasts two seconds. */
const MAX_JOIN_MS = 500

const MEDIA_TYPE: Record<ItemKind, string> = {
  init: 'video/mp4',
  media: 'video/mp4',
  audioInit: 'audio/mp4',
  audio: 'audio/mp4',
  poster: 'image/jpeg',
  meta: 'application/json',
}

const endOf = ({ descriptor }: OpenedItem) => descriptor.startMs + descriptor.durationMs

function isContiguous(before: OpenedItem, after: OpenedItem): boolean {
  const isNext = after.descriptor.index === before.descriptor.index + 1
  return isNext || Math.abs(after.descriptor.startMs - endOf(before)) <= MAX_JOIN_MS
}

/** Items of one kind → runs without a gap. */
function runsOf(items: readonly OpenedItem[]): OpenedItem[][] {
  const runs: OpenedItem[][] = []
  for (const item of items) {
    const last = runs.at(-1)
    if (last && isContiguous(last.at(-1)!, item)) last.push(item)
    else runs.push([item])
  }
  return runs
}

function originalOf(path: string, items: readonly OpenedItem[], chunks: readonly Uint8Array[]): OriginalFile {
  return {
    path,
    mediaType: MEDIA_TYPE[items[0]!.descriptor.kind],
    sizeBytes: chunks.reduce((sum, chunk) => sum + chunk.length, 0),
    sha256: toHex(sha256(...chunks)),
    startMs: Math.min(...items.map(({ descriptor }) => descriptor.startMs)),
    endMs: Math.max(...items.map(endOf)),
    rendition: 'original',
    derivedFrom: null,
    chunks,
  }
}

const ofKind = (opened: readonly OpenedItem[], kind: ItemKind) =>
  opened.filter(({ descriptor }) => descriptor.kind === kind)

/** One track: its init segment before each run of its segments. */
function trackFiles(opened: readonly OpenedItem[], kinds: readonly [ItemKind, ItemKind], name: string): OriginalFile[] {
  const [init] = ofKind(opened, kinds[0])
  const runs = runsOf(ofKind(opened, kinds[1]))
  return runs.map((run, i) => {
    const chunks = [...(init ? [init.plaintext] : []), ...run.map(({ plaintext }) => plaintext)]
    return originalOf(`${name}${runs.length > 1 ? `-${i + 1}` : ''}.mp4`, run, chunks)
  })
}

function singleFile(opened: readonly OpenedItem[], kind: ItemKind, path: string): OriginalFile[] {
  return ofKind(opened, kind)
    .slice(0, 1)
    .map((item) => originalOf(path, [item], [item.plaintext]))
}

/**
 * Verified plaintexts → the original files of `opened/`: `original.mp4` (or `original-1.mp4`, … one per contiguous run),
 * `original-audio.mp4`, `poster.jpg`, `meta.json`; what was not released is not there. Pure.
 * @param opened of a verdict that passed, index order
 */
export function planOriginals(opened: readonly OpenedItem[]): OriginalFile[] {
  return [
    ...trackFiles(opened, ['init', 'media'], 'original'),
    ...trackFiles(opened, ['audioInit', 'audio'], 'original-audio'),
    ...singleFile(opened, 'poster', 'poster.jpg'),
    ...singleFile(opened, 'meta', 'meta.json'),
  ]
}

/** `item-keys.json`: with it anyone can repeat check 14 on each item, and on no other. Secret, as the recording is. */
function renderItemKeys(facts: BundleFacts, opened: readonly OpenedItem[]): string {
  const items = opened.map(({ descriptor, fileKey, plaintext }) => ({
    index: descriptor.index,
    kind: descriptor.kind,
    fileKey: encodeBase64url(fileKey),
    plaintextSha256: digestOf(plaintext),
  }))
  return `${canonicalJson({ v: 1, clip: facts.clip, consent: facts.consent, items })}\n`
}

/** `SHA256SUMS`, as `sha256sum -c` reads it. */
function renderSums(hashes: readonly { path: string; sha256: string }[]): string {
  return hashes
    .toSorted((a, b) => comparePaths(a.path, b.path))
    .map(({ path, sha256: hash }) => `${hash}  ${path}\n`)
    .join('')
}

/** What was opened, and the files it became. */
export interface OpenedContent {
  readonly opened: readonly OpenedItem[]
  /** Originals and, where made, working copies. */
  readonly files: readonly EvidenceFile[]
  readonly ownerDetails: OwnerDetails | null
}

/**
 * The texts of `opened/`: `item-keys.json`, `import.csv`, `certification-draft.txt`, `owner-details.json` where the owner
 * told something, and `SHA256SUMS` over all files. Pure.
 * @returns text by name; `SHA256SUMS` last
 */
export function renderOpened(facts: BundleFacts, content: OpenedContent, note: OpeningNote): Map<string, string> {
  const { opened, files, ownerDetails } = content
  const texts = new Map([
    ['item-keys.json', renderItemKeys(facts, opened)],
    ['import.csv', renderImportCsv(facts, files)],
    ['certification-draft.txt', renderCertification(facts, files, note)],
    ...(ownerDetails ? [['owner-details.json', `${canonicalJson(ownerDetails)}\n`] as const] : []),
  ])
  const encoder = new TextEncoder()
  const hashes = [...texts].map(([path, text]) => ({ path, sha256: toHex(sha256(encoder.encode(text))) }))
  return texts.set('SHA256SUMS', renderSums([...files, ...hashes]))
}

/** `plaintextsSha256` of a `latchkey-received+jwt`: H over the concatenated plaintext SHA-256, index order. */
export function plaintextsDigest(opened: readonly OpenedItem[]): string {
  return digestOf(...opened.map(({ plaintext }) => sha256(plaintext)))
}
