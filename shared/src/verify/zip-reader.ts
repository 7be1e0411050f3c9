import { inflateSync } from 'fflate'
import { equalBytes, fromUtf8 } from '../bytes/bytes.ts'
import { LatchkeyError } from '../errors.ts'
import { CONTAINER } from './bundle-paths.ts'
import { crc32 } from './crc32.ts'
import { bundleFinding, type BundleFinding } from './finding.ts'
import {
  CENTRAL_HEADER_BYTES,
  CENTRAL_SIGNATURE,
  END_BYTES,
  END_SIGNATURE,
  LOCAL_HEADER_BYTES,
  LOCAL_SIGNATURE,
  zipComment,
} from './zip-writer.ts'

/** Unpacked bytes that an archive may claim unless told otherwise: far above any clip, far below memory. */
const DEFAULT_MAX_TOTAL_BYTES = 1024 * 1024 * 1024
const MAX_COMMENT_BYTES = 0xffff
const STORED = 0
const DEFLATED = 8
/** DEFLATE's best ratio; a claim above it is a lie. */
const MAX_DEFLATE_RATIO = 1032
const DESCRIPTOR_SIGNATURE = 0x08074b50
const FLAG_DESCRIPTOR = 0x0008
/** Compression level (bits 1, 2), data descriptor, UTF-8 names: the flags that change nothing for us. */
const KNOWN_FLAGS = 0x0002 | 0x0004 | FLAG_DESCRIPTOR | 0x0800
/** Plain relative paths; nothing that a shell, a file system or a person could read in another way. */
const SAFE_PATH = /^(?!.*(?:^|\/)\.\.?(?:\/|$))[A-Za-z0-9._-]+(?:\/[A-Za-z0-9._-]+)*$/

/** An archive's files, and what is wrong with single ones of them. */
export interface ZipContents {
  readonly files: ReadonlyMap<string, Uint8Array>
  readonly findings: readonly BundleFinding[]
}

interface CentralEntry {
  readonly path: string
  readonly flags: number
  readonly method: number
  readonly crc: number
  readonly packedBytes: number
  readonly sizeBytes: number
  readonly offset: number
  /** The 26 bytes shared with the local header. */
  readonly shared: Uint8Array
}

const refuse = (message: string) => new LatchkeyError('BUNDLE_INVALID', message)

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

/** The one end record: the comment behind it ends exactly with the file. */
function findEnd(zip: Uint8Array): number {
  const view = viewOf(zip)
  const lowest = Math.max(0, zip.length - END_BYTES - MAX_COMMENT_BYTES)
  for (let at = zip.length - END_BYTES; at >= lowest; at--)
    if (view.getUint32(at, true) === END_SIGNATURE && at + END_BYTES + view.getUint16(at + 20, true) === zip.length)
      return at
  throw refuse('not a zip archive, or bytes follow it')
}

interface Directory {
  readonly entries: readonly CentralEntry[]
  readonly offset: number
  /** Written by {@link writeZip} and not packed again since. */
  readonly isOurs: boolean
}

function readDirectory(zip: Uint8Array): Directory {
  const end = findEnd(zip)
  const view = viewOf(zip)
  const count = view.getUint16(end + 10, true)
  const [sizeBytes, offset] = [view.getUint32(end + 12, true), view.getUint32(end + 16, true)]
  if (view.getUint32(end + 4, true) !== 0 || view.getUint16(end + 8, true) !== count)
    throw refuse('an archive in several parts')
  if (offset + sizeBytes !== end) throw refuse('the directory of the archive is not where its end record says')
  const directory = zip.subarray(offset, end)
  const comment = zip.subarray(end + END_BYTES)
  const isOurs = comment.length > 0
  if (isOurs && !equalBytes(comment, zipComment(directory, zip.subarray(end, end + END_BYTES))))
    throw refuse('the directory of the archive was changed: its digest does not match')
  return { entries: readEntries(directory, count), offset, isOurs }
}

function readEntries(directory: Uint8Array, count: number): CentralEntry[] {
  const view = viewOf(directory)
  const entries: CentralEntry[] = []
  let at = 0
  for (let i = 0; i < count; i++) {
    if (at + CENTRAL_HEADER_BYTES > directory.length || view.getUint32(at, true) !== CENTRAL_SIGNATURE)
      throw refuse('the directory of the archive is broken')
    const [nameBytes, extraBytes, commentBytes] = [28, 30, 32].map((field) => view.getUint16(at + field, true)) as [
      number,
      number,
      number,
    ]
    const next = at + CENTRAL_HEADER_BYTES + nameBytes + extraBytes + commentBytes
    if (next > directory.length) throw refuse('the directory of the archive is broken')
    const path = fromUtf8(directory.subarray(at + CENTRAL_HEADER_BYTES, at + CENTRAL_HEADER_BYTES + nameBytes))
    entries.push(readEntry(view, at, { path, shared: directory.subarray(at + 6, at + 32) }))
    at = next
  }
  if (at !== directory.length) throw refuse('the directory of the archive holds more than its entries')
  return entries
}

function readEntry(view: DataView, at: number, known: Pick<CentralEntry, 'path' | 'shared'>): CentralEntry {
  const entry = {
    ...known,
    flags: view.getUint16(at + 8, true),
    method: view.getUint16(at + 10, true),
    crc: view.getUint32(at + 16, true),
    packedBytes: view.getUint32(at + 20, true),
    sizeBytes: view.getUint32(at + 24, true),
    offset: view.getUint32(at + 42, true),
  }
  if ((entry.flags & ~KNOWN_FLAGS) !== 0 || (entry.method !== STORED && entry.method !== DEFLATED))
    throw refuse(`an entry is encrypted or packed in a way that is not accepted`)
  if (entry.method === STORED && entry.packedBytes !== entry.sizeBytes) throw refuse('a stored entry has two sizes')
  if (entry.sizeBytes > entry.packedBytes * MAX_DEFLATE_RATIO) throw refuse('an entry claims an impossible size')
  if (view.getUint16(at + 34, true) !== 0) throw refuse('an archive in several parts')
  return entry
}

function assertPaths(entries: readonly CentralEntry[], maxTotalBytes: number): void {
  const seen = new Set<string>()
  for (const { path, sizeBytes } of entries) {
    const isFolder = path.endsWith('/')
    if (!SAFE_PATH.test(isFolder ? path.slice(0, -1) : path)) throw refuse('an entry has a path that is not accepted')
    if (isFolder && sizeBytes > 0) throw refuse('a folder holds bytes')
    if (seen.has(path)) throw refuse(`${path} stands twice in the archive`)
    seen.add(path)
  }
  const total = entries.reduce((sum, entry) => sum + entry.sizeBytes, 0)
  if (total > maxTotalBytes) throw refuse(`the archive unpacks to more than ${maxTotalBytes} bytes`)
}

/** Where an entry's data lie. Local and central header must tell one story; so must bytes between two entries. */
function locate(zip: Uint8Array, entry: CentralEntry, bounds: { end: number; isOurs: boolean }): Uint8Array {
  const view = viewOf(zip)
  const { offset, path } = entry
  if (offset + LOCAL_HEADER_BYTES > bounds.end || view.getUint32(offset, true) !== LOCAL_SIGNATURE)
    throw refuse(`${path}: no header where the directory says`)
  const local = zip.subarray(offset + 4, offset + LOCAL_HEADER_BYTES)
  const nameEnd = offset + LOCAL_HEADER_BYTES + view.getUint16(offset + 26, true)
  const start = nameEnd + view.getUint16(offset + 28, true)
  const dataEnd = start + entry.packedBytes
  if (dataEnd > bounds.end) throw refuse(`${path}: data overlap what follows`)
  const sameName = fromUtf8(zip.subarray(offset + LOCAL_HEADER_BYTES, nameEnd)) === path
  const sameFields = bounds.isOurs ? equalBytes(local, entry.shared) : areCompatible(viewOf(local), entry)
  if (!sameName || !sameFields) throw refuse(`${path}: header and directory differ`)
  if (!isGapValid(zip.subarray(dataEnd, bounds.end), entry)) throw refuse(`${path}: stray bytes follow the data`)
  return zip.subarray(start, dataEnd)
}

/** Fields of a foreign local header: sizes and checksum are zero where a data descriptor follows. */
function areCompatible(local: DataView, entry: CentralEntry): boolean {
  const sizes = [local.getUint32(10, true), local.getUint32(14, true), local.getUint32(18, true)]
  const expected = [entry.crc, entry.packedBytes, entry.sizeBytes]
  const isDeferred = (entry.flags & FLAG_DESCRIPTOR) !== 0
  return (
    local.getUint16(2, true) === entry.flags &&
    local.getUint16(4, true) === entry.method &&
    sizes.every((size, i) => size === expected[i] || (isDeferred && size === 0))
  )
}

/** Nothing, or where announced a data descriptor with the directory's own numbers. @see APPNOTE 4.3.9 */
function isGapValid(gap: Uint8Array, entry: CentralEntry): boolean {
  if ((entry.flags & FLAG_DESCRIPTOR) === 0) return gap.length === 0
  const view = viewOf(gap)
  if (gap.length !== 12 && gap.length !== 16) return false
  if (gap.length === 16 && view.getUint32(0, true) !== DESCRIPTOR_SIGNATURE) return false
  const at = gap.length - 12
  return [entry.crc, entry.packedBytes, entry.sizeBytes].every((value, i) => view.getUint32(at + 4 * i, true) === value)
}

function unpack(data: Uint8Array, entry: CentralEntry): Uint8Array | null {
  if (entry.method === STORED) return data
  try {
    // One byte more than claimed, so that an entry that unpacks to more is seen and not cut.
    return inflateSync(data, { out: new Uint8Array(entry.sizeBytes + 1) })
  } catch {
    return null
  }
}

/**
 * Archive → files: stored or deflated, whatever program packed it; folders are ignored. Refused as a whole: unsafe or
 * repeated paths, overlapping entries, stray bytes, encryption, zip64, claims above the bound. An entry whose bytes do not
 * match its checksum is delivered with a finding, so that every other check can still speak.
 * Untrusted: `zip`. Stored files are views into it, not copies.
 * @throws BUNDLE_INVALID | ENCODING_INVALID
 * @see PKWARE APPNOTE 6.3.3
 */
export function readZip(zip: Uint8Array, options: { maxTotalBytes?: number } = {}): ZipContents {
  const { entries, offset, isOurs } = readDirectory(zip)
  assertPaths(entries, options.maxTotalBytes ?? DEFAULT_MAX_TOTAL_BYTES)
  const sorted = entries.toSorted((a, b) => a.offset - b.offset)
  if (sorted.length > 0 && sorted[0]!.offset !== 0) throw refuse('bytes stand before the archive')
  const files = new Map<string, Uint8Array>()
  const findings: BundleFinding[] = []
  sorted.forEach((entry, i) => {
    const data = locate(zip, entry, { end: sorted[i + 1]?.offset ?? offset, isOurs })
    if (entry.path.endsWith('/')) return
    const bytes = unpack(data, entry)
    if (bytes?.length !== entry.sizeBytes || crc32(bytes) !== entry.crc)
      findings.push(bundleFinding('BUNDLE_INVALID', entry.path, 'does not match its checksum in the archive'))
    if (bytes !== null) files.set(entry.path, bytes)
  })
  return { files, findings }
}

/** {@link readZip} whose refusal is a finding about the container. */
export function tryReadZip(zip: Uint8Array, options: { maxTotalBytes?: number } = {}): ZipContents {
  try {
    return readZip(zip, options)
  } catch (error) {
    if (!(error instanceof LatchkeyError)) throw error
    return { files: new Map(), findings: [bundleFinding(error.code, CONTAINER, error.message)] }
  }
}
