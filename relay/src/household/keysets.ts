import {
  ack,
  answering,
  approval,
  checkFirstKeyset,
  checkNextKeyset,
  deviceCertificate,
  keyset,
  type Keyset,
  type KeysetChange,
  keysetLabel,
  type KeysetList,
  type KeysetVerdict,
  LatchkeyError,
  parseRecipient,
  type PublicJwk,
  rawKeyOf,
  type Signed,
  thumbprintOf,
  thumbprintOfUrn,
} from '@latchkey/shared'
import type { Database, LeafLog, Queryable, Transaction } from '../flow.ts'
import type { Clock } from '../kernel/clock.ts'
import type { LeafSettler } from '../kernel/leaf-settler.ts'
import { findDeviceOfUrn } from './device-store.ts'
import {
  findKeyset,
  findKeysetInForce,
  findNewestKeyset,
  type Household,
  insertKeyset,
  listKeysets,
  lockHousehold,
  type StoredKeyset,
} from './keyset-store.ts'

/** What keysets need of the world. */
export interface KeysetParts {
  readonly database: Database
  readonly leaves: LeafLog
  readonly settler: LeafSettler
  readonly clock: Pick<Clock, 'nowMs'>
  /** Takes an invitation within the transaction. @throws ENROLMENT_CLOSED */
  admit(tx: Queryable, root: string, invitation: string | undefined): Promise<void>
}

/** Where an accepted keyset stands. */
export interface AcceptedKeyset {
  readonly keyset: string
  readonly index: number
}

/** A household presents itself. Untrusted: all of it. */
export interface NewHousehold {
  readonly keyset: string
  readonly rootJwk: PublicJwk
  /** geohash of five characters: the finest the relay ever learns. */
  readonly cell: string
  readonly invitation?: string
}

function membersOf(payload: Keyset): [string, string][] {
  return payload.latchkey.members.map((member) => [thumbprintOf(member.signingKey as PublicJwk), member.role])
}

/** Every key in it is one that a Pi can seal to and a relay can verify. @throws KEY_INVALID */
function assertKeys(payload: Keyset): void {
  for (const member of payload.latchkey.members) {
    rawKeyOf(member.signingKey)
    parseRecipient(member.recipient)
  }
  parseRecipient(payload.latchkey.recovery)
}

function authorityOf(verdict: KeysetVerdict): StoredKeyset['authority'] {
  const [first] = verdict.findings
  if (first || verdict.authority === null)
    throw new LatchkeyError(first?.code ?? 'KEYSET_INVALID', first?.message ?? 'keyset is not acceptable')
  return verdict.authority
}

/** Queues the public leaf and writes the version. The leaf tells nobody whose it is who does not know the root. */
async function record(
  parts: KeysetParts,
  tx: Transaction,
  household: Household,
  next: Pick<StoredKeyset, 'signed' | 'authority'> & { readonly change: KeysetChange | null },
): Promise<number> {
  const label = keysetLabel(rawKeyOf(household.rootJwk), next.signed.payload.latchkey.version)
  const leaf = await parts.leaves.enqueue(tx, { type: 'keyset', data: { label, digest: next.signed.digest } })
  const press = next.change?.ack
  const ack = press ? { jws: press.signed.raw, certificate: press.certificate.raw } : null
  await insertKeyset(tx, household.root, { ...next, leaf, ack, members: membersOf(next.signed.payload) })
  return leaf
}

async function publish(parts: KeysetParts, digest: string, ticket: number): Promise<AcceptedKeyset> {
  return { keyset: digest, index: await parts.settler.settle('keysets', ticket) }
}

/**
 * Admits a household with its first keyset, published when it resolves. The same bytes again give the same answer.
 * @throws KEYSET_INVALID | SIGNATURE_INVALID | KEY_INVALID | ENROLMENT_CLOSED | KEYSET_FORK | form codes of `keyset.parse`
 */
export async function enrolHousehold(parts: KeysetParts, submission: NewHousehold): Promise<AcceptedKeyset> {
  const signed = keyset.parse(submission.keyset)
  const authority = authorityOf(checkFirstKeyset(signed, submission.rootJwk))
  assertKeys(signed.payload)
  const root = thumbprintOf(submission.rootJwk)
  const ticket = await parts.database.transaction(async (tx) => {
    const created = await tx.query(
      `INSERT INTO households (root, root_jwk, cell, created_ms) VALUES ($1, $2::jsonb, $3, $4)
       ON CONFLICT DO NOTHING RETURNING root`,
      [root, JSON.stringify(submission.rootJwk), submission.cell, parts.clock.nowMs()],
    )
    if (created.length === 0) return repeatedTicket(await findKeyset(tx, signed.digest))
    await parts.admit(tx, root, submission.invitation)
    return record(parts, tx, { root, rootJwk: submission.rootJwk }, { signed, authority, change: null })
  })
  return publish(parts, signed.digest, ticket)
}

function repeatedTicket(known: StoredKeyset | null): number {
  if (known) return known.leaf
  throw new LatchkeyError('KEYSET_FORK', 'this household has another keyset of this version')
}

async function changeOf(tx: Queryable, signed: Signed<Keyset>, rawAck: string | undefined): Promise<KeysetChange> {
  const approvals = await tx.query<{ jws: string }>('SELECT jws FROM approvals WHERE subject = $1', [signed.digest])
  const change = { keyset: signed, approvals: approvals.map((row) => approval.parse(row.jws)) }
  if (rawAck === undefined) return change
  const signedAck = ack.parse(rawAck)
  const device = await findDeviceOfUrn(tx, signedAck.payload.iss)
  if (device === null) throw new LatchkeyError('KEYSET_INVALID', 'the button press is by an unknown device')
  return { ...change, ack: { signed: signedAck, certificate: deviceCertificate.parse(device.jws) } }
}

async function judgeNext(
  parts: KeysetParts,
  tx: Queryable,
  household: Household,
  change: KeysetChange,
): Promise<StoredKeyset['authority']> {
  const nowMs = parts.clock.nowMs()
  const [inForce, newest] = [
    await findKeysetInForce(tx, household.root, nowMs),
    await findNewestKeyset(tx, household.root),
  ]
  if (!inForce || !newest) throw new LatchkeyError('KEYSET_INVALID', 'the keyset before is not yet published')
  const waits = newest.signed.digest !== inForce.signed.digest
  if (waits && newest.authority !== 'root-pending')
    throw new LatchkeyError('KEYSET_INVALID', 'the keyset before is not yet published')
  if (change.keyset.payload.latchkey.version <= newest.signed.payload.latchkey.version)
    throw new LatchkeyError('KEYSET_FORK', 'another keyset holds this version')
  const before = answering(inForce.signed, newest.signed)
  const verdict = checkNextKeyset(before, change, { root: household.rootJwk, leafMs: nowMs })
  const authority = authorityOf(verdict)
  if (waits && authority === 'root-pending')
    throw new LatchkeyError('KEYSET_INVALID', 'a keyset by root alone is already waiting')
  return authority
}

/**
 * Accepts the next version of a household's keyset, published when it resolves.
 * @param root the caller's household
 * @param raw untrusted
 * @throws KEYSET_INVALID | KEYSET_FORK | SIGNATURE_INVALID | KEY_INVALID | form codes
 */
export async function submitKeyset(
  parts: KeysetParts,
  root: string,
  raw: { readonly keyset: string; readonly ack?: string },
): Promise<AcceptedKeyset> {
  const signed = keyset.parse(raw.keyset)
  assertKeys(signed.payload)
  if (thumbprintOfUrn(signed.payload.iss) !== root)
    throw new LatchkeyError('KEYSET_INVALID', 'the keyset is of another household')
  const ticket = await parts.database.transaction(async (tx) => {
    const household = await lockHousehold(tx, root)
    if (!household) throw new LatchkeyError('KEYSET_INVALID', 'no such household')
    const known = await findKeyset(tx, signed.digest)
    if (known) return known.leaf
    const change = await changeOf(tx, signed, raw.ack)
    const authority = await judgeNext(parts, tx, household, change)
    await tx.query(
      "UPDATE keysets SET voided = true WHERE root = $1 AND authority = 'root-pending' AND effective_ms > $2",
      [root, parts.clock.nowMs()],
    )
    return record(parts, tx, household, { signed, authority, change })
  })
  return publish(parts, signed.digest, ticket)
}

/** Published keysets behind a log index, in log order: what phones and Pis chain to their pinned root. */
export function keysetsAfter(parts: KeysetParts, root: string, afterIndex: number): Promise<KeysetList['keysets']> {
  return listKeysets(parts.database, root, afterIndex)
}
