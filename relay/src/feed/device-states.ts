import { type Availability, type DeviceLine, type Health, health as healthCheck } from '@latchkey/shared'
import type { Database, DeviceStates, Queryable, Transaction } from '../flow.ts'

/** The household of a device id: one only, which enrolment sees to. */
export async function rootOfDevice(db: Queryable, device: string): Promise<string | null> {
  const [row] = await db.query<{ root: string }>('SELECT root FROM devices WHERE device = $1 LIMIT 1', [device])
  return row?.root ?? null
}

/** Every device of a household with a certificate in force, oldest first, and the newest that it said of itself. */
export async function listDevices(db: Queryable, root: string): Promise<DeviceLine[]> {
  const rows = await db.query<{
    device: string
    certificate: string
    available: Availability | null
    available_ms: number | null
    heard_ms: number | null
    health: unknown
    health_ms: number | null
  }>(
    `SELECT d.device, d.certificate, s.available, s.available_ms, s.heard_ms, s.health, s.health_ms
     FROM devices d LEFT JOIN device_states s ON s.device = d.device
     WHERE d.root = $1 AND d.revoked_ms IS NULL
       AND NOT EXISTS (SELECT FROM devices n WHERE n.thumbprint = d.thumbprint AND n.epoch > d.epoch)
     ORDER BY d.accepted_ms, d.certificate`,
    [root],
  )
  return rows.map((row) => {
    // Kept by an earlier release, in a form of its own, it is no health of today's.
    const health: Health | null = healthCheck.check(row.health) ? row.health : null
    return {
      type: 'device',
      device: row.device,
      certificate: row.certificate,
      available: row.available,
      availableMs: row.available_ms,
      heardMs: row.heard_ms,
      health,
      healthMs: health && row.health_ms,
    }
  })
}

const AVAILABLE = `INSERT INTO device_states AS s (device, available, available_ms, heard_ms) VALUES ($1, $2, $3, $4)
ON CONFLICT (device) DO UPDATE SET available = $2, heard_ms = coalesce($4, s.heard_ms),
  available_ms = CASE WHEN s.available = $2 THEN s.available_ms ELSE $3 END`

const HEALTH = `INSERT INTO device_states AS s (device, health, health_ms, heard_ms) VALUES ($1, $2::jsonb, $3, $4)
ON CONFLICT (device) DO UPDATE SET health = $2::jsonb, health_ms = $3, heard_ms = coalesce($4, s.heard_ms)`

/** The device spoke, now. */
export async function noteHeard(db: Queryable, device: string, nowMs: number): Promise<void> {
  await db.query(
    `INSERT INTO device_states (device, heard_ms) VALUES ($1, $2) ON CONFLICT (device) DO UPDATE SET heard_ms = $2`,
    [device, nowMs],
  )
}

/** Keeps what devices say of themselves. @param touch told after the commit whose devices may look different now */
export function createDeviceStates(database: Database, touch: (root: string) => void): DeviceStates {
  const change = (device: string, work: (tx: Transaction) => Promise<unknown>): Promise<void> =>
    database.transaction(async (tx) => {
      const root = await rootOfDevice(tx, device)
      if (root === null) return
      await work(tx)
      tx.onCommit(() => touch(root))
    })
  return {
    // "offline" is the broker's word, and what it kept is old: neither says that the device spoke now.
    recordAvailability: (device, available, { receivedMs, retained }) =>
      change(device, (tx) =>
        tx.query(AVAILABLE, [device, available, receivedMs, available === 'offline' || retained ? null : receivedMs]),
      ),
    recordHealth: (device, health, { receivedMs, retained }) =>
      change(device, (tx) =>
        tx.query(HEALTH, [device, JSON.stringify(health), receivedMs, retained ? null : receivedMs]),
      ),
    assumeOffline: async (nowMs) => {
      await database.query(
        "UPDATE device_states SET available = 'offline', available_ms = $1 WHERE available = 'online'",
        [nowMs],
      )
    },
  }
}
