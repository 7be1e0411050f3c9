/** What was asked in this browser, as it is public. */
import { clipRequest, type RequestOutcomeWord } from '@latchkey/shared'
import type { Database } from '../../kernel/database.ts'

/** An accepted request. */
export interface Asked {
  /** As signed. */
  readonly request: string
  /** Of its entry in the public log. */
  readonly index: number
  /** A `c2sp.org/tlog-proof@v1` file. */
  readonly proof: string
  readonly askedMs: number
  /** What came of it, signed here and kept before it is sent, so that a repeat sends the same bytes. */
  readonly report?: { readonly outcome: string; readonly word: RequestOutcomeWord; readonly isTaken: boolean }
}

const RECORD = 'asked'
const listOf = (record: unknown): readonly Asked[] => (record as readonly Asked[] | undefined) ?? []

/** The newest first. */
export async function loadAsked(database: Database): Promise<readonly Asked[]> {
  return listOf(await database.load(RECORD)).toSorted((a, b) => b.askedMs - a.askedMs)
}

/** Durable when it resolves. */
export const keepAsked = (database: Database, asked: Asked): Promise<void> =>
  database.update(RECORD, (record) => [...listOf(record).filter(({ request }) => request !== asked.request), asked])

/** Case numbers by the digests of their requests. */
export async function loadCaseNumbers(database: Database): Promise<ReadonlyMap<string, string>> {
  const asked = await loadAsked(database)
  return new Map(
    asked.map(({ request }) => {
      const { digest, payload } = clipRequest.parse(request)
      return [digest, payload.latchkey.caseNumber]
    }),
  )
}
