import { LatchkeyError, type PublicJwk, thumbprintOf } from '@latchkey/shared'
import { findAgencyAt } from './agency/agencies.ts'
import { findManifest } from './clip/manifests.ts'
import type { Queryable } from './flow.ts'
import { findKeyset } from './household/keyset-store.ts'
import { findPolicyAt } from './policy/policies.ts'
import type { BundleSources, QueuedJws } from './release/bundle.ts'
import { findRequest } from './request/request-store.ts'

/** What stood when the clip was released and is gone now. */
function found<T>(value: T | null | undefined): T {
  if (value === null || value === undefined) throw new LatchkeyError('NOT_FOUND', 'a part of this case is gone')
  return value
}

const keysetsUpTo: BundleSources['keysetsUpTo'] = async (db, root, digest) => {
  const { version } = found(await findKeyset(db, digest)).signed.payload.latchkey
  const rows = await db.query<{
    digest: string
    jws: string
    leaf: number
    ack_jws: string | null
    ack_certificate: string | null
  }>(
    `SELECT digest, jws, leaf, ack_jws, ack_certificate FROM keysets
     WHERE root = $1 AND version <= $2 AND log_index IS NOT NULL ORDER BY version`,
    [root, version],
  )
  return Promise.all(
    rows.map(async (row) => ({
      jws: row.jws,
      leaf: row.leaf,
      salt: null,
      ack: row.ack_jws === null ? null : { jws: row.ack_jws, deviceCertificate: row.ack_certificate! },
      approvals: (await approvalsOf(db, row.digest)).map((approval) => approval.jws),
    })),
  )
}

function approvalsOf(db: Queryable, subject: string): Promise<QueuedJws[]> {
  return db.query(
    'SELECT jws, leaf, salt FROM approvals WHERE subject = $1 AND log_index IS NOT NULL ORDER BY log_index',
    [subject],
  )
}

/** Where the stages keep what an evidence bundle is made of. */
export const bundleSources: BundleSources = {
  rootJwk: async (db, root) => {
    const [row] = await db.query<{ root_jwk: PublicJwk }>('SELECT root_jwk FROM households WHERE root = $1', [root])
    const jwk = found(row).root_jwk
    if (thumbprintOf(jwk) !== root) throw new LatchkeyError('INTERNAL', 'a household has another root key')
    return jwk
  },
  keysetsUpTo,
  device: async (db, certificate) => {
    const [row] = await db.query<{ jws: string; leaf: number; salt: string }>(
      'SELECT jws, leaf, salt FROM devices WHERE certificate = $1',
      [certificate],
    )
    return found(row)
  },
  manifest: async (db, digest) => {
    const stored = found(await findManifest(db, digest))
    return { jws: stored.signed.raw, descriptors: stored.descriptors }
  },
  request: async (db, digest) => {
    const stored = found(await findRequest(db, digest))
    return {
      jws: stored.request.raw,
      leaf: stored.leaf,
      salt: null,
      investigator: stored.certificate.raw,
      policy: stored.request.payload.latchkey.policy,
      index: found(stored.logIndex),
    }
  },
  agencyAt: async (db, uri, index) => found(await findAgencyAt(db, uri, index)),
  policyAt: findPolicyAt,
  approvals: approvalsOf,
  revocations: (db, subjects) =>
    db.query(
      `SELECT jws, leaf, salt FROM revocations WHERE subject = ANY($1::text[]) AND log_index IS NOT NULL
       ORDER BY log_index`,
      [subjects],
    ),
}
