/** What was released to this browser. It stays when the bundle is removed: whoever passes a saved copy on later has to say so too. */
import type { Database } from '../../kernel/database.ts'

/** The papers of one release, each as signed. */
export interface Released {
  readonly consent: string
  /** Digest. */
  readonly request: string
  readonly release: string
}

const RECORD = 'released'
const listOf = (record: unknown): readonly Released[] => (record as readonly Released[] | undefined) ?? []

/** Null before the relay released anything. */
export const releasedOf = ({
  consent,
  request,
  release,
}: Omit<Released, 'release'> & { readonly release: string | null }) =>
  release === null ? null : { consent, request, release }

/** The oldest first. */
export const loadReleased = async (database: Database): Promise<readonly Released[]> =>
  listOf(await database.load(RECORD))

/** Durable when it resolves. */
export const keepReleased = (database: Database, { consent, request, release }: Released): Promise<void> =>
  database.update(RECORD, (record) => [
    ...listOf(record).filter((known) => known.release !== release),
    { consent, request, release },
  ])
