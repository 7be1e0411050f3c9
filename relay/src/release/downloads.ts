import {
  consent as consentMessage,
  type Consent,
  type DpopProof,
  encodeBase64url,
  digestOfJws,
  LatchkeyError,
  randomBytes,
  release,
  sealedLeafData,
  type Signer,
  utf8,
} from '@latchkey/shared'
import type {
  Database,
  GrantedConsent,
  InvestigatorCaller,
  LeafLog,
  Queryable,
  TellHousehold,
  Transaction,
} from '../flow.ts'
import type { Clock } from '../kernel/clock.ts'
import type { Failpoints } from '../kernel/failpoint.ts'
import type { LeafSettler } from '../kernel/leaf-settler.ts'
import { findDownload, insertDownload, type StoredDownload } from './download-store.ts'

/** Between two of these the world may stop. */
export const RELEASE_FAILPOINTS = ['release.1-taken'] as const

export interface ReleaseParts {
  readonly database: Database
  readonly leaves: LeafLog
  readonly settler: LeafSettler
  readonly clock: Pick<Clock, 'nowMs'>
  readonly failpoints: Failpoints
  readonly publicOrigin: string
  readonly signer: Signer
  readonly tell: TellHousehold
  /** How long a download that is taken now may be repeated. */
  graceSeconds(db: Queryable): Promise<number>
  /** One answer for everyone the consent does not name, and before its time. */
  findGrant(db: Queryable, consent: string, requester: string): Promise<GrantedConsent | null>
  takeDownload(tx: Queryable, consent: string): Promise<number | null>
  /** Digest of the keyset in force at a log index and moment. */
  keysetAt(db: Queryable, root: string, at: { readonly index: number; readonly ms: number }): Promise<string | null>
  /** Is the agency in good standing, and has it been since it asked? */
  mayReceive(db: Queryable, agency: string, request: string): Promise<boolean>
}

/** The one answer that says nothing. */
function consentRequired(): LatchkeyError {
  return new LatchkeyError('CONSENT_REQUIRED', 'no consent allows this')
}

/** Things that end what was granted, now; told only to the requester it names. @throws the code */
async function assertNotEnded(parts: ReleaseParts, db: Queryable, grant: GrantedConsent): Promise<void> {
  if (grant.ended) throw new LatchkeyError('CONSENT_REVOKED', 'the household ended this consent')
  const inForce = await parts.keysetAt(db, grant.root, { index: grant.logIndex, ms: grant.receivedMs })
  if (inForce !== grant.keyset)
    throw new LatchkeyError('KEYSET_SUPERSEDED', 'another keyset was in force where the consent was logged')
  const [, agency] = consentMessage.parse(grant.jws).payload.aud
  if (!(await parts.mayReceive(db, agency, grant.request)))
    throw new LatchkeyError('AGENCY_SUSPENDED', 'the agency may not receive clips now')
}

async function requireGrant(
  parts: ReleaseParts,
  db: Queryable,
  consent: string,
  requester: string,
): Promise<GrantedConsent> {
  const grant = await parts.findGrant(db, consent, requester)
  if (!grant) throw consentRequired()
  await assertNotEnded(parts, db, grant)
  return grant
}

async function signRelease(
  parts: ReleaseParts,
  taken: { payload: Consent; consent: string; number: number; proof: DpopProof; nowMs: number },
): Promise<string> {
  const { payload, consent, number, proof, nowMs } = taken
  const [detail] = payload.authorization_details
  const seconds = Math.floor(nowMs / 1000)
  return release.encode(
    {
      iss: parts.publicOrigin,
      aud: payload.sub,
      jti: encodeBase64url(randomBytes(16)),
      iat: seconds,
      toe: seconds,
      latchkey: {
        v: 1,
        request: payload.latchkey.request,
        consent,
        items: detail!.items,
        headersSha256: detail!.headersSha256,
        proof: proof.digest,
        download: number,
      },
    },
    parts.signer,
  )
}

/** Counts, signs and queues the leaf, all or nothing. */
async function take(
  parts: ReleaseParts,
  tx: Transaction,
  grant: GrantedConsent,
  asked: { requester: string; download: string; proof: DpopProof },
): Promise<StoredDownload> {
  const nowMs = parts.clock.nowMs()
  if (grant.expSeconds * 1000 <= nowMs) throw new LatchkeyError('CONSENT_EXPIRED', 'the consent has expired')
  const number = await parts.takeDownload(tx, grant.digest)
  if (number === null) throw new LatchkeyError('CONSENT_USED', `all ${grant.maxDownloads} downloads are taken`)
  const { payload } = consentMessage.parse(grant.jws)
  const releaseJws = await signRelease(parts, { payload, consent: grant.digest, number, proof: asked.proof, nowMs })
  const salt = randomBytes(32)
  const leaf = await parts.leaves.enqueue(tx, {
    type: 'sealed',
    data: sealedLeafData(salt, 'release', utf8(releaseJws)),
  })
  const row = {
    download: asked.download,
    consent: grant.digest,
    number,
    release: digestOfJws(releaseJws),
    releaseJws,
    proofJws: asked.proof.raw,
    salt: encodeBase64url(salt),
    untilMs: nowMs + (await parts.graceSeconds(tx)) * 1000,
    leaf,
  }
  await insertDownload(tx, asked.requester, { ...row, takenMs: nowMs })
  await parts.tell(tx, grant.root, { type: 'release', consent: grant.digest, release: row.release, download: number })
  return { ...row, logIndex: null }
}

async function repeatOrTake(
  parts: ReleaseParts,
  tx: Transaction,
  asked: { requester: string; consent: string; download: string; proof: DpopProof },
): Promise<{ row: StoredDownload; fresh: boolean }> {
  // One download of a consent at a time, so that a repeated id finds the first.
  await tx.query('SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [`downloads/${asked.requester}`])
  const grant = await requireGrant(parts, tx, asked.consent, asked.requester)
  const known = await findDownload(tx, asked.requester, asked.download)
  if (!known) return { row: await take(parts, tx, grant, asked), fresh: true }
  if (known.consent !== asked.consent) throw new LatchkeyError('CONFLICT', 'this id stands for another download')
  if (known.untilMs <= parts.clock.nowMs()) throw new LatchkeyError('CONSENT_EXPIRED', 'the download has ended')
  return { row: known, fresh: false }
}

/**
 * Takes one of the consent's downloads, or finds the one already taken under this id. What it names is given only once
 * `logIndex` is set.
 * @throws CONSENT_REQUIRED (the same for everyone not named, and for everyone before `nbf`) | CONSENT_REVOKED |
 *   KEYSET_SUPERSEDED | AGENCY_SUSPENDED | CONSENT_EXPIRED | CONSENT_USED | CONFLICT
 * @see protocol §7
 */
export async function takeDownload(
  parts: ReleaseParts,
  caller: InvestigatorCaller,
  asked: { readonly consent: string; readonly download: string; readonly proof: DpopProof },
): Promise<StoredDownload> {
  // Durable 1/4: the count, the release and its place in the log's queue.
  const { row, fresh } = await parts.database.transaction((tx) =>
    repeatOrTake(parts, tx, { requester: caller.thumbprint, ...asked }),
  )
  if (fresh) await parts.failpoints.hit('release.1-taken')
  // Durable 2/4 and 3/4, the leaf published and its index recorded, happen in the log; 4/4 is the answer to a repeat.
  if (row.logIndex === null) parts.settler.settleLater('downloads', row.leaf)
  return row
}

/** A download whose release is logged, and its grant, while it may be repeated. @throws as {@link takeDownload} */
export async function requireDownload(
  parts: ReleaseParts,
  caller: InvestigatorCaller,
  download: string,
): Promise<{ download: StoredDownload; grant: GrantedConsent; payload: Consent }> {
  const found = await findDownload(parts.database, caller.thumbprint, download)
  if (!found || found.logIndex === null) throw consentRequired()
  const grant = await requireGrant(parts, parts.database, found.consent, caller.thumbprint)
  if (found.untilMs <= parts.clock.nowMs()) throw new LatchkeyError('CONSENT_EXPIRED', 'the download has ended')
  return { download: found, grant, payload: consentMessage.parse(grant.jws).payload }
}
