/** What was signed in this browser of who got something next: kept before it is sent, so that a repeat sends the same bytes. */
import {
  codeOf,
  consent as consentMessage,
  encodeBase64url,
  randomBytes,
  release as releaseMessage,
  sharedOn as sharedOnMessage,
  type SharedOn,
} from '@latchkey/shared'
import { anything } from '@latchkey/shared/client'
import { nowMs } from '../../kernel/clock.ts'
import type { Database } from '../../kernel/database.ts'
import { type Investigator, openKeys } from '../who/investigator.ts'
import { investigatorClient } from '../who/relay-clients.ts'
import type { Released } from './released.ts'

/** One entry. */
export interface KeptEntry {
  /** As signed. */
  readonly sharedOn: string
  readonly salt: string
  /** The relay has it. */
  readonly isTaken: boolean
}

/** Where entries are kept, and who signs them. */
export interface Office {
  readonly database: Database
  readonly investigator: Investigator
}

/** What an entry says, beside whose it is. */
export type Said = Pick<SharedOn['latchkey'], 'atMs' | 'receiver' | 'purpose' | 'reason'>

const listOf = (record: unknown): readonly KeptEntry[] => (record as readonly KeptEntry[] | undefined) ?? []
const recordOf = ({ release }: Released): string => `shared-on/${releaseMessage.parse(release).digest}`

/** In the order in which they were signed. */
export const loadEntries = async (database: Database, released: Released): Promise<readonly KeptEntry[]> =>
  listOf(await database.load(recordOf(released)))

const putEntry = (database: Database, released: Released, entry: KeptEntry): Promise<void> =>
  database.update(recordOf(released), (record) => {
    const known = listOf(record)
    const isKnown = known.some(({ sharedOn }) => sharedOn === entry.sharedOn)
    return isKnown ? known.map((one) => (one.sharedOn === entry.sharedOn ? entry : one)) : [...known, entry]
  })

const dropEntry = (database: Database, released: Released, entry: KeptEntry): Promise<void> =>
  database.update(recordOf(released), (record) => listOf(record).filter(({ sharedOn }) => sharedOn !== entry.sharedOn))

/** One that the relay refuses is not kept; one that does not arrive is. @throws UNAVAILABLE | SHARED_ON_INVALID */
export async function sendEntry(office: Office, released: Released, entry: KeptEntry): Promise<void> {
  const { database, investigator } = office
  const client = await investigatorClient(investigator)
  const { sharedOn, salt } = entry
  try {
    await client.json('POST', '/v1/shared-on', anything, { json: { sharedOn, salt } })
  } catch (error) {
    if (codeOf(error) === 'SHARED_ON_INVALID') await dropEntry(database, released, entry)
    throw error
  }
  await putEntry(database, released, { ...entry, isTaken: true })
}

/** Signs it, keeps it and sends it. @throws the codes of {@link sendEntry} */
export async function signEntry(office: Office, released: Released, said: Said): Promise<void> {
  const { signer } = await openKeys(office.investigator.keys)
  const { digest: consent, payload } = consentMessage.parse(released.consent)
  const { digest: release } = releaseMessage.parse(released.release)
  const claims: SharedOn = {
    iss: payload.aud[1],
    sub: signer.urn,
    jti: encodeBase64url(randomBytes(16)),
    iat: Math.floor(nowMs() / 1000),
    cnf: { jwk: signer.jwk },
    latchkey: { v: 1, release, consent, ...said },
  }
  const sharedOn = await sharedOnMessage.encode(claims, signer)
  const entry = { sharedOn, salt: encodeBase64url(randomBytes(32)), isTaken: false }
  await putEntry(office.database, released, entry)
  await sendEntry(office, released, entry)
}
