/** What was given: as the relay lists it now, and as this browser holds it. */
import { codeOf, consent as consentMessage, type ReleaseList, releaseList } from '@latchkey/shared'
import type { Database } from '../../kernel/database.ts'
import { loadCaseNumbers } from '../requests/asked.ts'
import type { Investigator } from '../who/investigator.ts'
import { investigatorClient } from '../who/relay-clients.ts'
import { type Download, loadDownloads } from './bundle-store.ts'

type Entry = ReleaseList['releases'][number]

/** One consent to this investigator. */
export interface Given {
  /** Of the consent. */
  readonly digest: string
  /** As signed by the owner. */
  readonly consent: string
  readonly request: string
  /** Downloads taken, as the relay counts; null when it lists the consent no longer. */
  readonly taken: number | null
  readonly download: Download | null
  /** Of the request, where it was asked in this browser. */
  readonly caseNumber: string | null
}

/** A key that never asked is no investigator to the relay, which has nothing for it. @throws UNAVAILABLE */
export async function loadListed(investigator: Investigator): Promise<readonly Entry[]> {
  const client = await investigatorClient(investigator)
  try {
    return (await client.json('GET', '/v1/releases', releaseList)).releases
  } catch (error) {
    if (codeOf(error) === 'CALLER_REFUSED') return []
    throw error
  }
}

/** What the relay lists first, then what only this browser still has. */
export async function loadGiven(database: Database, listed: readonly Entry[]): Promise<readonly Given[]> {
  const [downloads, cases] = await Promise.all([loadDownloads(database), loadCaseNumbers(database)])
  const caseOf = (request: string) => cases.get(request) ?? null
  const now = listed.map(({ consent, request, downloads: taken }): Given => {
    const { digest } = consentMessage.parse(consent)
    return { digest, consent, request, taken, download: downloads.get(digest) ?? null, caseNumber: caseOf(request) }
  })
  const known = new Set(now.map(({ digest }) => digest))
  const before = [...downloads].filter(([digest]) => !known.has(digest))
  return [
    ...now,
    ...before.map(([digest, download]): Given => {
      const { consent, request } = download
      return { digest, consent, request, taken: null, download, caseNumber: caseOf(request) }
    }),
  ]
}
