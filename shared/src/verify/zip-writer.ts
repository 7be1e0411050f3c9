import { concatBytes, toHex, utf8 } from '../bytes/bytes.ts'
import { sha256 } from '../crypto/hash.ts'
import { LatchkeyError } from '../errors.ts'
import { crc32 } from './crc32.ts'

/** One file of an archive, whole. */
export interface ZipEntry {
  readonly path: string
  readonly bytes: Uint8Array
}

/** A file of an archive before its bytes are known. */
export interface ZipSize {
  readonly path: string
  readonly sizeBytes: number
}

/** Fixed parts of a zip and the numbers that start them. @see PKWARE APPNOTE 6.3.10 §4.3 */
export const LOCAL_HEADER_BYTES = 30
export const CENTRAL_HEADER_BYTES = 46
export const END_BYTES = 22
export const LOCAL_SIGNATURE = 0x04034b50
export const CENTRAL_SIGNATURE = 0x02014b50
export const END_SIGNATURE = 0x06054b50
/** Above these a zip needs its 64-bit form, which we refuse to write and to read: no clip comes near. */
export const MAX_ARCHIVE_BYTES = 0xffff_fffe
export const MAX_ENTRIES = 0xfffe

/** 2.0: the version that knows folders; every program reads it. */
const VERSION_NEEDED = 20
/** Made on Unix, so that the attributes below are understood. */
const VERSION_MADE_BY = (3 << 8) | VERSION_NEEDED
/** Regular file, rw-r--r--. */
const EXTERNAL_ATTRIBUTES = (0o100644 << 16) >>> 0
/** 1 January 1980, 00:00: the epoch of DOS time, the same in every archive. */
const DOS_DATE = 0x0021
const DOS_TIME = 0

/** Before the hexadecimal digest in the archive's comment. */
const COMMENT_PREFIX = 'latchkey-bundle-1 sha256:'
const COMMENT_BYTES = COMMENT_PREFIX.length + 64

/**
 * The archive's comment: the digest of the central directory and the fixed part of the end record, so that no byte of an
 * archive of ours can change unseen. An archive packed again by another program has no comment.
 */
export function zipComment(centralDirectory: Uint8Array, end: Uint8Array): Uint8Array {
  return utf8(COMMENT_PREFIX + toHex(sha256(centralDirectory, end)))
}

/** The 26 bytes that local and central header share, from "version needed" to "extra length". @see APPNOTE 4.3.7 */
function sharedFields(path: Uint8Array, crc: number, sizeBytes: number): Uint8Array {
  const bytes = new Uint8Array(26)
  const view = new DataView(bytes.buffer)
  view.setUint16(0, VERSION_NEEDED, true)
  view.setUint16(6, DOS_TIME, true)
  view.setUint16(8, DOS_DATE, true)
  view.setUint32(10, crc, true)
  view.setUint32(14, sizeBytes, true)
  view.setUint32(18, sizeBytes, true)
  view.setUint16(22, path.length, true)
  return bytes
}

function signatureBytes(signature: number): Uint8Array {
  const bytes = new Uint8Array(4)
  new DataView(bytes.buffer).setUint32(0, signature, true)
  return bytes
}

/** @see APPNOTE 4.3.12 */
function centralHeader(path: Uint8Array, shared: Uint8Array, offset: number): Uint8Array {
  const head = new Uint8Array(6)
  new DataView(head.buffer).setUint32(0, CENTRAL_SIGNATURE, true)
  new DataView(head.buffer).setUint16(4, VERSION_MADE_BY, true)
  const tail = new Uint8Array(14)
  const view = new DataView(tail.buffer)
  view.setUint32(6, EXTERNAL_ATTRIBUTES, true)
  view.setUint32(10, offset, true)
  return concatBytes(head, shared, tail, path)
}

/** @see APPNOTE 4.3.16 */
function endRecord(entries: number, centralBytes: number, centralOffset: number): Uint8Array {
  const bytes = new Uint8Array(END_BYTES)
  const view = new DataView(bytes.buffer)
  view.setUint32(0, END_SIGNATURE, true)
  view.setUint16(8, entries, true)
  view.setUint16(10, entries, true)
  view.setUint32(12, centralBytes, true)
  view.setUint32(16, centralOffset, true)
  view.setUint16(20, COMMENT_BYTES, true)
  return bytes
}

/** Size of the archive that {@link writeZip} makes of these files. @throws BUNDLE_INVALID above 4 GiB or 65,534 files */
export function zipSizeOf(files: readonly ZipSize[]): number {
  const perFile = LOCAL_HEADER_BYTES + CENTRAL_HEADER_BYTES
  const sizeBytes = files.reduce((sum, file) => sum + perFile + 2 * file.path.length + file.sizeBytes, 0)
  const total = sizeBytes + END_BYTES + COMMENT_BYTES
  assertFits(total, files.length)
  return total
}

function assertFits(sizeBytes: number, entries: number): void {
  if (sizeBytes > MAX_ARCHIVE_BYTES || entries > MAX_ENTRIES)
    throw new LatchkeyError('BUNDLE_INVALID', 'a bundle above 4 GiB or 65,534 files would need zip64')
}

/**
 * Files → archive, stored without compression (sealed bytes do not shrink), one file in memory at a time; sizes and
 * checksums stand before the data, so that every unzip can stream it. Same files, same bytes.
 * @param entries ASCII paths, each once
 * @throws BUNDLE_INVALID above 4 GiB or 65,534 files
 * @see PKWARE APPNOTE 6.3.3
 */
export async function* writeZip(entries: AsyncIterable<ZipEntry> | Iterable<ZipEntry>): AsyncGenerator<Uint8Array> {
  const central: Uint8Array[] = []
  let offset = 0
  for await (const { path, bytes } of entries) {
    assertFits(offset + bytes.length, central.length + 1)
    const name = utf8(path)
    const shared = sharedFields(name, crc32(bytes), bytes.length)
    const header = concatBytes(signatureBytes(LOCAL_SIGNATURE), shared, name)
    central.push(centralHeader(name, shared, offset))
    offset += header.length + bytes.length
    yield header
    yield bytes
  }
  const directory = concatBytes(...central)
  assertFits(offset + directory.length + END_BYTES + COMMENT_BYTES, central.length)
  const end = endRecord(central.length, directory.length, offset)
  yield concatBytes(directory, end, zipComment(directory, end))
}
