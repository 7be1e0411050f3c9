import { dayRecord } from '@latchkey/shared'
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { createSeededRandom, runs, tellSoak } from '../support/counts.ts'
import {
  assertOpens,
  assertWholeChain,
  assertWholeDays,
  assertWholeEvents,
  loadHeldClips,
} from '../support/kill-checks.ts'
import { databaseUrlOf, loadDays, loadEvents } from '../support/kill-database.ts'
import { openDeviceRig, RIG_LOOPS } from '../support/kill-device-rig.ts'
import { createRelayBehindGates } from '../support/gated-relay.ts'
import { createGate } from '../support/kill-gate.ts'
import { createManualClock } from '../support/kill-manual-clock.ts'
import { createTemporaryFolder } from '../support/temporary-folder.ts'
import { createTestDatabase } from '../support/relay-database.ts'
import { enrolDevice, enrolHousehold } from '../support/relay-world.ts'
import { heldHeapBytes } from '../support/memory-watch.ts'

const HOUR_MS = 3_600_000
/** Hours. */
const DAY = 24
const ITEMS = 3
/** No pause between two attempts is longer. */
const RETRY_CAP_MS = 60_000
/** A day record that is due is signed with the next sign of life. */
const ALIVE_MS = 2 * 60_000
/** What the manual clock's steps may add to a pause. */
const STEP_MS = 5_000
/** Far above what a day of these clips takes, far below what anything that grows would. */
const DISK_LIMIT_BYTES = 4 * 1024 ** 2
const HEAP_LIMIT_BYTES = 128 * 1024 ** 2

async function bytesBelow(folder: string): Promise<number> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile())
  const sizes = await Promise.all(files.map(async (file) => (await stat(join(file.parentPath, file.name))).size))
  return sizes.reduce((sum, size) => sum + size, 0)
}

const pausesOf = (atMs: readonly number[]): number[] => atMs.slice(1).map((ms, i) => ms - atMs[i]!)

describe('an outage in fake time', () => {
  test.each([
    { hours: runs(8, DAY), what: 'relay and broker', away: ['http', 'broker'] as const },
    { hours: runs(4, DAY), what: 'broker', away: ['broker'] as const },
  ])(
    '$hours hours without $what end with everything at the relay, in order and once',
    async ({ hours, away }) => {
      const tried = { http: [] as number[], broker: [] as number[] }
      let now = (): number => 0
      await using http = await createGate(() => tried.http.push(now()))
      await using broker = await createGate(() => tried.broker.push(now()))
      await using store = await createTestDatabase()
      const { world, comeBack } = await createRelayBehindGates(databaseUrlOf(store.target), { http, broker })
      await using running = world
      await using folder = await createTemporaryFolder()
      const household = await enrolHousehold(running)
      const device = await enrolDevice(running, household)
      const random = createSeededRandom(86_400)
      let loops = 0
      const clock = createManualClock({
        startMs: running.clock.nowMs(),
        loops: () => loops,
        onMove: (ms) => running.clock.shift(ms),
      })
      now = () => clock.monotonicMs()
      await using rig = await openDeviceRig({
        folder: folder.path,
        world: running,
        household,
        device,
        clock,
        random: () => random(1_000) / 1_000,
        parallel: 1,
      })
      loops = RIG_LOOPS
      const isDrained = (): boolean =>
        rig.spool.status().clips === 0 && rig.outbox.waiting === 0 && rig.days.days().length === 0
      async function drain(): Promise<void> {
        const deadlineMs = performance.now() + 30_000
        while (!isDrained() && performance.now() < deadlineMs) await clock.advance(1_000)
        expect(isDrained()).toBe(true)
      }

      await rig.record(ITEMS)
      await drain()
      const fromMs = clock.monotonicMs()
      const heapBytes = heldHeapBytes()
      for (const gate of away) ({ http, broker })[gate].cut()
      for (let hour = 0; hour < hours; hour++) {
        await rig.record(ITEMS)
        await clock.advance(HOUR_MS)
      }
      // What can go, went; what cannot, waits; and nobody asked too seldom, or without end.
      expect(rig.outbox.waiting).toBe(2 * hours)
      expect(rig.spool.status()).toMatchObject({ clips: away.length === 2 ? hours : 0, droppedClips: 0 })
      const lost = away.length === 2 ? rig.uploads.attemptsMs : tried.broker
      const pausesMs = pausesOf(lost.filter((ms) => ms > fromMs))
      expect(Math.max(...pausesMs)).toBeLessThanOrEqual(RETRY_CAP_MS + STEP_MS)
      expect(pausesMs.length).toBeLessThan((2 * 2 * hours * HOUR_MS) / RETRY_CAP_MS)
      expect(await bytesBelow(folder.path)).toBeLessThan(DISK_LIMIT_BYTES)
      expect(heldHeapBytes() - heapBytes).toBeLessThan(HEAP_LIMIT_BYTES)

      comeBack()
      await drain()
      await rig.days.sign()
      await drain()
      const clips = await loadHeldClips(household.owner.client)
      expect(clips.map(({ signed }) => signed.payload.latchkey.sequence)).toEqual(clips.map((_, i) => i + 1))
      expect(clips).toHaveLength(hours + 1)
      assertWholeChain(clips, device.signer.jwk)
      for (const clip of clips) assertOpens(clip, household.recovery)
      expect(new Set(rig.uploads.succeeded).size).toBe(rig.uploads.succeeded.length)
      const events = await loadEvents(store.database)
      assertWholeEvents(events, clips)
      const arrived = await store.database.query<{ sequence: number }>(
        'SELECT sequence FROM device_events ORDER BY position',
      )
      expect(arrived.map(({ sequence }) => sequence)).toEqual(events.map(({ sequence }) => sequence))
      const days = await loadDays(store.database)
      assertWholeDays(days, events, clips)
      const spans = days.map((day) => dayRecord.parse(day).payload.latchkey)
      expect(spans.at(-1)!.toMs - spans[0]!.fromMs).toBeGreaterThanOrEqual(hours * HOUR_MS)
      for (const span of spans) expect(span.toMs - span.fromMs).toBeLessThanOrEqual(DAY * HOUR_MS + ALIVE_MS)
      tellSoak({
        what: `hours of fake time without ${away.length === 2 ? 'relay and broker' : 'broker'}`,
        count: hours,
        outcome: `${clips.length} clips and ${events.length} events drained in order, none twice`,
      })
    },
    runs(180_000, 1_800_000),
  )
})
