import { type Digest, digestOf, LatchkeyError, payloadSizeOf, splitAgeFile } from '@latchkey/shared'
import type { Database, Queryable, TellHousehold } from '../flow.ts'

/** Settings as stored: a file that the relay cannot read, and its digest, which is its version. */
export interface StoredSettings {
  readonly file: Uint8Array
  readonly digest: Digest
}

/** The household's settings. @throws NOT_FOUND before the first */
export async function findSettings(db: Queryable, root: string): Promise<StoredSettings> {
  const [row] = await db.query<{ file: Uint8Array; digest: string }>(
    'SELECT file, digest FROM settings WHERE root = $1',
    [root],
  )
  if (!row) throw new LatchkeyError('NOT_FOUND', 'this household has no settings yet')
  return row
}

/** One statement, so that of two phones that change the same version one wins. */
async function replace(db: Queryable, root: string, next: StoredSettings, over: Digest | null): Promise<boolean> {
  const { file, digest } = next
  const rows =
    over === null
      ? await db.query('INSERT INTO settings VALUES ($1, $2, $3) ON CONFLICT DO NOTHING RETURNING digest', [
          root,
          file,
          digest,
        ])
      : await db.query('UPDATE settings SET file = $2, digest = $3 WHERE root = $1 AND digest = $4 RETURNING digest', [
          root,
          file,
          digest,
          over,
        ])
  return rows.length > 0
}

/**
 * Puts settings in the place of the version that the phone saw. Whether the file opens for the members, and what stands
 * in it, nobody here can tell. The same bytes again give the same answer, whatever version they name.
 * @param change.file untrusted
 * @param change.over digest of the version replaced, null for the first
 * @throws AGE_HEADER_INVALID | AGE_PAYLOAD_INVALID | PRECONDITION_FAILED when another version stands
 */
export async function putSettings(
  { database, tell }: { readonly database: Database; readonly tell: TellHousehold },
  root: string,
  change: { readonly file: Uint8Array; readonly over: Digest | null },
): Promise<Digest> {
  const { file, over } = change
  if (splitAgeFile(file).payload.length < payloadSizeOf(0))
    throw new LatchkeyError('AGE_PAYLOAD_INVALID', 'the payload is truncated')
  const digest = digestOf(file)
  await database.transaction(async (tx) => {
    if (await replace(tx, root, { file, digest }, over)) {
      await tell(tx, root, { type: 'settings', settings: digest })
      return
    }
    const [stored] = await tx.query<{ digest: string }>('SELECT digest FROM settings WHERE root = $1', [root])
    // RFC 9110 §13.1.1: a change that was already made, its answer lost, is no conflict.
    if (stored?.digest !== digest) throw new LatchkeyError('PRECONDITION_FAILED', 'the settings are of another version')
  })
  return digest
}
