import { canonicalJson } from '@latchkey/shared'
import type { Database, DeviceEventLog, Queryable, TellHousehold } from '../flow.ts'

/** Locks the outbox's row for this transaction, so that events and hellos that arrive together count one after the other. */
const LOCK_STREAM = `INSERT INTO device_streams (device, stream, acknowledged) VALUES ($1, $2, 0)
ON CONFLICT (device, stream) DO UPDATE SET acknowledged = device_streams.acknowledged`

const INSERT_EVENT = `INSERT INTO device_events (device, stream, sequence, type, at_ms, received_ms, event)
VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (device, stream, sequence) DO NOTHING RETURNING sequence`

/** A sequence belongs to the unbroken run iff its distance to its rank among the later ones is the run's start. */
const ADVANCE = `UPDATE device_streams s SET acknowledged = coalesce((
  SELECT max(sequence) FROM (
    SELECT sequence, sequence - row_number() OVER (ORDER BY sequence) AS gap FROM device_events
    WHERE device = $1 AND stream = $2 AND sequence > s.acknowledged
  ) later WHERE gap = s.acknowledged
), s.acknowledged)
WHERE device = $1 AND stream = $2 RETURNING acknowledged`

async function advance(tx: Queryable, device: string, stream: string): Promise<number> {
  const [row] = await tx.query<{ acknowledged: number }>(ADVANCE, [device, stream])
  return row?.acknowledged ?? 0
}

/** What else an event does, in the transaction that commits it, from the other stages. */
export interface EventTelling {
  readonly tell: TellHousehold
  rootOfDevice(db: Queryable, device: string): Promise<string | null>
  noteHeard(db: Queryable, device: string, nowMs: number): Promise<void>
}

/** Device events in the relay's database. */
export function createPgDeviceEventLog(
  database: Database,
  { tell, rootOfDevice, noteHeard }: EventTelling,
): DeviceEventLog {
  return {
    recordEvent: (device, event, receivedMs) =>
      database.transaction(async (tx) => {
        const { stream, sequence, type, atMs } = event
        await tx.query(LOCK_STREAM, [device, stream])
        const row = [device, stream, sequence, type, atMs, receivedMs, canonicalJson(event)]
        const inserted = await tx.query(INSERT_EVENT, row)
        const isNew = inserted.length === 1
        const acknowledged = await advance(tx, device, stream)
        await noteHeard(tx, device, receivedMs)
        const root = isNew ? await rootOfDevice(tx, device) : null
        if (root !== null) await tell(tx, root, { type: 'event', device, event })
        return { isNew, acknowledged }
      }),
    recordHello: (device, { stream, firstUnacknowledged }) =>
      database.transaction(async (tx) => {
        await tx.query(LOCK_STREAM, [device, stream])
        await tx.query('UPDATE device_streams SET acknowledged = $3 WHERE device = $1 AND stream = $2', [
          device,
          stream,
          firstUnacknowledged - 1,
        ])
        return advance(tx, device, stream)
      }),
  }
}
