import {
  decodeBase64url,
  deviceCertificate,
  type DeviceCertificate,
  hello,
  type Hello,
  isSignedBy,
  LatchkeyError,
  type PublicJwk,
  sealedLeafData,
  type Signed,
  signingMember,
  thumbprintOfUrn,
  urnOf,
  utf8,
} from '@latchkey/shared'
import type { Database, LeafLog, MemberCaller, Queryable, Transaction } from '../flow.ts'
import type { Clock } from '../kernel/clock.ts'
import type { LeafSettler } from '../kernel/leaf-settler.ts'
import { findDeviceByCertificate, findNewestDevice } from './device-store.ts'
import { findKeysetInForce, type StoredKeyset } from './keyset-store.ts'

/** What device enrolment needs of the world. */
export interface DeviceParts {
  readonly database: Database
  readonly leaves: LeafLog
  readonly settler: LeafSettler
  readonly clock: Pick<Clock, 'nowMs'>
  readonly publicOrigin: string
  readonly logVkey: string
  /** The devices of a household are others now. */
  touch(root: string): void
}

/** A phone presents a Pi that it paired. Untrusted: all of it. */
export interface NewDevice {
  readonly deviceCertificate: string
  readonly hello: string
  readonly salt: string
}

function refuse(reason: string): never {
  throw new LatchkeyError('DEVICE_INVALID', reason)
}

/** The Pi itself asked for this relay and log: nobody can enrol another's device. */
function assertHello(parts: DeviceParts, greeting: Signed<Hello>, certificate: Signed<DeviceCertificate>): void {
  const { latchkey, cnf, iss } = greeting.payload
  const jwk = cnf.jwk as PublicJwk
  if (iss !== urnOf(jwk) || !isSignedBy(greeting, jwk)) refuse('the hello is not signed by its device')
  if (latchkey.relay !== parts.publicOrigin || latchkey.logVkey !== parts.logVkey)
    refuse('the hello names another relay or log')
  const { payload } = certificate
  if (payload.latchkey.hello !== greeting.digest || payload.latchkey.epoch !== latchkey.epoch)
    refuse('the certificate names another hello')
  if (payload.sub !== iss || urnOf(payload.cnf.jwk) !== iss) refuse('the certificate names another key')
}

function assertVouched(certificate: Signed<DeviceCertificate>, root: string, inForce: StoredKeyset | null): void {
  if (!inForce || certificate.payload.latchkey.keyset !== inForce.signed.digest)
    throw new LatchkeyError('KEYSET_SUPERSEDED', 'the certificate names another keyset than the one in force')
  if (thumbprintOfUrn(certificate.payload.iss) !== root) refuse('the certificate is of another household')
  if (signingMember(inForce.signed.payload, certificate)?.role !== 'owner')
    refuse('the certificate is not signed by an owner')
}

/** A key is in one household at a time, and its epochs only grow. */
async function assertSucceeds(tx: Queryable, certificate: Signed<DeviceCertificate>, root: string): Promise<void> {
  const before = await findNewestDevice(tx, thumbprintOfUrn(certificate.payload.sub))
  if (!before) return
  if (before.root !== root && !before.revoked) refuse('this device belongs to another household')
  if (certificate.payload.latchkey.epoch <= deviceCertificate.parse(before.jws).payload.latchkey.epoch)
    refuse('a new certificate of a device needs a higher epoch')
}

/** Topics and states are named after the id: nobody takes the one of another household's device. */
async function assertIdFree(tx: Queryable, device: string, root: string): Promise<void> {
  await tx.query('SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [`devices/${device}`])
  const others = await tx.query('SELECT 1 FROM devices WHERE device = $1 AND root <> $2', [device, root])
  if (others.length > 0) refuse('another household has a device of this id')
}

/** @returns the ticket of its sealed leaf */
async function insert(
  parts: DeviceParts,
  tx: Transaction,
  root: string,
  enrolled: { readonly certificate: Signed<DeviceCertificate>; readonly salt: string },
): Promise<number> {
  const { certificate, salt } = enrolled
  const { payload } = certificate
  const data = sealedLeafData(decodeBase64url(salt), 'device', utf8(certificate.raw))
  const leaf = await parts.leaves.enqueue(tx, { type: 'sealed', data })
  await tx.query(
    `INSERT INTO devices (certificate, root, device, thumbprint, epoch, jws, salt, accepted_ms, leaf)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
    [
      certificate.digest,
      root,
      payload.latchkey.device,
      thumbprintOfUrn(payload.sub),
      payload.latchkey.epoch,
      certificate.raw,
      salt,
      parts.clock.nowMs(),
      leaf,
    ],
  )
  tx.onCommit(() => parts.touch(root))
  return leaf
}

/**
 * Enrols a Pi under its certificate; the same bytes again give the same answer. Its leaf is sealed and follows later.
 * @returns digest of the certificate
 * @throws DEVICE_INVALID | KEYSET_SUPERSEDED | CONFLICT | form codes
 */
export async function enrolDevice(parts: DeviceParts, caller: MemberCaller, raw: NewDevice): Promise<string> {
  const certificate = deviceCertificate.parse(raw.deviceCertificate)
  const { payload, digest } = certificate
  assertHello(parts, hello.parse(raw.hello), certificate)
  const ticket = await parts.database.transaction(async (tx) => {
    const known = await findDeviceByCertificate(tx, digest)
    if (known) return null
    assertVouched(certificate, caller.root, await findKeysetInForce(tx, caller.root, parts.clock.nowMs()))
    await assertSucceeds(tx, certificate, caller.root)
    await assertIdFree(tx, payload.latchkey.device, caller.root)
    return insert(parts, tx, caller.root, { certificate, salt: raw.salt })
  })
  if (ticket !== null) parts.settler.settleLater('devices', ticket)
  return digest
}
