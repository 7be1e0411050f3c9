import {
  consent as consentMessage,
  decodeBase64url,
  indexesOf,
  isSignedBy,
  LatchkeyError,
  type PublicJwk,
  received,
  type Received,
  sealedLeafData,
  type Signed,
  thumbprintOfUrn,
  utf8,
} from '@latchkey/shared'
import type { Database, InvestigatorCaller, LeafLog, Queryable, TellHousehold } from '../flow.ts'
import type { Clock } from '../kernel/clock.ts'
import type { LeafSettler } from '../kernel/leaf-settler.ts'

export interface ReceivedParts {
  readonly database: Database
  readonly leaves: LeafLog
  readonly settler: LeafSettler
  readonly clock: Pick<Clock, 'nowMs'>
  readonly tell: TellHousehold
}

/** Of one release: each is a leaf, and stands in the household's history. */
const MAX_RECEIPTS = 10

interface ReleasedRow {
  root: string
  consent: string
  consent_jws: string
}

function refuse(): never {
  // One reason: which release exists is not for everyone to learn.
  throw new LatchkeyError('RECEIPT_INVALID', 'the receipt does not match a release to its signer')
}

/** @returns the household */
async function assertReceipt(
  tx: Queryable,
  caller: { readonly thumbprint: string; readonly jwk: PublicJwk },
  signed: Signed<Received>,
): Promise<string> {
  const { iss, sub, latchkey } = signed.payload
  if (thumbprintOfUrn(sub) !== caller.thumbprint || !isSignedBy(signed, caller.jwk)) refuse()
  const [row] = await tx.query<ReleasedRow>(
    `SELECT c.root, d.consent, c.jws AS consent_jws FROM downloads d JOIN consents c ON c.digest = d.consent
     WHERE d.release = $1 AND d.requester = $2 AND d.log_index IS NOT NULL`,
    [latchkey.release, caller.thumbprint],
  )
  if (!row || row.consent !== latchkey.consent) refuse()
  const { payload } = consentMessage.parse(row.consent_jws)
  if (payload.aud[1] !== iss || indexesOf(payload.authorization_details[0]!.items).length !== latchkey.items) refuse()
  return row.root
}

/**
 * Takes the investigator's word on what arrived and opened; its sealed leaf follows. Idempotent.
 * @param raw untrusted
 * @returns its digest
 * @throws RECEIPT_INVALID | form codes
 */
export async function submitReceived(
  parts: ReceivedParts,
  caller: InvestigatorCaller & { readonly jwk: PublicJwk },
  raw: { readonly received: string; readonly salt: string },
): Promise<string> {
  const signed = received.parse(raw.received)
  const ticket = await parts.database.transaction(async (tx) => {
    const root = await assertReceipt(tx, caller, signed)
    const { consent, release } = signed.payload.latchkey
    const known = await tx.query('SELECT 1 FROM receipts WHERE digest = $1', [signed.digest])
    if (known.length > 0) return null
    const earlier = await tx.query('SELECT 1 FROM receipts WHERE release = $1', [release])
    if (earlier.length >= MAX_RECEIPTS) throw new LatchkeyError('RECEIPT_INVALID', 'the release has enough receipts')
    const data = sealedLeafData(decodeBase64url(raw.salt), 'received', utf8(signed.raw))
    const leaf = await parts.leaves.enqueue(tx, { type: 'sealed', data })
    await tx.query(
      'INSERT INTO receipts (digest, release, jws, salt, received_ms, leaf) VALUES ($1, $2, $3, $4, $5, $6)',
      [signed.digest, release, signed.raw, raw.salt, parts.clock.nowMs(), leaf],
    )
    await parts.tell(tx, root, { type: 'receipt', consent, receipt: signed.digest })
    return leaf
  })
  if (ticket !== null) parts.settler.settleLater('receipts', ticket)
  return signed.digest
}
