import { canonicalBytes, dayRecord, digestOf, isSignedBy } from '@latchkey/shared'
import { readFile, stat, writeFile } from 'node:fs/promises'
import { describe, expect, test } from 'vitest'
import { watchingOf } from '../../device-agent/src/day/day-state.ts'
import { openDayFile } from '../../device-agent/src/day/disk-day-recorder.ts'
import { DAY_FAILPOINTS } from '../../device-agent/src/day/disk-day-store.ts'
import type { EventBody } from '../../device-agent/src/flow.ts'
import { armFailpoint, type Failpoints } from '../../device-agent/src/kernel/failpoint.ts'
import { openDiskOutbox } from '../../device-agent/src/link/disk-outbox.ts'
import { clipId, createTestDevice, TEST_CLOCK, type TestDevice } from '../support/agent-rig.ts'
import { createTemporaryFolder } from '../support/temporary-folder.ts'
import { eventually } from '../support/poll.ts'

const START = 1_700_000_000_000

/** Nothing that waits on it wakes before it is told to end. */
const frozenClock = {
  nowMs: () => START,
  monotonicMs: () => 1,
  sleep: (_: number, signal?: AbortSignal) =>
    new Promise<void>((resolve) => signal?.addEventListener('abort', () => resolve())),
  setTimer: () => ({ cancel: () => {} }),
}

/** A day recorder with its outbox, on a clock that stands where the test puts it. */
async function openDay(
  folder: string,
  options: { nowMs: number; device: TestDevice; failpoints?: Failpoints; monotonicMs?: number; maximumEvents?: number },
) {
  const { device } = options
  const sleepers = new Set<() => void>()
  const sleep = (_: number, signal?: AbortSignal) =>
    new Promise<void>((resolve) => {
      sleepers.add(resolve)
      signal?.addEventListener('abort', () => resolve())
    })
  const clock = { ...frozenClock, sleep, nowMs: () => options.nowMs, monotonicMs: () => options.monotonicMs ?? 1 }
  const { maximumEvents = 100 } = options
  const file = await openDayFile(`${folder}/day.json`, options.failpoints)
  const outbox = await openDiskOutbox({
    path: `${folder}/outbox.log`,
    stamp: () => ({ boot: device.boot, monotonicMs: clock.monotonicMs(), clock: TEST_CLOCK }),
    maximumEvents,
    keepAfter: file.keepAfter,
  })
  const record = async (body: EventBody) => {
    await outbox.append(body)
  }
  const start = () =>
    file.start({
      identity: device,
      keyset: () => device.deviceCertificate,
      events: outbox,
      head: () => ({ sequence: 2, digest: device.deviceCertificate }),
      seen: () => null,
      record,
      clock,
      onFault: (error) => {
        // A death that was asked for is no fault.
        if (options.failpoints === undefined) throw error
      },
    })
  const at = (ms: number, monotonicMs = 1) => Object.assign(options, { nowMs: ms, monotonicMs })
  /** The minute is over: whoever waits for it goes on. */
  const wake = () => sleepers.forEach((go) => go())
  return { outbox, record, start, at, wake }
}

/** The last sign of life on the disk. */
const aliveIn = (folder: string) => readFile(`${folder}/alive`, 'utf8').catch(() => '')

describe('day records', () => {
  test('hash tens of thousands of events, as many as a long outage leaves', async () => {
    await using folder = await createTemporaryFolder()
    const device = createTestDevice()
    const { outbox, record } = await openDay(folder.path, { nowMs: START, device })
    await record({ type: 'motion', event: clipId(1), atMs: START })
    const many = Array.from({ length: 60_000 }, () => outbox.at(1)!)
    const file = await openDayFile(`${folder.path}/day.json`)
    await using days = await file.start({
      identity: device,
      keyset: () => device.deviceCertificate,
      events: { stream: outbox.stream, last: many.length, after: () => many, keepAfter: () => {} },
      head: () => ({ sequence: 0, digest: null }),
      seen: () => null,
      record,
      clock: { ...frozenClock, nowMs: () => START + 1 },
      onFault(error) {
        throw error
      },
    })
    await days.sign()
    const { events } = dayRecord.parse(days.days()[0]!.day).payload.latchkey
    const one = canonicalBytes(many[0]!)
    expect(events.sha256).toBe(digestOf(Buffer.concat(many.map(() => one))))
  })

  test('say without a hole what was watched, and hash every event', async () => {
    await using folder = await createTemporaryFolder()
    const device = createTestDevice()
    const { outbox, record, start, at } = await openDay(folder.path, { nowMs: START, device })
    await using days = await start()
    await record({ type: 'state', state: 'on', atMs: START + 10 })
    await record({ type: 'motion', event: clipId(1), atMs: START + 20 })
    await record({ type: 'state', state: 'camera-lost', atMs: START + 30 })
    at(START + 50)
    await days.sign()
    const signed = dayRecord.parse(days.days()[0]!.day)
    expect(isSignedBy(signed, device.signer.jwk)).toBe(true)
    expect(signed.payload.latchkey).toMatchObject({
      fromMs: START,
      toMs: START + 50,
      watching: [
        { fromMs: START, toMs: START + 10, state: 'stopped' },
        { fromMs: START + 10, toMs: START + 30, state: 'on' },
        { fromMs: START + 30, toMs: START + 50, state: 'camera-lost' },
      ],
      events: {
        stream: outbox.stream,
        first: 1,
        last: 3,
        sha256: digestOf(...outbox.after(0).map((event) => canonicalBytes(event))),
      },
    })
  })

  test('date a crash by the last sign of life, and say stopped from then on', async () => {
    await using folder = await createTemporaryFolder()
    const device = createTestDevice()
    const before = await openDay(folder.path, { nowMs: START, device })
    await before.start()
    await before.record({ type: 'state', state: 'on', atMs: START + 10 })
    const after = await openDay(folder.path, { nowMs: START + 100, device })
    await using days = await after.start()
    const { latchkey } = dayRecord.parse(days.days()[0]!.day).payload
    expect(latchkey.watching).toEqual(
      [
        { fromMs: START, toMs: START + 10, state: 'stopped' },
        { fromMs: START + 10, toMs: START + 10, state: 'on' },
        { fromMs: START + 10, toMs: START + 100, state: 'stopped' },
      ].filter(({ fromMs, toMs }) => fromMs < toMs),
    )
    expect(after.outbox.after(0).map((event) => event.type === 'state' && event.state)).toEqual(['on', 'stopped'])
  })

  test('wait on disk until the relay has signed for them', async () => {
    await using folder = await createTemporaryFolder()
    const device = createTestDevice()
    const first = await openDay(folder.path, { nowMs: START, device })
    await using days = await first.start()
    first.at(START + 5)
    await days.sign()
    const again = await openDay(folder.path, { nowMs: START + 5, device })
    await using later = await again.start()
    expect(later.days()).toEqual(days.days())
    await later.keepDayReceipt(later.days()[0]!.digest)
    expect(later.days()).toEqual([])
  })

  test('claim no watching of a time whose events are gone', async () => {
    await using folder = await createTemporaryFolder()
    const device = createTestDevice()
    const { outbox, record, start, at } = await openDay(folder.path, { nowMs: START, device, maximumEvents: 2 })
    await using days = await start()
    await record({ type: 'state', state: 'on', atMs: START })
    at(START + 10)
    await days.sign()
    for (let n = 0; n < 300; n++) await record({ type: 'motion', event: clipId(1), atMs: START + 20 })
    outbox.acknowledge(outbox.stream, outbox.last)
    await record({ type: 'state', state: 'privacy', atMs: START + 30 })
    expect(outbox.after(0).length).toBeLessThan(300)
    at(START + 40)
    await days.sign()
    const { watching, events } = dayRecord.parse(days.days().at(-1)!.day).payload.latchkey
    expect(watching).toEqual([
      { fromMs: START + 10, toMs: START + 30, state: 'stopped' },
      { fromMs: START + 30, toMs: START + 40, state: 'privacy' },
    ])
    expect(events.first).toBeGreaterThan(2)
    expect(events.last).toBe(outbox.last)
  })

  test('cost one small file a minute, however many of them wait for the relay', async () => {
    await using folder = await createTemporaryFolder()
    const device = createTestDevice()
    const { record, start, at, wake } = await openDay(folder.path, { nowMs: START, device })
    await using days = await start()
    await record({ type: 'state', state: 'on', atMs: START })
    for (let day = 1; day <= 30; day++) {
      at(START + day * 1_000)
      await days.sign()
    }
    const file = () => stat(`${folder.path}/day.json`)
    const { ino, mtimeMs, size } = await file()
    expect(size).toBeGreaterThan(20_000)
    at(START + 90_000)
    wake()
    await eventually(async () => (await aliveIn(folder.path)) === String(START + 90_000), 'the sign of life')
    expect(await file()).toMatchObject({ ino, mtimeMs })
    // It dates a crash as closely as ever.
    const after = await openDay(folder.path, { nowMs: START + 200_000, device })
    await using later = await after.start()
    const { watching } = dayRecord.parse(later.days().at(-1)!.day).payload.latchkey
    expect(watching).toEqual([
      { fromMs: START + 30_000, toMs: START + 90_000, state: 'on' },
      { fromMs: START + 90_000, toMs: START + 200_000, state: 'stopped' },
    ])
  })

  test.each(['', '12', 'x', '99999999999999999', '-5'])(
    'live with a sign of life that the disk made %j',
    async (text) => {
      await using folder = await createTemporaryFolder()
      const device = createTestDevice()
      const before = await openDay(folder.path, { nowMs: START, device })
      await before.start()
      await before.record({ type: 'state', state: 'on', atMs: START + 10 })
      await writeFile(`${folder.path}/alive`, text)
      const after = await openDay(folder.path, { nowMs: START + 100, device })
      await using days = await after.start()
      expect(dayRecord.parse(days.days()[0]!.day).payload.latchkey.watching.at(-1)).toEqual({
        fromMs: START + 10,
        toMs: START + 100,
        state: 'stopped',
      })
    },
  )

  test('cover every moment and event once, wherever a crash fell', async () => {
    for (const name of DAY_FAILPOINTS)
      for (const skip of [0, 1]) {
        await using folder = await createTemporaryFolder()
        const device = createTestDevice()
        const failpoints = armFailpoint(name, 'throw', skip)
        const before = await openDay(folder.path, { nowMs: START, device, failpoints })
        const days = await before.start().catch(() => null)
        await before.record({ type: 'motion', event: clipId(1), atMs: START + 1 })
        before.at(START + 10)
        await days?.sign().catch(() => {})
        before.wake()
        if (name.startsWith('day.alive')) await eventually(() => failpoints.reached, name)
        const after = await openDay(folder.path, { nowMs: START + 20, device })
        await using recorder = await after.start()
        after.at(START + 30)
        await recorder.sign()
        const spans = recorder.days().map(({ day }) => dayRecord.parse(day).payload.latchkey)
        expect(spans.length).toBeGreaterThan(0)
        for (const [i, span] of spans.entries()) if (i > 0) expect(span.fromMs).toBe(spans[i - 1]!.toMs)
        expect(spans.at(-1)!.toMs).toBe(START + 30)
        expect(spans.filter((span) => span.events.first === 1).length).toBeLessThanOrEqual(1)
      }
  })

  test('stay in order when the clock is set back in between', () => {
    const event = (state: 'on' | 'stopped', atMs: number) => ({ type: 'state', state, atMs }) as never
    const span = { fromMs: 100, toMs: 200, state: 'stopped' as const }
    const stretches = watchingOf(span, [event('on', 150), event('stopped', 120), event('on', 999)])
    expect(stretches).toEqual([
      { fromMs: 100, toMs: 150, state: 'stopped' },
      { fromMs: 150, toMs: 200, state: 'stopped' },
    ])
  })

  test('of a device that boots in 1970 give every event its true time once the clock is set', async () => {
    await using folder = await createTemporaryFolder()
    const device = createTestDevice()
    const { record, start, at } = await openDay(folder.path, { nowMs: 5_000, monotonicMs: 5_000, device })
    await using days = await start()
    at(8_000, 8_000)
    await record({ type: 'state', state: 'on', atMs: 8_000 })
    at(START, 100_000)
    await days.sign()
    const { latchkey } = dayRecord.parse(days.days()[0]!.day).payload
    const bootMs = START - 100_000
    expect(latchkey.watching).toEqual([
      { fromMs: 5_000, toMs: bootMs + 5_000, state: 'stopped' },
      { fromMs: bootMs + 5_000, toMs: bootMs + 8_000, state: 'stopped' },
      { fromMs: bootMs + 8_000, toMs: START, state: 'on' },
    ])
  })

  test('after a power cut sign nothing until the clock is set, and then say stopped for as long as it was', async () => {
    await using folder = await createTemporaryFolder()
    const device = createTestDevice()
    const before = await openDay(folder.path, { nowMs: START, device })
    await before.start()
    await before.record({ type: 'state', state: 'on', atMs: START + 10 })
    const rebooted = { ...device, boot: clipId(3) }
    const after = await openDay(folder.path, { nowMs: 7_000, monotonicMs: 7_000, device: rebooted })
    await using days = await after.start()
    await after.record({ type: 'state', state: 'on', atMs: 7_000 })
    expect(days.days()).toEqual([])
    after.at(START + 1_000_000, 60_000)
    await days.sign()
    const { latchkey } = dayRecord.parse(days.days()[0]!.day).payload
    expect(latchkey.watching).toEqual([
      { fromMs: START, toMs: START + 10, state: 'stopped' },
      { fromMs: START + 10, toMs: START + 1_000_000 - 53_000, state: 'stopped' },
      { fromMs: START + 1_000_000 - 53_000, toMs: START + 1_000_000, state: 'on' },
    ])
  })
})
