import { execFileSync } from 'node:child_process'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import type { FfmpegBinary } from '../../device-agent/src/camera/ffmpeg-binary.ts'
import { VISIT } from '../../device-agent/src/camera/doorstep-picture.ts'
import type { DetectionMode } from '../../device-agent/src/camera/detection-mode.ts'
import type { CameraSource } from '../../device-agent/src/camera/source.ts'
import { createCapture } from '../../device-agent/src/capture.ts'
import { DEFAULT_CLIP_CONFIG } from '../../device-agent/src/clip/clip-cutter.ts'
import type { DoorEvent, MotionFinding } from '../../device-agent/src/flow.ts'
import { systemClock as clock } from '../../device-agent/src/kernel/clock.ts'
import {
  REORDERED,
  SMALL_SCENE,
  countersOf,
  decodeComplaints,
  drawScene,
  footage,
  makeVideo,
  packetsOf,
  testFfmpeg,
} from '../support/media-files.ts'
import { createTemporaryFolder } from '../support/temporary-folder.ts'
import { type KeptClip, createMemorySink, videoOf } from '../support/memory-sink.ts'

let ffmpeg: FfmpegBinary
let scene: string

beforeAll(async () => {
  const folder = await createTemporaryFolder()
  ffmpeg = await testFfmpeg()
  scene = await drawScene(folder.path)
  return () => folder[Symbol.asyncDispose]()
})

/** Faster than anything here can run: the pipeline itself sets the pace. */
const REPLAY = 1000

interface HowToRecord extends Partial<typeof DEFAULT_CLIP_CONFIG> {
  readonly mode?: DetectionMode
  /** When somebody rings, s of the recording. */
  readonly rings?: readonly number[]
}

async function record(path: string, { mode = 'auto', rings = [], ...clip }: HowToRecord = {}) {
  const waiting = [...rings]
  const sink = createMemorySink()
  const events: DoorEvent[] = []
  const findings: MotionFinding[] = []
  const faults: unknown[] = []
  const startedMs = clock.nowMs()
  const source: CameraSource = { kind: 'file', path, loop: false, rate: REPLAY }
  const capture = createCapture({
    source,
    name: 'Front door',
    ffmpeg,
    clock,
    random: () => 0.5,
    sink,
    clip: { ...DEFAULT_CLIP_CONFIG, ...clip },
    mode,
    onState: () => {},
    onEvent: (event) => events.push(event),
    onFinding(finding) {
      findings.push(finding)
      const dueMs = findings[0]!.captureMs + (waiting[0] ?? Infinity) * 1000
      if (finding.captureMs < dueMs) return
      waiting.shift()
      capture.ring(finding.captureMs)
    },
    onFault: (error) => faults.push(error),
  })
  await capture.done
  expect(faults).toEqual([])
  expect(capture.detector).toMatchObject({ skipped: 0, restarts: 0 })
  const { detector, detection, profile } = capture
  return { clips: sink.clips, events, findings, startedMs, detector, detection, profile }
}

/** The clip's coded frames are a run of the source's: same bytes, same distances in time. Returns where it starts. */
function expectRunOf(source: ReturnType<typeof packetsOf>, clip: KeptClip): { from: number; to: number } {
  const packets = packetsOf(videoOf(clip))
  const from = source.findIndex(({ sizeAndHash }) => sizeAndHash === packets[0]!.sizeAndHash)
  const run = source.slice(from, from + packets.length)
  const relative = (list: typeof packets) =>
    list.map(({ dts, pts, sizeAndHash }) => ({ dts: dts - list[0]!.dts, pts: pts - list[0]!.dts, sizeAndHash }))
  expect(relative(packets)).toEqual(relative(run))
  return { from, to: from + packets.length }
}

describe('a recording of the drawn doorstep', () => {
  let recorded: Awaited<ReturnType<typeof record>>
  beforeAll(async () => {
    recorded = await record(scene)
  })

  test('is one clip that decodes without complaint and holds the source’s own frames', () => {
    expect(recorded.clips).toHaveLength(1)
    expect(decodeComplaints(videoOf(recorded.clips[0]!))).toBe('')
    expectRunOf(packetsOf(scene), recorded.clips[0]!)
  })

  test('holds the whole visit with the pre-roll asked for, without a missing frame', () => {
    const [clip] = recorded.clips
    const counters = countersOf(videoOf(clip!), SMALL_SCENE.width, SMALL_SCENE.height)
    const fps = SMALL_SCENE.framesPerSecond
    expect(counters).toEqual(counters.map((_, i) => counters[0]! + i))
    expect(counters[0]!).toBeLessThanOrEqual((VISIT.enterS + 0.5 - DEFAULT_CLIP_CONFIG.preRollMs / 1000) * fps)
    expect(counters.at(-1)!).toBeGreaterThanOrEqual((VISIT.goneS + 3) * fps)
    expect(clip!.start.triggerMs - clip!.start.startMs).toBeGreaterThanOrEqual(DEFAULT_CLIP_CONFIG.preRollMs)
  })

  test('says one event, at the moment of the visit', () => {
    const { events, findings } = recorded
    expect(events).toHaveLength(1)
    const enteredS = (events[0]!.atMs - findings[0]!.captureMs) / 1000
    expect(enteredS).toBeGreaterThanOrEqual(VISIT.enterS)
    expect(enteredS).toBeLessThanOrEqual(VISIT.enterS + 1)
  })

  test('has items that follow each other without a gap, all in the past', () => {
    const { clips, startedMs } = recorded
    const { items, start, end } = clips[0]!
    const media = items.filter(({ kind }) => kind === 'media')
    expect(media[0]!.startMs).toBe(start.startMs)
    media.slice(1).forEach(({ startMs }, i) => expect(startMs).toBe(media[i]!.startMs + media[i]!.durationMs))
    expect(media.at(-1)!.startMs + media.at(-1)!.durationMs).toBe(end!.endMs)
    expect(media.slice(0, -1).every(({ durationMs }) => durationMs >= 2000)).toBe(true)
    expect(end!.endMs).toBeLessThanOrEqual(startedMs + 5000)
    expect(items[0]!.kind).toBe('init')
    expect(items.filter(({ kind }) => kind === 'meta')).toHaveLength(1)
  })

  test('has a JPEG poster of a moment when the visitor is there', () => {
    const { clips, findings } = recorded
    const poster = clips[0]!.items.find(({ kind }) => kind === 'poster')!
    expect([...poster.bytes.subarray(0, 3)]).toEqual([0xff, 0xd8, 0xff])
    const near = findings.findLast(({ captureMs }) => captureMs <= poster.startMs + 200)!
    expect(near.moving).toBe(true)
  })
})

test('eco makes the same events and the same clips as full, and decodes less', async () => {
  await using folder = await createTemporaryFolder()
  const path = join(folder.path, 'twice.mp4')
  // The first visit is over before eco has learnt the scene; the second one finds the decoder asleep, which may
  // fall asleep later where pictures come out of it late: ten seconds of calm are enough.
  const calm = await drawScene(folder.path, { ...SMALL_SCENE, seconds: 36 })
  execFileSync('ffmpeg', ['-nostdin', '-v', 'error', '-stream_loop', '1', '-i', calm, '-c', 'copy', path])
  const [full, eco] = [await record(path, { mode: 'full' }), await record(path, { mode: 'eco' })]
  const source = packetsOf(path)
  const runsOf = ({ clips }: typeof full) => clips.map((clip) => expectRunOf(source, clip))
  const onsetsOf = ({ events, findings }: typeof full) => events.map(({ atMs }) => atMs - findings[0]!.captureMs)
  expect(runsOf(full)).toHaveLength(2)
  expect(runsOf(eco)).toEqual(runsOf(full))
  expect(onsetsOf(eco)).toEqual(onsetsOf(full))
  expect(eco.detection).toMatchObject({ mode: 'eco', awake: false })
  expect(eco.detection.wakes.keyframe + eco.detection.wakes.packets).toBeGreaterThanOrEqual(1)
  expect(eco.detector.fed).toBeLessThan(full.detector.fed)
  expect(eco.profile).toMatchObject({ framesPerSecond: 15, keyframeMs: { usual: 1000 }, reorders: false })
})

test('a drawing of the same doorstep is the same file', async () => {
  await using folder = await createTemporaryFolder()
  await using again = await createTemporaryFolder()
  const short = { ...SMALL_SCENE, seconds: 2 }
  const [one, two] = [await drawScene(folder.path, short), await drawScene(again.path, short)]
  expect((await readFile(one)).equals(await readFile(two))).toBe(true)
  const other = await drawScene(again.path, { ...short, seed: 2 })
  expect((await readFile(one)).equals(await readFile(other))).toBe(false)
})

test.each([0, 1_000, 2_700, 5_000])(
  'a pre-roll of %i ms is kept whole, and at most one group of pictures more, by the numbers in the picture',
  async (preRollMs) => {
    const { clips, findings } = await record(scene, { preRollMs })
    const { width, height, framesPerSecond } = SMALL_SCENE
    const [first] = countersOf(videoOf(clips[0]!), width, height)
    // The first picture that was looked at has number 0.
    const firstMs = findings[0]!.captureMs + (first! * 1000) / framesPerSecond
    const actualMs = clips[0]!.start.triggerMs - firstMs
    const groupMs = 1_000
    expect(actualMs).toBeGreaterThanOrEqual(preRollMs - 1)
    expect(actualMs).toBeLessThanOrEqual(preRollMs + groupMs + 1)
  },
)

test('roll-over loses no frame: clips of one event join to a run of the source', async () => {
  const { clips, events } = await record(scene, { maxClipMs: 7000 })
  const source = packetsOf(scene)
  expect(events).toHaveLength(1)
  expect(clips.length).toBeGreaterThanOrEqual(2)
  const runs = clips.map((clip) => expectRunOf(source, clip))
  runs.slice(1).forEach(({ from }, i) => expect(from).toBe(runs[i]!.to))
  for (const clip of clips) {
    expect(decodeComplaints(videoOf(clip))).toBe('')
    expect(clip.end!.endMs - clip.start.startMs).toBeLessThanOrEqual(7000)
  }
})

test('events that share a pre-roll, a ring during one, and roll-over: no frame is missing, by the numbers in the picture', async () => {
  const { width, height, framesPerSecond } = SMALL_SCENE
  // Once while the visitor is there, and once when their clip has ended.
  const rings = [VISIT.arriveS + 1, VISIT.goneS + 2.4]
  const [preRollMs, postRollMs] = [5_000, 1_000]
  const { clips, events, findings } = await record(scene, {
    mode: 'full',
    rings,
    preRollMs,
    postRollMs,
    maxClipMs: 7_000,
  })
  expect(events.map(({ trigger }) => trigger)).toEqual(['motion', 'ring', 'ring'])
  expect(events[1]!.event).toBe(events[0]!.event)
  const numbersOf = (event: string): number[] =>
    clips.filter(({ start }) => start.event === event).flatMap((clip) => countersOf(videoOf(clip), width, height))
  const [visit, ring] = [numbersOf(events[0]!.event), numbersOf(events[2]!.event)]
  expect(clips.filter(({ start }) => start.event === events[0]!.event).length).toBeGreaterThanOrEqual(2)
  for (const [numbers, { atMs }] of [
    [visit, events[0]!],
    [ring, events[2]!],
  ] as const) {
    expect(numbers).toEqual(numbers.map((_, i) => numbers[0]! + i))
    const frameOf = (ms: number) => ((ms - findings[0]!.captureMs) / 1000) * framesPerSecond
    expect(numbers[0]!).toBeLessThanOrEqual(Math.ceil(frameOf(atMs - preRollMs)))
    expect(numbers[0]!).toBeGreaterThanOrEqual(Math.floor(frameOf(atMs - preRollMs)) - framesPerSecond)
    expect(numbers.at(-1)! + 1).toBeGreaterThanOrEqual(Math.floor(frameOf(atMs + postRollMs)))
  }
  // What both need is in both.
  expect(ring[0]!).toBeLessThan(visit.at(-1)! - framesPerSecond)
  for (const clip of clips) expect(clip.end!.gaps).toEqual([])
})

test('frames in another order than shown are kept in theirs, whatever is recorded', async () => {
  await using folder = await createTemporaryFolder()
  const path = makeVideo(join(folder.path, 'reordered.mp4'), REORDERED, 12)
  const { clips } = await record(path, { preRollMs: 1000, postRollMs: 1000 })
  expect(clips.length).toBeGreaterThanOrEqual(1)
  const source = packetsOf(path)
  for (const clip of clips) {
    expectRunOf(source, clip)
    expect(decodeComplaints(videoOf(clip))).toBe('')
  }
})

test('a file as encoders make it when nobody says otherwise, a keyframe every 25 s, is recorded', async () => {
  await using folder = await createTemporaryFolder()
  const path = makeVideo(join(folder.path, 'sparse.mp4'), ['-c:v', 'libx264', '-g', '250', '-sc_threshold', '0'], 65)
  const { clips } = await record(path)
  const source = packetsOf(path)
  const runs = clips.map((clip) => expectRunOf(source, clip))
  expect(runs).toEqual([
    { from: 0, to: 500 },
    { from: 500, to: 650 },
  ])
  for (const clip of clips) expect(decodeComplaints(videoOf(clip))).toBe('')
})

describe('a file that cannot be recorded', () => {
  test('is refused with a code when it is missing, no video, or not H.264', async () => {
    await using folder = await createTemporaryFolder()
    const mpeg4 = makeVideo(join(folder.path, 'other.mp4'), ['-c:v', 'mpeg4'])
    const raw = makeVideo(join(folder.path, 'raw.avi'), ['-c:v', 'rawvideo'])
    for (const path of [join(folder.path, 'missing.mp4'), import.meta.filename, mpeg4, raw])
      await expect(record(path), path).rejects.toMatchObject({ code: 'SOURCE_UNSUPPORTED' })
  })
})

/** Motion that begins where nothing is labelled would be a false alarm; labels are good to 0.3 s. */
const LABEL_SLACK_S = 0.5
const truthPath = footage('ground-truth.json')

describe.runIf(truthPath !== undefined)('real footage', async () => {
  type Truth = Record<string, { events: [number, number][] }>
  const truth = truthPath === undefined ? {} : (JSON.parse(await readFile(truthPath, 'utf8')) as Truth)
  const videos = truthPath === undefined ? [] : await readdir(join(truthPath, '..'))

  describe.each(videos.filter((name) => truth[name]?.events !== undefined))('%s', (name) => {
    let recorded: Awaited<ReturnType<typeof record>>
    beforeAll(async () => {
      recorded = await record(footage(name)!)
    })

    test('every labelled event is found within a second, or was going on', () => {
      const { findings } = recorded
      const startMs = findings[0]!.captureMs
      for (const [from, to] of truth[name]!.events) {
        const inside = findings.filter(({ captureMs }) => {
          const s = (captureMs - startMs) / 1000
          return s >= from - LABEL_SLACK_S && s <= Math.min(to, from + 1)
        })
        expect(
          inside.some(({ moving }) => moving),
          `event at ${from} s`,
        ).toBe(true)
      }
    })

    test('nothing begins to move where nothing is labelled', () => {
      const { findings } = recorded
      const startMs = findings[0]!.captureMs
      const onsets = findings.filter(({ moving }, i) => moving && findings[i - 1]?.moving !== true)
      const labelled = truth[name]!.events
      for (const { captureMs } of onsets) {
        const s = (captureMs - startMs) / 1000
        const near = labelled.some(([from, to]) => s >= from - LABEL_SLACK_S && s <= to + LABEL_SLACK_S)
        expect(near, `motion begins at ${s} s`).toBe(true)
      }
    })

    test('every clip decodes without complaint, holds the source’s frames and its pre-roll', () => {
      const source = packetsOf(footage(name)!)
      expect(recorded.clips.length).toBeGreaterThanOrEqual(1)
      for (const clip of recorded.clips) {
        expectRunOf(source, clip)
        expect(decodeComplaints(videoOf(clip))).toBe('')
      }
      const firsts = recorded.clips.filter(({ start }, i) => start.event !== recorded.clips[i - 1]?.start.event)
      for (const { start } of firsts) expect(start.triggerMs - start.startMs).toBeGreaterThanOrEqual(5000)
    })
  })
})
