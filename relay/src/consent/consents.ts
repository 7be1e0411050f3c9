import {
  assertIdentityItem,
  checkConsent,
  checkConsentFresh,
  type ClipManifest,
  concatBytes,
  consent,
  type Consent,
  type ConsentSubmission,
  decodeBase64url,
  type DeviceCertificate,
  digestOf,
  type Finding,
  type ItemDescriptor,
  type ClipRequest,
  type Keyset,
  LatchkeyError,
  type LeafData,
  type Policy,
  sealedLeafData,
  type Seen,
  type Signed,
  thumbprintOfUrn,
  utf8,
} from '@latchkey/shared'
import type { Database, LeafLog, MemberCaller, Queryable, TellHousehold, Transaction } from '../flow.ts'
import type { Clock } from '../kernel/clock.ts'
import type { LeafSettler } from '../kernel/leaf-settler.ts'

/** What a consent is about, from the other stages. */
export interface ConsentGround {
  readonly manifest: Signed<ClipManifest>
  readonly descriptors: readonly ItemDescriptor[]
  readonly deviceCertificate: Signed<DeviceCertificate>
  readonly request: Signed<ClipRequest>
  readonly agency: LeafData<'agency'>
  readonly policy: Policy
}

/** The log as everyone may have seen it. */
export interface PublishedLog {
  readonly origin: string
  readonly size: number
}

export interface ConsentParts {
  readonly database: Database
  readonly leaves: LeafLog
  readonly settler: LeafSettler
  readonly clock: Pick<Clock, 'nowMs'>
  readonly publicOrigin: string
  /** The keyset in force, null for a household that has none yet. */
  keysetInForce(db: Queryable, root: string): Promise<Signed<Keyset> | null>
  /** Clip, request and agency that a consent of this household names. @throws CONSENT_ISSUER | CONSENT_REQUEST */
  loadGround(tx: Queryable, root: string, named: { manifest: string; request: string }): Promise<ConsentGround>
  /** Name and size of the log as published. */
  publishedLog(): Promise<PublishedLog>
  /** Marks the revision as one that must be kept. */
  keepManifest(tx: Queryable, digest: string): Promise<void>
  readonly tell: TellHousehold
}

/** What became of a consent; `pending` until its leaf is published. */
export type ConsentOutcome =
  | { readonly kind: 'accepted'; readonly consent: string; readonly state: 'pending' | 'logged' | 'awaiting-approval' }
  | { readonly kind: 'refused'; readonly findings: readonly [Finding, ...Finding[]] }

interface StoredRow {
  digest: string
  needs_approval: boolean
  log_index: number | null
}

function accepted(row: StoredRow): ConsentOutcome {
  const state = row.needs_approval ? 'awaiting-approval' : row.log_index === null ? 'pending' : 'logged'
  return { kind: 'accepted', consent: row.digest, state }
}

/** The sealed identity item is exactly the one that the consent names. Untrusted: the submission. */
function parseDisclosure(payload: Consent, submission: ConsentSubmission): Uint8Array | null {
  const bytes = submission.disclosure === undefined ? null : decodeBase64url(submission.disclosure)
  if ((bytes === null ? null : digestOf(bytes)) !== payload.latchkey.disclosure)
    throw new LatchkeyError('CONSENT_INVALID', 'the disclosure is not the one that the consent names')
  if (bytes !== null) assertIdentityItem(bytes)
  return bytes
}

async function findStored(tx: Queryable, root: string, signed: Signed<Consent>): Promise<StoredRow | null> {
  const [row] = await tx.query<StoredRow>(
    'SELECT digest, needs_approval, log_index FROM consents WHERE root = $1 AND jti = $2',
    [root, signed.payload.jti],
  )
  if (row && row.digest !== signed.digest)
    throw new LatchkeyError('CONSENT_REPLAYED', 'another consent of this household used this id')
  return row ?? null
}

/** Phone and device saw no other log than this, and none larger: a verifier would refuse what rests on one. */
function checkSeen(consent: Consent, manifest: ClipManifest, log: PublishedLog): Finding[] {
  const isOurs = (seen: Seen): boolean => seen === null || (seen.origin === log.origin && seen.size <= log.size)
  if (isOurs(consent.latchkey.seen) && isOurs(manifest.latchkey.seen)) return []
  return [{ code: 'LOG_PROOF_INVALID', message: 'its signer, or the device, saw another log', field: 'seen' }]
}

/** Everything a relay can check: the shared rules, what was seen of the log, then the moment. */
function judge(
  parts: ConsentParts,
  signed: Signed<Consent>,
  headers: readonly Uint8Array[],
  ground: ConsentGround & { readonly keyset: Signed<Keyset>; readonly log: PublishedLog },
): Finding[] {
  const { agency, descriptors, log, ...rest } = ground
  const findings = checkConsent({
    ...rest,
    consent: signed,
    headers,
    descriptors: new Map(descriptors.map((item) => [item.index, item])),
    agencyName: agency.name,
    relayOrigin: parts.publicOrigin,
  })
  const nowSeconds = Math.floor(parts.clock.nowMs() / 1000)
  const seen = checkSeen(signed.payload, ground.manifest.payload, log)
  return [...findings, ...seen, ...checkConsentFresh(signed.payload, nowSeconds, ground.policy)]
}

async function insert(
  parts: ConsentParts,
  tx: Transaction,
  signed: Signed<Consent>,
  row: { salt: string; headers: readonly Uint8Array[]; disclosure: Uint8Array | null; clip: string; quorum: number },
): Promise<StoredRow & { leaf: number }> {
  const { payload, digest, raw } = signed
  const data = sealedLeafData(decodeBase64url(row.salt), 'consent', utf8(raw))
  const leaf = await parts.leaves.enqueue(tx, { type: 'sealed', data })
  const manifest = payload.authorization_details[0]!.identifier
  const needsApproval = row.quorum === 2
  await tx.query(
    `INSERT INTO consents (digest, root, jti, request, requester, clip, manifest, keyset, signer, jws, salt, headers,
       disclosure, received_ms, nbf_s, exp_s, max_downloads, needs_approval, leaf)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)`,
    [
      digest,
      thumbprintOfUrn(payload.iss),
      payload.jti,
      payload.latchkey.request,
      thumbprintOfUrn(payload.sub),
      row.clip,
      manifest,
      payload.latchkey.keyset,
      signed.kid,
      raw,
      row.salt,
      concatBytes(...row.headers),
      row.disclosure,
      parts.clock.nowMs(),
      payload.nbf,
      payload.exp,
      payload.latchkey.maxDownloads,
      needsApproval,
      leaf,
    ],
  )
  await parts.keepManifest(tx, manifest)
  return { digest, needs_approval: needsApproval, log_index: null, leaf }
}

async function accept(
  parts: ConsentParts,
  tx: Transaction,
  root: string,
  submitted: { signed: Signed<Consent>; submission: ConsentSubmission; log: PublishedLog },
): Promise<ConsentOutcome & { readonly leaf?: number }> {
  const { signed, submission, log } = submitted
  await tx.query('SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [`consents/${root}`])
  const known = await findStored(tx, root, signed)
  if (known) return accepted(known)
  const keyset = await parts.keysetInForce(tx, root)
  if (!keyset) throw new LatchkeyError('CONSENT_ISSUER', 'the household has no keyset in force')
  const { request } = signed.payload.latchkey
  const manifest = signed.payload.authorization_details[0]!.identifier
  const ground = await parts.loadGround(tx, root, { manifest, request })
  const headers = submission.headers.map(decodeBase64url)
  const [first, ...more] = judge(parts, signed, headers, { ...ground, keyset, log })
  if (first) return { kind: 'refused', findings: [first, ...more] }
  const disclosure = parseDisclosure(signed.payload, submission)
  const { quorum } = keyset.payload.latchkey
  const { clip } = ground.manifest.payload.latchkey
  const row = await insert(parts, tx, signed, { salt: submission.salt, headers, disclosure, clip, quorum })
  await parts.tell(tx, root, { type: 'consent', consent: row.digest, index: null })
  return { ...accepted(row), leaf: row.leaf }
}

/**
 * Takes a consent: judged by the keyset in force and the same rules as everywhere, then queued for the log; nobody but
 * its household can tell that it is here before `nbf`. The same bytes again give the same answer.
 * @param submission untrusted
 * @throws CONSENT_ISSUER | CONSENT_REPLAYED | CONSENT_REQUEST | AGENCY_SUSPENDED | form codes
 */
export async function submitConsent(
  parts: ConsentParts,
  caller: MemberCaller,
  submission: ConsentSubmission,
): Promise<ConsentOutcome> {
  const signed = consent.parse(submission.consent)
  if (thumbprintOfUrn(signed.payload.iss) !== caller.root)
    throw new LatchkeyError('CONSENT_ISSUER', 'the consent is of another household')
  const log = await parts.publishedLog()
  const { leaf, ...outcome } = await parts.database.transaction((tx) =>
    accept(parts, tx, caller.root, { signed, submission, log }),
  )
  if (leaf !== undefined) parts.settler.settleLater('consents', leaf)
  return outcome
}
