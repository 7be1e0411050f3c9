import { LatchkeyError } from '@latchkey/shared'
import type { Queryable } from '../flow.ts'

/**
 * Makes sure that this relay has the keys of those that served this database before: with another log key it would fork the log, with
 * another signing key nobody could check its receipts. The first one writes down what all have.
 * @param fingerprints by what the key is for
 * @throws CONFIG_INVALID naming the key's purpose
 */
export async function assertSameKeys(db: Queryable, fingerprints: Readonly<Record<string, string>>): Promise<void> {
  const purposes = Object.keys(fingerprints)
  await db.query(
    'INSERT INTO relay_keys (purpose, fingerprint) SELECT * FROM unnest($1::text[], $2::text[]) ON CONFLICT DO NOTHING',
    [purposes, Object.values(fingerprints)],
  )
  const known = await db.query<{ purpose: string; fingerprint: string }>('SELECT purpose, fingerprint FROM relay_keys')
  for (const { purpose, fingerprint } of known)
    if (purpose in fingerprints && fingerprints[purpose] !== fingerprint)
      throw new LatchkeyError(
        'CONFIG_INVALID',
        `secretsDir: its key for the ${purpose} is not the one of this database. Restore the secrets from the backup, or copy those of the other relays`,
      )
}
