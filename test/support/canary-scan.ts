/** Looks for what must not be there, in every form in which it could be. */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'

/** What must not be found. `name` says what it is, never its content. */
export interface Canary {
  readonly name: string
  readonly patterns: readonly (Buffer | RegExp)[]
}

/** One thing that was found. */
export interface Sighting {
  readonly name: string
  readonly where: string
}

/** Base64 of `bytes` as it stands inside the base64 of something larger, without the characters its neighbours share. */
function embeddedBase64(bytes: Uint8Array, encoding: 'base64' | 'base64url'): Buffer[] {
  return [0, 1, 2].map((before) => {
    const text = Buffer.concat([Buffer.alloc(before), bytes])
      .toString(encoding)
      .replaceAll('=', '')
    const first = Math.ceil((before * 8) / 6)
    const last = Math.floor(((before + bytes.length) * 8) / 6)
    return Buffer.from(text.slice(first, last))
  })
}

/** Shorter ones stand in megabytes of ciphertext by chance. */
const MIN_CANARY_BYTES = 6

/** Bytes as they are, in hex, and in both base64 alphabets at every alignment. */
export function byteCanary(name: string, bytes: Uint8Array): Canary {
  if (bytes.length < MIN_CANARY_BYTES) throw new Error(`${name} is too short to look for`)
  const hex = Buffer.from(bytes).toString('hex')
  const texts = [Buffer.from(hex), Buffer.from(hex.toUpperCase())]
  const base64 = (['base64', 'base64url'] as const).flatMap((encoding) => embeddedBase64(bytes, encoding))
  return { name, patterns: [Buffer.from(bytes), ...texts, ...base64] }
}

/** The same for a text, which could also stand in UTF-16. */
export function textCanary(name: string, text: string): Canary {
  const { patterns } = byteCanary(name, Buffer.from(text))
  return { name, patterns: [...patterns, Buffer.from(text, 'utf16le')] }
}

/**
 * Headers of media files. Four letters stand by chance in megabytes of ciphertext: the length in front of a box, and the
 * one behind a JPEG's first marker, tell the one from the other.
 */
export const MEDIA_CANARIES: readonly Canary[] = [
  { name: 'an ftyp box', patterns: [/\x00\x00\x00[\x08-\xff]ftyp/] },
  { name: 'a moov box', patterns: [/\x00[^]{3}moov\x00\x00/] },
  { name: 'a moof box', patterns: [/\x00[^]{3}moof\x00\x00/] },
  { name: 'a JPEG header', patterns: [/\xff\xd8\xff[\xe0-\xef\xdb\xfe]\x00/] },
]

/** Which of `canaries` stand in `bytes`. */
export function scanBytes(bytes: Uint8Array, canaries: readonly Canary[]): string[] {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  const latin1 = buffer.toString('latin1')
  const holds = (pattern: Buffer | RegExp) =>
    pattern instanceof RegExp ? pattern.test(latin1) : buffer.includes(pattern)
  return canaries.filter(({ patterns }) => patterns.some(holds)).map(({ name }) => name)
}

/** Scans names and contents of all files below `folder`. */
export async function scanFolder(
  folder: string,
  canaries: readonly Canary[],
): Promise<{ sightings: Sighting[]; files: number; bytes: number }> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile())
  const sightings: Sighting[] = []
  let bytes = 0
  for (const file of files) {
    const where = join(file.parentPath, file.name)
    const content = await readFile(where)
    bytes += content.length
    for (const name of scanBytes(Buffer.concat([Buffer.from(`${where}\n`), content]), canaries))
      sightings.push({ name, where })
  }
  return { sightings, files: files.length, bytes }
}

/** A connection's rows; of `pg`, or of what the relay makes of it. */
export interface Rows {
  query<Row extends object>(sql: string): Promise<Row[]>
}

function bytesOf(value: unknown): Buffer {
  if (value instanceof Uint8Array) return Buffer.from(value)
  return Buffer.from(typeof value === 'string' ? value : JSON.stringify(value))
}

/** Scans every value of every table: as the server gives them, so out of TOAST and compression. */
export async function scanDatabase(
  database: Rows,
  canaries: readonly Canary[],
): Promise<{ sightings: Sighting[]; tables: number; rows: number; bytes: number }> {
  const tables = await database.query<{ name: string }>(
    "SELECT quote_ident(schemaname) || '.' || quote_ident(tablename) AS name FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')",
  )
  const total = { sightings: [] as Sighting[], tables: tables.length, rows: 0, bytes: 0 }
  for (const { name: table } of tables) {
    for (const row of await database.query<Record<string, unknown>>(`SELECT * FROM ${table}`)) {
      total.rows++
      for (const [column, value] of Object.entries(row)) {
        const bytes = bytesOf(value)
        total.bytes += bytes.length
        for (const name of scanBytes(bytes, canaries)) total.sightings.push({ name, where: `${table}.${column}` })
      }
    }
  }
  return total
}
