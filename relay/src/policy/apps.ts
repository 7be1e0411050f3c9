import type { AppList, Digest } from '@latchkey/shared'
import type { Queryable } from '../flow.ts'
import type { PolicyParts } from './policies.ts'

/** What puts an app into the log works with this. */
export type AppParts = Pick<PolicyParts, 'database' | 'leaves' | 'settler'>

/** A web app as the operator serves it. */
export interface PublishedApp {
  readonly name: string
  /** Over its list of files. */
  readonly digest: Digest
}

/** Puts an app into the log, unless it is the newest of its name there. Idempotent; resolves when it is published. */
export async function publishApp(parts: AppParts, { name, digest }: PublishedApp): Promise<void> {
  const ticket = await parts.database.transaction(async (tx) => {
    await tx.query('SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [`apps/${name}`])
    const [newest] = await tx.query<{ digest: string; leaf: number }>(
      'SELECT digest, leaf FROM apps WHERE name = $1 ORDER BY publication DESC LIMIT 1',
      [name],
    )
    if (newest?.digest === digest) return newest.leaf
    const leaf = await parts.leaves.enqueue(tx, { type: 'app', data: { name, digest } })
    await tx.query('INSERT INTO apps (name, digest, leaf) VALUES ($1, $2, $3)', [name, digest, leaf])
    return leaf
  })
  await parts.settler.settle('apps', ticket)
}

/** Every app that was published here, in log order. */
export async function listApps(db: Queryable): Promise<AppList['apps']> {
  return db.query('SELECT name, digest, log_index AS index FROM apps WHERE log_index IS NOT NULL ORDER BY log_index')
}
