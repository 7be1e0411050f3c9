import type { DeviceList } from '@latchkey/shared'
import type { Queryable } from '../flow.ts'

/** A household has a handful; more is somebody playing. */
const MAX_DEVICES = 200
/** Of one certificate: the first ones say it. */
const MAX_WORDS = 10

/**
 * Devices of a household with all that was said against them: members who did not pair or revoke one hear of it here, and
 * find both in the log for themselves.
 */
export const listHouseholdDevices = (db: Queryable, root: string): Promise<DeviceList['devices'][number][]> =>
  db.query(
    `SELECT d.jws AS "deviceCertificate", d.accepted_ms AS "acceptedMs", d.salt, d.log_index AS index,
       (SELECT coalesce(jsonb_agg(jsonb_build_object('revocation', w.jws, 'salt', w.salt, 'index', w.log_index,
            'receivedMs', w.received_ms) ORDER BY w.leaf), '[]'::jsonb)
        FROM (SELECT * FROM revocations r WHERE r.subject = d.certificate AND r.root = d.root
              ORDER BY r.leaf LIMIT ${MAX_WORDS}) w) AS revocations
     FROM devices d WHERE d.root = $1 ORDER BY d.accepted_ms, d.certificate LIMIT ${MAX_DEVICES}`,
    [root],
  )
