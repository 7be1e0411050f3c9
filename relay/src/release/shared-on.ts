import {
  consent as consentMessage,
  decodeBase64url,
  isSharedOnOf,
  LatchkeyError,
  MAX_SHARED_ON,
  release as releaseMessage,
  sealedLeafData,
  sharedOn as sharedOnMessage,
  type SharedOn,
  type Signed,
  thumbprintOfUrn,
  utf8,
} from '@latchkey/shared'
import type { Database, InvestigatorCaller, LeafLog, Queryable, TellHousehold, Transaction } from '../flow.ts'
import type { Clock } from '../kernel/clock.ts'
import type { LeafSettler } from '../kernel/leaf-settler.ts'

export interface SharedOnParts {
  readonly database: Database
  readonly leaves: LeafLog
  readonly settler: LeafSettler
  readonly clock: Pick<Clock, 'nowMs'>
  readonly tell: TellHousehold
}

interface ReleasedRow {
  root: string
  consent_jws: string
  release_jws: string
}

/** Desks write whole minutes, and clocks differ a little. */
const TOLERANCE_MS = 60_000

const invalid = (message: string) => new LatchkeyError('SHARED_ON_INVALID', message)

/** The release to the caller that the entry is about, held until the transaction ends. */
async function holdReleased(tx: Queryable, thumbprint: string, signed: Signed<SharedOn>): Promise<ReleasedRow> {
  const [row] = await tx.query<ReleasedRow>(
    `SELECT c.root, c.jws AS consent_jws, d.release_jws FROM downloads d JOIN consents c ON c.digest = d.consent
     WHERE d.release = $1 AND d.requester = $2 AND d.log_index IS NOT NULL FOR UPDATE OF d`,
    [signed.payload.latchkey.release, thumbprint],
  )
  const isFitting =
    row !== undefined &&
    isSharedOnOf(signed, {
      consent: consentMessage.parse(row.consent_jws),
      release: releaseMessage.parse(row.release_jws),
    })
  // One reason: which release exists is not for everyone to learn.
  if (!isFitting) throw invalid('matches no release to its signer')
  return row
}

/** What was not had yet cannot have gone on, and nothing goes on in the future. */
function assertTimes({ iat, latchkey: { atMs } }: SharedOn, releasedSeconds: number, nowMs: number): void {
  if (iat * 1000 > nowMs + TOLERANCE_MS) throw invalid('was signed in the future')
  if (atMs < releasedSeconds * 1000 - TOLERANCE_MS) throw invalid('happened before the release')
  if (atMs > iat * 1000 + TOLERANCE_MS) throw invalid('happened after it was signed')
}

async function insertEntry(
  parts: SharedOnParts,
  tx: Transaction,
  { signed, salt }: { readonly signed: Signed<SharedOn>; readonly salt: string },
): Promise<number> {
  const { release } = signed.payload.latchkey
  const earlier = await tx.query('SELECT 1 FROM shared_on WHERE release = $1', [release])
  if (earlier.length >= MAX_SHARED_ON) throw invalid('the release has enough entries')
  const data = sealedLeafData(decodeBase64url(salt), 'shared-on', utf8(signed.raw))
  const leaf = await parts.leaves.enqueue(tx, { type: 'sealed', data })
  await tx.query(
    'INSERT INTO shared_on (digest, release, jws, salt, received_ms, leaf) VALUES ($1, $2, $3, $4, $5, $6)',
    [signed.digest, release, signed.raw, salt, parts.clock.nowMs(), leaf],
  )
  return leaf
}

/**
 * Takes the investigator's word on who got next what was released; its sealed leaf follows, and every member is told. Taken from a suspended
 * agency too, and where the consent did not allow it: what happened is worth more on record than off it. Idempotent.
 * @param raw untrusted
 * @returns its digest
 * @throws SHARED_ON_INVALID | form codes
 */
export async function submitSharedOn(
  parts: SharedOnParts,
  caller: InvestigatorCaller,
  raw: { readonly sharedOn: string; readonly salt: string },
): Promise<string> {
  const signed = sharedOnMessage.parse(raw.sharedOn)
  const { payload, digest } = signed
  if (thumbprintOfUrn(payload.sub) !== caller.thumbprint) throw invalid('matches no release to its signer')
  const ticket = await parts.database.transaction(async (tx) => {
    const row = await holdReleased(tx, caller.thumbprint, signed)
    const known = await tx.query('SELECT 1 FROM shared_on WHERE digest = $1', [digest])
    if (known.length > 0) return null
    assertTimes(payload, releaseMessage.parse(row.release_jws).payload.iat, parts.clock.nowMs())
    const leaf = await insertEntry(parts, tx, { signed, salt: raw.salt })
    const { consent } = payload.latchkey
    await parts.tell(tx, row.root, { type: 'shared-on', consent, sharedOn: digest })
    return leaf
  })
  if (ticket !== null) parts.settler.settleLater('shared_on', ticket)
  return digest
}
