import type { Queryable } from '../flow.ts'
import type { Clock } from '../kernel/clock.ts'

/** Timers of several machines are not quite alike. */
const EARLY = 0.9

/** Also when the clock of whoever did it last was ahead of ours. */
const CLAIM = `INSERT INTO job_runs AS r (job, instance, claimed_ms) VALUES ($1, $2, $3)
ON CONFLICT (job) DO UPDATE SET instance = $2, claimed_ms = $3
WHERE r.instance = $2 OR r.claimed_ms <= $4 OR r.claimed_ms > $3 RETURNING job`

/** A regular task. */
export interface SharedJob {
  readonly name: string
  readonly everyMs: number
  run(): Promise<unknown>
}

/**
 * A task of which one of several relays takes care: whoever did it last goes on, another steps in when it is overdue. Two may still
 * run it at once, so it must be idempotent.
 * @returns the task as each of them schedules it
 */
export function shareJob(
  parts: { readonly database: Queryable; readonly clock: Pick<Clock, 'nowMs'>; readonly instance: string },
  job: SharedJob,
): () => Promise<unknown> {
  const { database, clock, instance } = parts
  return async () => {
    const nowMs = clock.nowMs()
    const overdueMs = nowMs - Math.floor(job.everyMs * EARLY)
    const claimed = await database.query(CLAIM, [job.name, instance, nowMs, overdueMs])
    return claimed.length > 0 ? job.run() : 'elsewhere'
  }
}
