import {
  approval,
  checkKeysetForm,
  keyset,
  type Keyset,
  LatchkeyError,
  type ProposedKeyset,
  type Signed,
  signingMember,
  thumbprintOfUrn,
} from '@latchkey/shared'
import type { Queryable } from '../flow.ts'
import { findKeysetInForce, findNewestKeyset, lockHousehold } from './keyset-store.ts'
import { type AcceptedKeyset, type KeysetParts, submitKeyset } from './keysets.ts'

/** A proposal that nobody answers is forgotten; who meant it proposes it again. */
const LIFE_MS = 7 * 24 * 3_600_000

async function assertNext(parts: KeysetParts, tx: Queryable, root: string, signed: Signed<Keyset>): Promise<void> {
  const { iss, latchkey } = signed.payload
  const [finding] = checkKeysetForm(signed.payload)
  if (finding) throw new LatchkeyError(finding.code, finding.message)
  const inForce = await findKeysetInForce(tx, root, parts.clock.nowMs())
  const newest = await findNewestKeyset(tx, root)
  const follows =
    latchkey.previous === newest?.signed.digest && latchkey.version === newest.signed.payload.latchkey.version + 1
  if (thumbprintOfUrn(iss) !== root || !follows)
    throw new LatchkeyError('KEYSET_SUPERSEDED', 'it does not follow the newest keyset of this household')
  if (!inForce || signingMember(inForce.signed.payload, signed)?.role !== 'owner')
    throw new LatchkeyError('SIGNATURE_INVALID', 'it is not signed by an owner of the keyset in force')
}

/**
 * Keeps an owner's next keyset where the household's devices and owners find it, in place of any before. It gives nothing:
 * it is judged when the button or the approvals are there.
 * @param raw untrusted
 * @returns its digest
 * @throws KEYSET_INVALID | KEYSET_SUPERSEDED | SIGNATURE_INVALID | form codes
 */
export async function proposeKeyset(parts: KeysetParts, root: string, raw: string): Promise<string> {
  const signed = keyset.parse(raw)
  await parts.database.transaction(async (tx) => {
    await lockHousehold(tx, root)
    await assertNext(parts, tx, root, signed)
    await tx.query(
      `INSERT INTO keyset_proposals (root, digest, jws, proposed_ms) VALUES ($1, $2, $3, $4)
       ON CONFLICT (root) DO UPDATE SET digest = $2, jws = $3, proposed_ms = $4 WHERE keyset_proposals.digest <> $2`,
      [root, signed.digest, signed.raw, parts.clock.nowMs()],
    )
  })
  return signed.digest
}

/** What waits in a household, with the approvals so far. @throws NOT_FOUND when nothing does */
export async function findProposal(parts: KeysetParts, root: string): Promise<ProposedKeyset> {
  const { database, clock } = parts
  const [row] = await database.query<{ digest: string; jws: string; proposed_ms: number }>(
    'SELECT digest, jws, proposed_ms FROM keyset_proposals WHERE root = $1 AND proposed_ms > $2',
    [root, clock.nowMs() - LIFE_MS],
  )
  const newest = await findNewestKeyset(database, root)
  // Another keyset was faster.
  if (!row || keyset.parse(row.jws).payload.latchkey.previous !== newest?.signed.digest)
    throw new LatchkeyError('NOT_FOUND', 'no keyset waits in this household')
  const approvals = await database.query<{ jws: string }>('SELECT jws FROM approvals WHERE subject = $1', [row.digest])
  return {
    keyset: row.jws,
    proposedMs: row.proposed_ms,
    approvals: approvals.map(({ jws }) => approval.parse(jws).raw),
  }
}

/** An owner takes back what waits. Idempotent. */
export async function withdrawProposal({ database }: KeysetParts, root: string): Promise<void> {
  await database.query('DELETE FROM keyset_proposals WHERE root = $1', [root])
}

/**
 * A device's button was pressed for what waits: it is judged, and published when this resolves.
 * @param rawAck untrusted
 * @throws NOT_FOUND when nothing waits, or something else than the press names; as {@link submitKeyset}
 */
export async function pressForProposal(parts: KeysetParts, root: string, rawAck: string): Promise<AcceptedKeyset> {
  const proposal = await findProposal(parts, root)
  return submitKeyset(parts, root, { keyset: proposal.keyset, ack: rawAck })
}
