import { deviceCertificate, thumbprintOfUrn } from '@latchkey/shared'
import type { DeviceCaller, Queryable } from '../flow.ts'

/** A certificate in the store. */
export interface StoredDevice {
  readonly certificate: string
  readonly root: string
  readonly device: string
  readonly jws: string
  readonly revoked: boolean
}

interface DeviceRow {
  certificate: string
  root: string
  device: string
  jws: string
  revoked_ms: number | null
}

const COLUMNS = 'certificate, root, device, jws, revoked_ms'
const parseRow = ({ revoked_ms, ...row }: DeviceRow): StoredDevice => ({ ...row, revoked: revoked_ms !== null })

/** The newest certificate of a device key, revoked or not. */
export async function findNewestDevice(db: Queryable, thumbprint: string): Promise<StoredDevice | null> {
  const [row] = await db.query<DeviceRow>(
    `SELECT ${COLUMNS} FROM devices WHERE thumbprint = $1 ORDER BY epoch DESC LIMIT 1`,
    [thumbprint],
  )
  return row ? parseRow(row) : null
}

/** The device in force behind a URN: newest certificate, not revoked. */
export async function findDeviceOfUrn(db: Queryable, urn: string): Promise<StoredDevice | null> {
  const device = await findNewestDevice(db, thumbprintOfUrn(urn))
  return device?.revoked ? null : device
}

/** By certificate digest, revoked or not: old clips keep their certificate. */
export async function findDeviceByCertificate(db: Queryable, certificate: string): Promise<StoredDevice | null> {
  const [row] = await db.query<DeviceRow>(`SELECT ${COLUMNS} FROM devices WHERE certificate = $1`, [certificate])
  return row ? parseRow(row) : null
}

/** The device that a key is, when its newest certificate is in force. */
export async function findDevice(db: Queryable, thumbprint: string): Promise<DeviceCaller | null> {
  const found = await findNewestDevice(db, thumbprint)
  if (!found || found.revoked) return null
  const urn = deviceCertificate.parse(found.jws).payload.sub
  return { kind: 'device', thumbprint, urn, root: found.root, device: found.device, certificate: found.certificate }
}

/** Is the device's newest certificate in force? For the broker, which knows devices by id. */
export async function isDeviceInForce(db: Queryable, device: string, thumbprint: string): Promise<boolean> {
  const found = await findDevice(db, thumbprint)
  return found?.device === device
}

/** Revokes a certificate of a household, now. @returns the device; null when the household has none of this digest */
export async function revokeDevice(
  tx: Queryable,
  certified: { readonly root: string; readonly certificate: string; readonly nowMs: number },
): Promise<string | null> {
  const [row] = await tx.query<{ device: string }>(
    'UPDATE devices SET revoked_ms = coalesce(revoked_ms, $3) WHERE root = $1 AND certificate = $2 RETURNING device',
    [certified.root, certified.certificate, certified.nowMs],
  )
  return row?.device ?? null
}

/** Is this certificate not revoked, and stays so until `tx` ends? */
export async function holdDevice(tx: Queryable, certificate: string): Promise<boolean> {
  const sql = 'SELECT 1 FROM devices WHERE certificate = $1 AND revoked_ms IS NULL FOR SHARE'
  return (await tx.query(sql, [certificate])).length > 0
}

/** Is the leaf of this certificate published? */
export async function isDeviceLogged(db: Queryable, certificate: string): Promise<boolean> {
  const rows = await db.query('SELECT 1 FROM devices WHERE certificate = $1 AND log_index IS NOT NULL', [certificate])
  return rows.length > 0
}
