/** What doorbells signed about the days in which nothing happened: the only word that there was nothing to record. */
import {
  type DayRecord,
  dayList,
  dayRecord,
  type DeviceCertificate,
  isSignedBy,
  type Signed,
  urnOf,
} from '@latchkey/shared'
import type { Home } from '../household/home.ts'
import { memberClient } from '../household/relay-clients.ts'
import type { KnownDoorbell } from './known-doorbells.ts'

/** Of all doorbells. */
export interface DayRecords {
  /** By the digest of the certificate. */
  readonly byDoorbell: ReadonlyMap<string, readonly DayRecord[]>
  /** How many the relay sent that no trusted doorbell signed. */
  readonly refused: number
}

function isOf({ payload }: Signed<DayRecord>, { payload: { cnf, latchkey } }: Signed<DeviceCertificate>): boolean {
  return payload.iss === urnOf(cnf.jwk) && payload.latchkey.epoch === latchkey.epoch
}

/** Untrusted: `raw`. `null` when no doorbell that was trusted then stands behind it. */
function believe(raw: string, doorbells: readonly KnownDoorbell[]): DayRecord | null {
  try {
    const signed = dayRecord.parse(raw)
    const { latchkey, iat } = signed.payload
    const by = doorbells.find(({ certificate }) => certificate.digest === latchkey.deviceCertificate)
    if (by === undefined || !isOf(signed, by.certificate)) return null
    const wasTrusted = by.revokedMs === null || iat * 1000 < by.revokedMs
    return wasTrusted && isSignedBy(signed, by.certificate.payload.cnf.jwk) ? signed.payload : null
  } catch {
    return null
  }
}

/** @throws UNAVAILABLE | MESSAGE_INVALID */
export async function loadDays(home: Home, doorbells: readonly KnownDoorbell[]): Promise<DayRecords> {
  const asMember = await memberClient(home)
  const { days } = await asMember.json('GET', '/v1/days', dayList)
  const believed = days.map((raw) => believe(raw, doorbells)).filter((record) => record !== null)
  const byDoorbell = new Map(
    doorbells.map(({ certificate: { digest } }) => [
      digest,
      believed.filter(({ latchkey }) => latchkey.deviceCertificate === digest),
    ]),
  )
  return { byDoorbell, refused: days.length - believed.length }
}
