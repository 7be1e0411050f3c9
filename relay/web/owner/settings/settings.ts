/** What this household wants, as this phone keeps it. */
import type { Database } from '../kernel/database.ts'

/** Choices that no relay reads. */
export interface Settings {
  readonly v: 1
  /** Show questions at all: nobody is asked who did not say so. */
  readonly questions: boolean
  /** Origins of agencies whose questions are not shown. */
  readonly muted: readonly string[]
}

const RECORD = 'settings'
const FIRST: Settings = { v: 1, questions: false, muted: [] }

export const loadSettings = async (database: Database): Promise<Settings> =>
  ((await database.load(RECORD)) as Settings | undefined) ?? FIRST

export const saveSettings = (database: Database, settings: Settings): Promise<void> => database.save(RECORD, settings)
