import { expect, test } from 'vitest'
import type { EventBody } from '../../device-agent/src/flow.ts'
import type { DataDisk, DiskState } from '../../device-agent/src/kernel/data-disk.ts'
import { judgeVitals } from '../../device-agent/src/kernel/vitals.ts'
import { createStorageWatch, type StorageWatch } from '../../device-agent/src/spool/storage-watch.ts'
import { watchSink } from '../../device-agent/src/watched-sink.ts'
import { silentLog } from '../support/agent-rig.ts'
import { createManualClock } from '../support/kill-manual-clock.ts'

const MINUTE_MS = 60_000

/** A watch over a disk that is well, and what it did, in order. */
function createRig(mend: (watch: () => StorageWatch, done: string[]) => Promise<void>) {
  const clock = createManualClock({ startMs: 1_750_000_000_000, loops: () => 0, onMove: () => {} })
  const listeners: ((state: DiskState) => void)[] = []
  const disk = { state: 'ok' as DiskState, listen: (listener: (state: DiskState) => void) => listeners.push(listener) }
  const done: string[] = []
  const watch: StorageWatch = createStorageWatch({
    disk: disk as unknown as DataDisk,
    clock,
    log: silentLog,
    record(body: EventBody) {
      done.push('state' in body ? body.state : body.type)
      return Promise.resolve()
    },
    mendEvents() {
      done.push('events mended')
      return Promise.resolve()
    },
    mend: () => mend(() => watch, done),
    onChange: () => {},
  })
  const enter = (state: DiskState) => {
    disk.state = state
    listeners.forEach((listener) => listener(state))
  }
  return { clock, watch, done, enter }
}

test('a clip that is being finished while the minute’s mending begins is finished', async () => {
  // As the sealer does: one change at a time, and the last step of a clip waits for the events before it.
  let finish: () => void = () => {}
  const finishing = new Promise<void>((resolve) => (finish = resolve))
  const rig = createRig(async (_, done) => {
    await finishing
    done.push('clips mended')
  })
  await using watch = rig.watch
  watch.record({ type: 'motion', event: 'AAAAAAAAAAAAAAAAAAAAAA', atMs: 1 })
  await rig.clock.advance(MINUTE_MS)
  await watch.recorded()
  finish()
  await rig.clock.advance(MINUTE_MS)
  await watch.recorded()
  expect(rig.done.slice(0, 3)).toEqual(['motion', 'events mended', 'clips mended'])
})

test('mending may itself wait for the events before it', async () => {
  const rig = createRig(async (watch, done) => {
    await watch().recorded()
    done.push('clips mended')
  })
  await using watch = rig.watch
  await rig.clock.advance(MINUTE_MS)
  await watch.recorded()
  expect(rig.done).toEqual(['events mended', 'clips mended'])
})

test('nothing is mended while the disk is away, and all of it when it is back', async () => {
  const rig = createRig((_, done) => {
    done.push('clips mended')
    return Promise.resolve()
  })
  await using watch = rig.watch
  rig.enter('read-only')
  await rig.clock.advance(MINUTE_MS)
  await watch.recorded()
  expect(rig.done).toEqual(['disk-lost'])
  rig.enter('ok')
  await rig.clock.advance(1)
  await watch.recorded()
  expect(rig.done.toSorted()).toEqual(['clips mended', 'disk-lost', 'disk-ok', 'events mended'])
  expect(rig.done.indexOf('events mended')).toBeLessThan(rig.done.indexOf('disk-ok'))
})

test('a piece of a clip that is never kept is told as stuck, and a disk that does not answer is not our fault', async () => {
  const clock = createManualClock({ startMs: 0, loops: () => 0, onMove: () => {} })
  const never = new Promise<void>(() => {})
  const done = () => Promise.resolve()
  const sink = watchSink({ start: done, item: done, end: () => never }, clock, () => {})
  const judge = (diskWaitingMs: number) =>
    judgeVitals({
      camera: 'on',
      newestFrameMs: clock.monotonicMs(),
      nowMs: clock.monotonicMs(),
      disk: 'ok',
      diskWaitingMs,
      clipWaitingMs: sink.waitingMs(),
      loopLagMs: 0,
    })
  await sink.item('a', { index: 0, kind: 'init', startMs: 0, durationMs: 0, bytes: new Uint8Array() })
  void sink.end({ clip: 'a', endMs: 0, gaps: [] })
  await clock.advance(MINUTE_MS)
  expect(judge(0)).toMatchObject({ healthy: true, stuck: false })
  await clock.advance(1_000)
  expect(judge(0)).toMatchObject({ healthy: false, stuck: true, findings: ['a clip has waited 61 s to be kept'] })
  expect(judge(61_000)).toMatchObject({ healthy: false, stuck: false })
})
