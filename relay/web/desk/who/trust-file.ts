/** Whom the verifier believes: a file that somebody checked, or else the relay's own word. */
import { createVerifierTrust, LatchkeyError, parseTrust, trust, utf8, type VerifierTrust } from '@latchkey/shared'
import type { Database } from '../../kernel/database.ts'
import type { Investigator } from './investigator.ts'
import { anyoneClient } from './relay-clients.ts'

const RECORD = 'trust'

/** What evidence is checked against, and whose word that is. */
export interface Believed {
  readonly trust: VerifierTrust
  readonly from: 'file' | 'relay'
}

/** The trust file that was loaded; null without one. */
export async function loadTrustFile(database: Database): Promise<VerifierTrust | null> {
  const text = (await database.load(RECORD)) as string | undefined
  return text === undefined ? null : parseTrust(utf8(text))
}

/** Keeps a trust file, checked first. Untrusted: `text`. @throws TRUST_INVALID */
export async function saveTrustFile(database: Database, text: string): Promise<void> {
  const { log } = parseTrust(utf8(text))
  if (log === null) throw new LatchkeyError('TRUST_INVALID', 'the file lists no log')
  await database.save(RECORD, text)
}

/** From now on the relay's own word counts again. */
export const dropTrustFile = (database: Database): Promise<void> => database.deleteAll([RECORD])

/** The file where there is one. @throws UNAVAILABLE when there is none and the relay does not answer */
export async function loadBelieved(database: Database, investigator: Investigator): Promise<Believed> {
  const file = await loadTrustFile(database)
  if (file !== null) return { trust: file, from: 'file' }
  const told = await anyoneClient(investigator).json('GET', '/v1/trust.json', trust)
  return { trust: createVerifierTrust(told), from: 'relay' }
}
