import { expect, test } from 'vitest'
import { createSeededRandom, runs, tellSoak } from '../support/counts.ts'
import { createRelayBehindGates } from '../support/gated-relay.ts'
import {
  assertOpens,
  assertWholeChain,
  assertWholeDays,
  assertWholeEvents,
  loadHeldClips,
} from '../support/kill-checks.ts'
import { databaseUrlOf, loadDays, loadEvents } from '../support/kill-database.ts'
import { type DeviceRig, openDeviceRig, RIG_LOOPS } from '../support/kill-device-rig.ts'
import { createGate } from '../support/kill-gate.ts'
import { createManualClock } from '../support/kill-manual-clock.ts'
import { createTemporaryFolder } from '../support/temporary-folder.ts'
import { createMortalLife, type MortalLife } from '../support/mortal-life.ts'
import { eventually } from '../support/poll.ts'
import { createTestDatabase } from '../support/relay-database.ts'
import { enrolDevice, enrolHousehold, randomId } from '../support/relay-world.ts'

const HOURS = runs(2, 24)
const OUTAGE_MS = HOURS * 3_600_000
/** Lives of the agent during the outage. */
const LIVES = runs(8, 144)
/** In turn: stopped; killed in a change to the disk, of whatever kind; killed while it waits. */
const ENDS = ['stopped', 'struck', 'killed', 'struck'] as const
/** Events that the outbox says it has. */
const EVENTS = runs(200, 10_000)
/** Steps of a life between which time passes. */
const STEPS = runs(2, 4)
/** Of fake time between two looks, which are some 10 ms apart. */
const DRAIN_STEP_MS = 250
/** Changes to the disk of such a life: of its recovery, of events, of a clip and of day records. */
const CALLS = 200
const ITEMS = 2

test(
  `${LIVES} lives in ${HOURS} hours without relay and broker end with ${EVENTS} events at the relay, in order and once`,
  async () => {
    await using http = await createGate()
    await using broker = await createGate()
    await using store = await createTestDatabase()
    const { world, comeBack } = await createRelayBehindGates(databaseUrlOf(store.target), { http, broker })
    await using running = world
    await using folder = await createTemporaryFolder()
    const household = await enrolHousehold(running)
    const device = await enrolDevice(running, household)
    const random = createSeededRandom(864)
    /** The life whose loops time has to wait for. */
    let alive: MortalLife | null = null
    const clock = createManualClock({
      startMs: running.clock.nowMs(),
      loops: () => (alive === null || alive.isDead ? 0 : RIG_LOOPS),
      onMove: (ms) => running.clock.shift(ms),
    })
    /** Of every event that was kept, the place it was given. */
    const kept = new Map<string, number>()
    const deaths = { killed: 0, struck: 0, born: 0 }

    const open = (life: MortalLife): Promise<DeviceRig> =>
      openDeviceRig({
        folder: folder.path,
        world: running,
        household,
        device,
        clock: life.clock,
        disk: life.disk,
        random: () => random(1_000) / 1_000,
        parallel: 1,
      })

    async function happen(rig: DeviceRig, count: number): Promise<void> {
      for (let n = 0; n < count && kept.size < EVENTS; n++) {
        const event = await rig.outbox.append({ type: 'motion', event: randomId(), atMs: clock.nowMs() })
        kept.set(event.id, event.sequence)
      }
    }

    /** One life: things happen, time passes, again; a strike may end it at any change to the disk. */
    async function live(life: MortalLife, rig: DeviceRig, count: number): Promise<void> {
      alive = life
      for (let step = 0; step < STEPS && !life.isDead; step++) {
        await Promise.race([happen(rig, Math.ceil(count / STEPS)), life.death])
        if (step === 0) await Promise.race([rig.record(ITEMS), life.death])
        await clock.advance(OUTAGE_MS / LIVES / STEPS)
      }
    }

    async function liveAndDie(end: (typeof ENDS)[number], count: number): Promise<void> {
      const life = createMortalLife(clock)
      if (end === 'struck') life.dieAt(1 + random(CALLS))
      alive = null
      const rig = await Promise.race([open(life), life.death])
      if (rig === undefined) {
        deaths.born++
        return
      }
      await live(life, rig, count)
      alive = null
      if (life.isDead) deaths.struck++
      else if (end === 'stopped') await rig[Symbol.asyncDispose]()
      else deaths.killed++
      life.end()
    }

    http.cut()
    broker.cut()
    const fromMs = clock.monotonicMs()
    for (let life = 0; life < LIVES; life++)
      await liveAndDie(ENDS[life % ENDS.length]!, Math.ceil((EVENTS - kept.size) / (LIVES - life)))

    const last = createMortalLife(clock)
    await using rig = await open(last)
    alive = last
    await happen(rig, EVENTS)
    await clock.advance(Math.max(0, fromMs + OUTAGE_MS - clock.monotonicMs()))
    expect(rig.outbox.firstUnacknowledged).toBe(1)
    expect(rig.outbox.waiting).toBeGreaterThanOrEqual(EVENTS)
    comeBack()
    const isDrained = (): boolean =>
      rig.spool.status().clips === 0 && rig.outbox.waiting === 0 && rig.days.days().length === 0
    /** Time passes no faster than a real relay can answer in it. */
    const drain = (): Promise<unknown> =>
      eventually(
        async () => {
          await clock.advance(DRAIN_STEP_MS)
          return isDrained()
        },
        'everything to leave',
        runs(60_000, 600_000),
      )
    await drain()
    await rig.days.sign()
    await drain()

    const events = await loadEvents(store.database)
    const arrived = await store.database.query<{ sequence: number }>(
      'SELECT sequence FROM device_events ORDER BY position',
    )
    expect(arrived.map(({ sequence }) => sequence)).toEqual(events.map((_, i) => i + 1))
    const told = new Map(events.map(({ id, sequence }) => [id, sequence]))
    expect([...kept].filter(([id, sequence]) => told.get(id) !== sequence)).toEqual([])
    expect(kept.size).toBe(EVENTS)
    const clips = await loadHeldClips(household.owner.client)
    assertWholeChain(clips, device.signer.jwk)
    for (const clip of clips) assertOpens(clip, household.recovery)
    assertWholeEvents(events, clips)
    assertWholeDays(await loadDays(store.database), events, clips)
    tellSoak({
      what: 'events of a day of fake time without relay and broker, agent restarted again and again',
      count: EVENTS,
      outcome: `0 lost, each once by sequence, in order; ${LIVES} restarts, ${deaths.killed + deaths.struck + deaths.born} of them crashes`,
    })
  },
  runs(120_000, 1_800_000),
)
