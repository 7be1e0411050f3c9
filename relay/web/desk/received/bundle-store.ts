/** Sealed bundles in this browser: pieces as they came, so that a download that breaks off goes on where it was. */
import { concatBytes } from '@latchkey/shared'
import type { Database } from '../../kernel/database.ts'

/** One counted download, by the id that this browser made for it before it asked. */
export interface Download {
  /** 16 bytes, base64url. */
  readonly id: string
  /** As signed by the owner. */
  readonly consent: string
  readonly request: string
  /** As signed by the relay; null until it answered. */
  readonly release: string | null
  /** Bytes of the whole bundle; null until the relay said. */
  readonly sizeBytes: number | null
  /** All of it is here. */
  readonly isWhole: boolean
  /** When the receipt was taken by the relay; null before. */
  readonly receiptMs: number | null
}

const prefix = 'download/'
const recordOf = (consentDigest: string): string => `${prefix}${consentDigest}`
const piecesOf = ({ id }: Download): string => `bundle/${id}/`
/** Names sort as numbers do. */
const DIGITS = 12

/** Every download of this browser, by the digest of its consent. */
export async function loadDownloads(database: Database): Promise<ReadonlyMap<string, Download>> {
  const names = await database.names(prefix)
  const entries = await Promise.all(
    names.map(async (name) => [name.slice(prefix.length), (await database.load(name)) as Download] as const),
  )
  return new Map(entries)
}

/** Durable when it resolves. */
export const saveDownload = (database: Database, consentDigest: string, download: Download): Promise<void> =>
  database.save(recordOf(consentDigest), download)

/** What came so far, in order. */
export async function loadPieces(database: Database, download: Download): Promise<Uint8Array[]> {
  const names = (await database.names(piecesOf(download))).toSorted()
  return (await Promise.all(names.map((name) => database.load(name)))) as Uint8Array[]
}

/** The piece that begins with this byte. Durable when it resolves. */
export const savePiece = (database: Database, download: Download, from: number, piece: Uint8Array): Promise<void> =>
  database.save(`${piecesOf(download)}${String(from).padStart(DIGITS, '0')}`, piece)

/** The whole bundle, once all of it is here. */
export const loadBundle = async (database: Database, download: Download): Promise<Uint8Array> =>
  concatBytes(...(await loadPieces(database, download)))

/** The sealed bundle and what is known of its download are gone from this browser. */
export async function forgetDownload(database: Database, consentDigest: string, download: Download): Promise<void> {
  const pieces = await database.names(piecesOf(download))
  await database.deleteAll([recordOf(consentDigest), ...pieces])
}
