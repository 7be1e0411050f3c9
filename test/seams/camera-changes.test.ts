import { afterAll, beforeAll, expect, test } from 'vitest'
import type { CameraTrouble } from '../../device-agent/src/camera/camera-trouble.ts'
import type { FfmpegBinary } from '../../device-agent/src/camera/ffmpeg-binary.ts'
import { createCapture } from '../../device-agent/src/capture.ts'
import { DEFAULT_CLIP_CONFIG } from '../../device-agent/src/clip/clip-cutter.ts'
import type { CameraState } from '../../device-agent/src/flow.ts'
import { systemClock as clock } from '../../device-agent/src/kernel/clock.ts'
import { type CodedVideo, loadCodedVideo } from '../../infra/bench/camera/coded-video.ts'
import { startRtspServer } from '../../infra/bench/camera/rtsp-server.ts'
import { runningIngests } from '../support/child-programs.ts'
import { decodeComplaints, makeVideo, packetsOf, testFfmpeg } from '../support/media-files.ts'
import { createTemporaryFolder } from '../support/temporary-folder.ts'
import { createMemorySink, type KeptClip, videoOf } from '../support/memory-sink.ts'
import { eventually } from '../support/poll.ts'

/** Long enough for a machine that does much else. */
const PATIENCE_MS = 30_000
const H264 = ['-c:v', 'libx264', '-g', '10', '-bf', '0']
const H265 = [
  '-c:v',
  'libx265',
  '-preset',
  'ultrafast',
  '-x265-params',
  'log-level=none:keyint=10:min-keyint=10:bframes=0',
]

let ffmpeg: FfmpegBinary
let videos: { h264: CodedVideo; h265: CodedVideo; slower: CodedVideo; rescaled: CodedVideo }

beforeAll(async () => {
  await using folder = await createTemporaryFolder()
  ffmpeg = await testFfmpeg()
  const make = (name: string, coding: readonly string[]) =>
    loadCodedVideo(makeVideo(`${folder.path}/${name}.mp4`, coding, 4))
  const h264 = make('h264', H264)
  // The same bytes, sent by a clock that runs at another rate than before.
  const units = h264.units.map((unit) => ({ ...unit, timestamp: unit.timestamp * 2 }))
  const rescaled = { ...h264, units, durationTicks: h264.durationTicks * 2 }
  videos = { h264, h265: make('h265', H265), slower: make('slower', [...H264, '-r', '5']), rescaled }
})

afterAll(() => {
  expect(runningIngests()).toEqual([])
})

/** Records everything a camera sends: somebody rings again and again. */
async function record(options: { hevc?: boolean } = {}) {
  const server = await startRtspServer({ video: videos.h264 })
  const sink = createMemorySink()
  const states: CameraState[] = []
  const troubles: CameraTrouble[] = []
  let ended = false
  const capture = createCapture({
    source: { kind: 'rtsp', url: server.url() },
    name: 'Front door',
    ffmpeg,
    clock,
    random: () => 0.5,
    sink,
    clip: { ...DEFAULT_CLIP_CONFIG, preRollMs: 0, postRollMs: 30_000 },
    staleMs: 15_000,
    retryBaseMs: 20,
    ...options,
    onState: (state) => states.push(state),
    onTrouble: (trouble) => troubles.push(trouble),
    onEvent: () => {},
    onFault: (error) => troubles.push({ code: 'INTERNAL', text: String(error) }),
  })
  const settle = () => void (ended = true)
  capture.done.then(settle, settle)
  /** Resolves when this clip is there and holds a media item. */
  const filling = (index: number): Promise<KeptClip> =>
    eventually(
      () => sink.clips[index]?.items.some(({ kind }) => kind === 'media') && sink.clips[index],
      `media of clip ${index}`,
      PATIENCE_MS,
    )
  const ring = async () => {
    await eventually(() => states.at(-1) === 'on' && capture.trouble === null, 'pictures', PATIENCE_MS)
    capture.ring(clock.nowMs())
  }
  return {
    server,
    sink,
    states,
    troubles,
    capture,
    filling,
    ring,
    hasEnded: () => ended,
    async [Symbol.asyncDispose]() {
      await capture.stop()
      await server[Symbol.asyncDispose]()
    },
  }
}

/** A clip that ended as it should: every item that was handed over is in it, and a player takes it without a word. */
function expectWhole(clip: KeptClip): void {
  expect(clip.end).toBeDefined()
  expect(clip.items.filter(({ kind }) => kind === 'init')).toHaveLength(1)
  expect(decodeComplaints(videoOf(clip))).toBe('')
}

/** What was there before a change is still there after it, bit for bit. */
function expectKept(before: KeptClip, hashes: readonly string[]): void {
  expect(
    packetsOf(videoOf(before))
      .map(({ sizeAndHash }) => sizeAndHash)
      .slice(0, hashes.length),
  ).toEqual(hashes)
}

const hashesOf = (clip: KeptClip) => packetsOf(videoOf(clip)).map(({ sizeAndHash }) => sizeAndHash)
const codecOf = (clip: KeptClip) => (Buffer.from(clip.items[0]!.bytes).includes('hvcC') ? 'h265' : 'h264')

test.concurrent(
  'a camera that turns to H.265 and back is recorded on, in clips of their own, when H.265 is welcome',
  async () => {
    await using recording = await record({ hevc: true })
    const { server, sink, ring, filling, states, troubles } = recording
    const order = ['h264', 'h265', 'h264'] as const
    for (const [i, codec] of order.entries()) {
      server.show(videos[codec])
      if (i > 0) server.drop()
      if (i > 0) await eventually(() => sink.clips[i - 1]?.end, 'the end of what came before', PATIENCE_MS)
      await ring()
      await filling(i)
    }
    await recording.capture.stop()
    expect(sink.clips.map(codecOf)).toEqual([...order])
    sink.clips.forEach(expectWhole)
    expect(sink.clips[0]!.end!.gaps).toMatchObject([{ reason: 'camera-lost' }])
    expect(states).toEqual(['starting', 'on', 'camera-lost', 'on', 'camera-lost', 'on', 'stopped'])
    expect(troubles.map(({ code }) => code)).toEqual(['UNAVAILABLE', 'UNAVAILABLE'])
  },
  90_000,
)

test.concurrent(
  'a camera that turns to H.265 unasked is lost, with the words that help, until it turns back',
  async () => {
    await using recording = await record()
    const { server, sink, ring, filling, states, troubles, capture } = recording
    await ring()
    const kept = hashesOf(await filling(0))
    // In the middle of the stream, on a connection that stays open.
    server.show(videos.h265)
    const told = () => troubles.find(({ code }) => code === 'SOURCE_UNSUPPORTED')
    const trouble = await eventually(told, 'the words', PATIENCE_MS)
    expect(troubles[0]!.code).toMatch(/UNAVAILABLE|ENCODING_INVALID/)
    expect(trouble.text).toMatch(/H\.265: set camera\.hevc to true .* or set the camera itself to H\.264/)
    // Tried again and again, told once.
    const before = server.describes
    await eventually(() => server.describes > before + 1, 'more attempts', PATIENCE_MS)
    expect(recording.hasEnded()).toBe(false)
    expect(capture.trouble).toEqual(trouble)
    expect(states.at(-1)).toBe('camera-lost')
    expect(troubles.filter(({ code }) => code === 'SOURCE_UNSUPPORTED')).toHaveLength(1)
    expectWhole(sink.clips[0]!)
    expectKept(sink.clips[0]!, kept)

    server.show(videos.h264)
    // An attempt that had been told of H.265 already would wait for it.
    server.drop()
    await ring()
    expect(capture.trouble).toBeNull()
    await filling(1)
    await capture.stop()
    sink.clips.forEach(expectWhole)
  },
  90_000,
)

test.concurrent(
  'another rate of pictures in the middle of a stream begins a clip with an init segment of its own',
  async () => {
    await using recording = await record()
    const { server, sink, ring, filling, states } = recording
    await ring()
    const kept = hashesOf(await filling(0))
    server.show(videos.slower)
    await eventually(() => sink.clips[0]?.end, 'the end of the first clip', PATIENCE_MS)
    await ring()
    await filling(1)
    await recording.capture.stop()
    sink.clips.forEach(expectWhole)
    expectKept(sink.clips[0]!, kept)
    expect(states).toEqual(['starting', 'on', 'camera-lost', 'on', 'stopped'])
    const [first, second] = sink.clips.map(({ items }) => Buffer.from(items[0]!.bytes))
    expect(first!.equals(second!)).toBe(false)
  },
  90_000,
)

test.concurrent(
  'a camera whose clock takes another rate in the middle of a stream loses no picture',
  async () => {
    await using recording = await record()
    const { server, sink, ring, filling } = recording
    await ring()
    await filling(0)
    server.show(videos.rescaled)
    const before = sink.clips[0]!.items.length
    await eventually(() => sink.clips.at(-1)!.items.length >= before + 2, 'more of it', PATIENCE_MS)
    await recording.capture.stop()
    sink.clips.forEach(expectWhole)
    const seen = sink.clips.flatMap(hashesOf)
    const sent = videos.h264.units.length
    expect(seen.length).toBeGreaterThan(sent / 2)
    for (const clip of sink.clips) {
      const times = packetsOf(videoOf(clip)).map(({ dts }) => dts)
      expect(times).toEqual(times.toSorted((a, b) => a - b))
    }
  },
  90_000,
)
