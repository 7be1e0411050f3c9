import { expect, test } from 'vitest'
import { createLiveCaptureTime } from '../../device-agent/src/camera/capture-time.ts'
import { createClipCutter } from '../../device-agent/src/clip/clip-cutter.ts'
import type { ClipEnd, ClipStart, PlainItem, VideoFormat } from '../../device-agent/src/flow.ts'
import { createClockSource } from '../../device-agent/src/seal/clock-source.ts'
import { clipId, createTestDevice, openAgentRig, recordClip } from '../support/agent-rig.ts'
import { createTemporaryFolder } from '../support/temporary-folder.ts'

const FRAME_MS = 100
const FORMAT: VideoFormat = { codec: 'h264', width: 16, height: 16, timescale: 1_000, init: new Uint8Array(0) }

/** A camera filmed in 1970, whose machine's clock is set `stepMs` ahead after ten seconds. */
async function filmAcrossStep(stepMs: number) {
  const starts: ClipStart[] = []
  const ends: ClipEnd[] = []
  const items: PlainItem[] = []
  const cutter = createClipCutter({
    camera: 'Front door',
    config: { preRollMs: 1_000, postRollMs: 30_000, maxClipMs: 60_000, maxBytes: 1 << 20 },
    makePoster: () => Promise.resolve(undefined),
    sink: {
      start: (start) => Promise.resolve(void starts.push(start)),
      item: (_, item) => Promise.resolve(void items.push(item)),
      end: (end) => Promise.resolve(void ends.push(end)),
    },
    onEvent: () => {},
    onFault(error) {
      throw error
    },
  })
  cutter.begin(FORMAT)
  const stamp = createLiveCaptureTime()
  for (let frame = 0; frame < 200; frame++) {
    const [ptsMs, keyframe] = [frame * FRAME_MS, frame % 10 === 0]
    const monotonicMs = 20_000 + ptsMs
    const nowMs = monotonicMs + (ptsMs >= 10_000 ? stepMs : 0)
    const stamped = stamp({ ptsMs, dtsMs: ptsMs, keyframe }, { nowMs, monotonicMs })
    const ticks = { dtsTicks: ptsMs, ptsTicks: ptsMs, durationTicks: FRAME_MS }
    cutter.add({ data: new Uint8Array(10), ...ticks, keyframe, ...stamped })
    if (frame === 30) cutter.ring(stamped.captureMs)
    if (frame === 130 && stepMs > 1_000) cutter.ring(stamped.captureMs)
  }
  await cutter.finish()
  return { starts, ends, media: items.filter(({ kind }) => kind === 'media') }
}

test('a clip ends where the clock is set, loses no frame, and the next begins at the true time', async () => {
  const stepMs = Date.UTC(2026, 10, 22)
  const { starts, ends, media } = await filmAcrossStep(stepMs)
  expect(starts).toHaveLength(2)
  expect(ends[0]!.endMs).toBeLessThan(60_000)
  expect(starts[1]!.startMs).toBeGreaterThanOrEqual(stepMs)
  for (const { startMs, durationMs } of media) expect(startMs + durationMs < 60_000 || startMs >= stepMs).toBe(true)
  const before = media.filter(({ startMs }) => startMs < 60_000)
  expect(before.at(-1)!.startMs + before.at(-1)!.durationMs).toBe(30_000)
})

test('a step of less than a second leaves the clip whole, in order', async () => {
  const { starts, media } = await filmAcrossStep(400)
  expect(starts).toHaveLength(1)
  for (const [i, { startMs }] of media.entries()) if (i > 0) expect(startMs).toBeGreaterThan(media[i - 1]!.startMs)
})

test('clips of before the synchronisation are finished after it, in order, with the offset that corrects them', async () => {
  await using folder = await createTemporaryFolder()
  const device = createTestDevice()
  const state = { monotonicMs: 5_000, originMs: 0, synchronised: false }
  const clock = {
    nowMs: () => state.originMs + state.monotonicMs,
    monotonicMs: () => state.monotonicMs,
    sleep: (_: number, signal?: AbortSignal) =>
      new Promise<void>((resolve) => signal?.addEventListener('abort', () => resolve(), { once: true })),
    setTimer: () => ({ cancel: () => {} }),
  }
  const shown = () => `NTP=yes\nNTPSynchronized=${state.synchronised ? 'yes' : 'no'}\n`
  const run = (program: string) => Promise.resolve(program === 'timedatectl' ? shown() : null)
  await using clockSource = await createClockSource({ clock, run, fallbackUncertaintyMs: 5_000 })
  await using rig = await openAgentRig({ folder: folder.path, device, clock, clockSource })
  const times = () => ({ startMs: clock.nowMs(), monotonicStartMs: clock.monotonicMs() })
  const record = (n: number) => recordClip(rig.sealer, clipId(n), { items: 2, ...times() })
  await record(1)
  state.monotonicMs += 20_000
  await record(2)
  // Open, uploaded as it is, and nobody has been told that it is finished.
  expect(rig.spool.unfinished().map(({ clip }) => clip)).toEqual([clipId(1), clipId(2)])
  expect(rig.spool.unfinished()[0]!.payload.latchkey.clock).toMatchObject({ source: 'none', offsetMs: 0 })
  await rig.sealer.mend()
  expect(rig.outbox.last).toBe(0)
  const trueOriginMs = Date.UTC(2026, 10, 22)
  Object.assign(state, { originMs: trueOriginMs, synchronised: true, monotonicMs: state.monotonicMs + 30_000 })
  await record(3)
  await rig.sealer.date()
  const clips = rig.spool.clips().map(({ payload }) => payload.latchkey)
  expect(clips.map(({ open, sequence }) => [open, sequence])).toEqual([
    [false, 1],
    [false, 2],
    [false, 3],
  ])
  expect(clips.map(({ clock: { source, offsetMs } }) => [source, offsetMs])).toEqual([
    ['ntp', trueOriginMs],
    ['ntp', trueOriginMs],
    ['ntp', 0],
  ])
  expect(clips.map(({ startMs, clock: { offsetMs } }) => startMs + offsetMs - trueOriginMs)).toEqual([
    5_000, 25_000, 55_000,
  ])
  expect(clips.map(({ previous }) => previous)).toEqual([
    null,
    ...rig.spool
      .clips()
      .slice(0, 2)
      .map(({ digest }) => digest),
  ])
  expect(rig.outbox.last).toBe(3)
})
