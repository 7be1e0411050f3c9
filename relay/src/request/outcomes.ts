import {
  checkInvestigator,
  type InvestigatorCertificate,
  investigatorCertificate,
  LatchkeyError,
  type LeafData,
  outcome as outcomeMessage,
  type Outcome,
  type Signed,
  thumbprintOfUrn,
} from '@latchkey/shared'
import type { Database, LeafLog, Queryable, Transaction } from '../flow.ts'
import type { Clock } from '../kernel/clock.ts'
import type { LeafSettler } from '../kernel/leaf-settler.ts'

export interface OutcomeParts {
  readonly database: Database
  readonly leaves: LeafLog
  readonly settler: LeafSettler
  readonly clock: Pick<Clock, 'nowMs'>
  readonly publicOrigin: string
  /** The agency as it is, and stays until the transaction ends. */
  holdAgency(tx: Queryable, uri: string): Promise<LeafData<'agency'> | null>
}

interface Report {
  readonly outcome: Signed<Outcome>
  readonly certificate: Signed<InvestigatorCertificate>
}

const invalid = (message: string) => new LatchkeyError('OUTCOME_INVALID', message)

/** The agency's accepted request, of which nothing was reported but these very bytes. @returns the ticket of those, if any */
async function findEarlier(tx: Queryable, { payload, raw }: Signed<Outcome>): Promise<number | null> {
  const { request } = payload.latchkey
  const [asked] = await tx.query<{ jws: string | null; leaf: number | null }>(
    `SELECT o.jws, o.leaf FROM requests r LEFT JOIN outcomes o ON o.request = r.digest
     WHERE r.digest = $1 AND r.agency = $2 AND r.log_index IS NOT NULL`,
    [request, payload.iss],
  )
  if (!asked) throw invalid('names no accepted request of the agency')
  if (asked.jws === null) return null
  if (asked.jws !== raw) throw new LatchkeyError('CONFLICT', 'another report of this request was taken')
  return asked.leaf
}

async function insertReport(parts: OutcomeParts, tx: Transaction, { outcome, certificate }: Report): Promise<number> {
  const { payload, digest, raw } = outcome
  const { request, outcome: word } = payload.latchkey
  const data = { agency: payload.iss, requestDigest: request, digest }
  const leaf = await parts.leaves.enqueue(tx, { type: 'outcome', data })
  await tx.query(
    `INSERT INTO outcomes (request, agency, outcome, jws, certificate_jws, received_ms, leaf)
     VALUES ($1, $2, $3, $4, $5, $6, $7)`,
    [request, payload.iss, word, raw, certificate.raw, parts.clock.nowMs(), leaf],
  )
  return leaf
}

/** A suspended agency, or one that left, still owes its reports: only who speaks is judged. */
async function assertSpeaks(parts: OutcomeParts, tx: Queryable, report: Report): Promise<void> {
  const { payload } = report.outcome
  const agency = await parts.holdAgency(tx, payload.iss)
  if (!agency) throw new LatchkeyError('AGENCY_UNKNOWN', 'the agency is not enrolled')
  const nowMs = parts.clock.nowMs()
  const [finding] = checkInvestigator({ word: report.outcome, certificate: report.certificate, agency, nowMs })
  if (finding) throw new LatchkeyError(finding.code, finding.message)
  if (payload.aud !== parts.publicOrigin) throw invalid('meant for another relay')
}

/**
 * Takes the report of what came of a request, from any investigator whom its agency certifies: once for each request. That it was given
 * is in the public log when this resolves; what it says is not. The same bytes again change nothing.
 * @param callerThumbprint of the key that proved the call: it must be the reporter's
 * @param raw untrusted
 * @returns digest of the report
 * @throws CALLER_REFUSED | AGENCY_UNKNOWN | INVESTIGATOR_INVALID | SIGNATURE_INVALID | OUTCOME_INVALID | CONFLICT | form codes
 */
export async function submitOutcome(
  parts: OutcomeParts,
  callerThumbprint: string,
  raw: { readonly outcome: string; readonly investigatorCertificate: string },
): Promise<string> {
  const report = {
    outcome: outcomeMessage.parse(raw.outcome),
    certificate: investigatorCertificate.parse(raw.investigatorCertificate),
  }
  if (thumbprintOfUrn(report.outcome.payload.sub) !== callerThumbprint)
    throw new LatchkeyError('CALLER_REFUSED', 'this key may not use this route')
  const ticket = await parts.database.transaction(async (tx) => {
    // The debt is counted while the agency is held too: in the log, the report stands before the request that it lets through.
    await assertSpeaks(parts, tx, report)
    return (await findEarlier(tx, report.outcome)) ?? insertReport(parts, tx, report)
  })
  await parts.settler.settle('outcomes', ticket)
  return report.outcome.digest
}
