import { afterAll, beforeAll, expect, test } from 'vitest'
import { createCapture } from '../../device-agent/src/capture.ts'
import { systemClock as clock } from '../../device-agent/src/kernel/clock.ts'
import { DEFAULT_MOTION_CONFIG } from '../../device-agent/src/motion/motion-detector.ts'
import { replayFile } from '../../device-agent/src/replay.ts'
import { drawScene, testFfmpeg } from '../support/media-files.ts'
import { createTemporaryFolder } from '../support/temporary-folder.ts'
import { createMemorySink } from '../support/memory-sink.ts'

let folder: Awaited<ReturnType<typeof createTemporaryFolder>>
let scene: string

beforeAll(async () => {
  folder = await createTemporaryFolder()
  scene = await drawScene(folder.path)
})
afterAll(() => folder[Symbol.asyncDispose]())

test('a replay says the events and clips that the live capture makes of the same scene', async () => {
  const ffmpeg = await testFfmpeg()
  const sink = createMemorySink()
  const eventsMs: number[] = []
  let zeroMs: number | undefined
  await using capture = createCapture({
    source: { kind: 'file', path: scene, loop: false, rate: 1000 },
    name: 'Front door',
    ffmpeg,
    clock,
    random: () => 0.5,
    sink,
    onState: () => {},
    onEvent: ({ atMs }) => eventsMs.push(atMs),
    onFinding: ({ captureMs }) => (zeroMs ??= captureMs),
    onFault(error) {
      throw error
    },
  })
  await capture.done
  const replay = await replayFile({ path: scene, ffmpeg, clock, motion: DEFAULT_MOTION_CONFIG })
  expect(replay.events.map(({ fromS }) => fromS)).toEqual(eventsMs.map((atMs) => (atMs - zeroMs!) / 1000))
  expect(replay.events).toHaveLength(1)
  expect(replay.events[0]!.clips).toHaveLength(sink.clips.length)
  expect(replay.events[0]!.maxChangedShare).toBeGreaterThan(replay.threshold)
  expect(replay.reasons.visitor).toBeGreaterThan(10)
})

test('a zone beside the visitor leaves nothing to record', async () => {
  const zones = {
    sky: {
      kind: 'include',
      points: [
        [0.9, 0],
        [1, 0],
        [1, 0.1],
      ],
    },
  } as const
  const motion = { ...DEFAULT_MOTION_CONFIG, zones }
  const replay = await replayFile({ path: scene, ffmpeg: await testFfmpeg(), clock, motion })
  expect(replay.events).toEqual([])
})
