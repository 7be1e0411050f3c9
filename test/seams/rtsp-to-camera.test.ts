import { createHash } from 'node:crypto'
import { inspect } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createCamera } from '../../device-agent/src/camera/camera.ts'
import type { FfmpegBinary } from '../../device-agent/src/camera/ffmpeg-binary.ts'
import { createCapture } from '../../device-agent/src/capture.ts'
import { DEFAULT_CLIP_CONFIG } from '../../device-agent/src/clip/clip-cutter.ts'
import type { CameraState, CodedFrame, VideoFormat } from '../../device-agent/src/flow.ts'
import { systemClock as clock } from '../../device-agent/src/kernel/clock.ts'
import { encodeFragment } from '../../device-agent/src/kernel/fmp4-fragment.ts'
import { runningIngests as ingests } from '../support/child-programs.ts'
import { type CodedVideo, loadCodedVideo } from '../../infra/bench/camera/coded-video.ts'
import {
  REORDERED,
  SMALL_SCENE,
  decodeComplaints,
  drawScene,
  makeVideo,
  packetsOf,
  testFfmpeg,
} from '../support/media-files.ts'
import { createTemporaryFolder } from '../support/temporary-folder.ts'
import { createMemorySink, videoOf } from '../support/memory-sink.ts'
import { eventually } from '../support/poll.ts'
import { startCameraProcess } from '../../infra/bench/camera/camera-process.ts'
import { startRtspServer } from '../../infra/bench/camera/rtsp-server.ts'

let ffmpeg: FfmpegBinary
let video: CodedVideo

beforeAll(async () => {
  await using folder = await createTemporaryFolder()
  ffmpeg = await testFfmpeg()
  video = loadCodedVideo(await drawScene(folder.path, { ...SMALL_SCENE, seconds: 16 }))
})

afterAll(() => {
  expect(ingests()).toEqual([])
})

/** Watches a camera, with limits short enough to see them at work. `audio`: wanted, which is ffmpeg's to take. */
function watch(url: string, audio = false) {
  const stopping = new AbortController()
  const states: CameraState[] = []
  const frames: CodedFrame[] = []
  const formats: VideoFormat[] = []
  const limits = { staleMs: 400, startMs: 5000, retryBaseMs: 20 }
  const camera = createCamera({ source: { kind: 'rtsp', url }, ffmpeg, clock, random: () => 0.5, audio, ...limits })
  const done = (async () => {
    for await (const event of camera.events(stopping.signal)) {
      if (event.kind === 'state') states.push(event.state)
      if (event.kind === 'format') formats.push(event.format)
      if (event.kind === 'frame') frames.push(event.frame)
    }
  })()
  const stop = async () => {
    stopping.abort()
    await done
  }
  return { states, frames, formats, [Symbol.asyncDispose]: stop }
}

const count = (states: readonly CameraState[], state: CameraState) => states.filter((seen) => seen === state).length

test('a network camera’s frames come as it sends them, stamped in order', async () => {
  await using server = await startRtspServer({ video })
  await using watched = watch(server.url())
  await eventually(() => watched.frames.length > 20, 'twenty frames')
  expect(watched.states).toEqual(['starting', 'on'])
  expect(watched.frames[0]!.keyframe).toBe(true)
  const stamps = watched.frames.map(({ captureMs }) => captureMs)
  expect(stamps).toEqual(stamps.toSorted((a, b) => a - b))
  expect(Math.abs(stamps.at(-1)! - clock.nowMs())).toBeLessThan(3000)
})

const joined = (nals: readonly Uint8Array[]) =>
  Buffer.concat(
    nals.flatMap((nal) => [Buffer.from([nal.length >> 24, nal.length >> 16, nal.length >> 8, nal.length]), nal]),
  )

test('every picture is recorded bit for bit as it was sent, without a process for it', async () => {
  await using server = await startRtspServer({ video, speed: 20 })
  await using watched = watch(server.url())
  await eventually(() => watched.frames.length > video.units.length, 'more than the whole video', 20_000)
  expect(ingests()).toEqual([])
  const sent = video.units.map(({ nalUnits }) => joined(nalUnits))
  const differing = watched.frames.filter(({ data }, i) => !sent[i % sent.length]!.equals(data))
  expect(differing).toEqual([])
  const ticks = watched.frames.slice(0, sent.length).map(({ ptsTicks }) => ptsTicks)
  expect(ticks).toEqual(video.units.map(({ timestamp }) => timestamp))
  const clip = watched.frames.slice(0, 60)
  const media = encodeFragment({ frames: clip, sequence: 1, originTicks: 0 })
  const file = Buffer.concat([watched.formats[0]!.init, media])
  expect(decodeComplaints(file)).toBe('')
  const hashes = sent.slice(0, clip.length).map((unit) => createHash('md5').update(unit).digest('hex'))
  expect(packetsOf(file).map(({ sizeAndHash }) => sizeAndHash.split(' ')[1])).toEqual(hashes)
})

test('a camera whose pictures our reader cannot put in order is read by ffmpeg instead', async () => {
  await using folder = await createTemporaryFolder()
  await using server = await startRtspServer({ video: loadCodedVideo(makeVideo(`${folder.path}/b.mp4`, REORDERED, 4)) })
  await using watched = watch(server.url())
  await eventually(() => watched.frames.length > 5, 'pictures', 20_000)
  expect(watched.states).toEqual(['starting', 'on'])
  expect(ingests()).toHaveLength(1)
  expect(watched.frames.some(({ ptsTicks, dtsTicks }) => ptsTicks !== dtsTicks)).toBe(true)
})

test('a camera that hangs is given up and found again, and its processes are gone', async () => {
  await using server = await startRtspServer({ video })
  await using watched = watch(server.url())
  await eventually(() => count(watched.states, 'on') === 1, 'pictures')
  server.hang()
  await eventually(() => count(watched.states, 'camera-lost') === 1, 'the loss to be noticed', 3000)
  const before = watched.frames.length
  server.recover()
  await eventually(() => count(watched.states, 'on') === 2 && watched.frames.length > before, 'pictures again')
  expect(ingests().length).toBeLessThanOrEqual(1)
})

test('a camera whose process is stopped is lost, and found again when it goes on', async () => {
  await using folder = await createTemporaryFolder()
  const path = makeVideo(`${folder.path}/door.mp4`, ['-c:v', 'libx264', '-g', '10', '-bf', '0'], 4)
  await using process = await startCameraProcess(path)
  await using watched = watch(process.url)
  await eventually(() => watched.states.at(-1) === 'on', 'pictures', 20_000)
  for (let times = 1; times <= 2; times++) {
    process.stall()
    await eventually(() => watched.states.at(-1) === 'camera-lost', 'the loss to be noticed', 20_000)
    const before = watched.frames.length
    process.resume()
    const isBack = () => watched.states.at(-1) === 'on' && watched.frames.length > before
    await eventually(isBack, 'pictures again', 20_000)
  }
  const changes = watched.states.filter((state, i) => state !== watched.states[i - 1])
  expect(changes.slice(0, 5)).toEqual(['starting', 'on', 'camera-lost', 'on', 'camera-lost'])
  expect(ingests().length).toBeLessThanOrEqual(1)
}, 90_000)

test('a camera that drops the connection is found again, though ffmpeg calls that a success', async () => {
  await using server = await startRtspServer({ video })
  await using watched = watch(server.url())
  for (let times = 1; times <= 2; times++) {
    await eventually(() => count(watched.states, 'on') === times, `pictures, time ${times}`)
    server.drop()
    await eventually(() => count(watched.states, 'camera-lost') >= times, 'the loss to be noticed')
  }
})

test('a camera that refuses is tried until it takes us', async () => {
  await using server = await startRtspServer({ video })
  server.refuse()
  await using watched = watch(server.url())
  await eventually(() => count(watched.states, 'camera-lost') >= 2, 'two attempts')
  expect(watched.frames).toEqual([])
  server.recover()
  await eventually(() => watched.states.at(-1) === 'on', 'pictures')
})

test('a camera’s password opens it', async () => {
  await using server = await startRtspServer({ video, credentials: 'admin:s3 cret' })
  await using refused = watch(server.url('admin:wrong'))
  await eventually(() => count(refused.states, 'camera-lost') >= 1, 'the refusal')
  await using watched = watch(server.url('admin:s3%20cret'))
  await eventually(() => watched.states.at(-1) === 'on', 'pictures')
  expect(ingests()).toEqual([])
})

test('a password stands in no command line where ffmpeg reads the camera', async () => {
  await using server = await startRtspServer({ video, credentials: 'admin:s3 cret' })
  await using watched = watch(server.url('admin:s3%20cret'), true)
  await eventually(() => ingests().length > 0, 'ffmpeg')
  expect(ingests().join(' ')).not.toMatch(/cret|127\.0\.0\.1/)
  await eventually(() => watched.states.at(-1) === 'on', 'pictures', 20_000)
})

test.each([
  ['our reader', {}],
  ['ffmpeg', { audio: true }],
])(
  '%s says why a camera is away in words that hold neither its address nor its password',
  async (_, how) => {
    await using server = await startRtspServer({ video, credentials: 'admin:s3cret', digest: true })
    const told: unknown[] = []
    const addresses = [server.url('admin:s3cret-wrong'), 'rtsp://admin:s3cret@camera.invalid/door']
    for (const url of addresses) {
      const stopping = new AbortController()
      const onLost = (error: unknown) => void told.push(error)
      const camera = createCamera({ source: { kind: 'rtsp', url }, ffmpeg, clock, random: () => 0.5, onLost, ...how })
      for await (const event of camera.events(stopping.signal))
        if (event.kind === 'state' && event.state === 'camera-lost') stopping.abort()
    }
    expect(told).toMatchObject([{ code: 'UNAVAILABLE', message: 'the camera refuses the user or the password' }, {}])
    expect(inspect(told, { depth: 10 })).not.toMatch(/s3cret|admin|127\.0\.0\.1/)
  },
  60_000,
)

test('a password answers a digest challenge too', async () => {
  await using server = await startRtspServer({ video, credentials: 'admin:s3cret', digest: true })
  await using watched = watch(server.url('admin:s3cret'))
  await eventually(() => watched.states.at(-1) === 'on', 'pictures')
})

test('another size in the middle of a stream is another stream: lost for a moment, then a format of its own', async () => {
  await using folder = await createTemporaryFolder()
  const small = loadCodedVideo(makeVideo(`${folder.path}/small.mp4`, ['-c:v', 'libx264', '-g', '10', '-bf', '0'], 4))
  await using server = await startRtspServer({ video })
  await using watched = watch(server.url())
  await eventually(() => watched.frames.length > 10, 'pictures')
  server.show(small)
  await eventually(() => watched.formats.length === 2 && watched.states.at(-1) === 'on', 'the other stream')
  expect(watched.states).toEqual(['starting', 'on', 'camera-lost', 'on'])
  expect(watched.formats.map(({ width }) => width)).toEqual([640, 128])
  expect(Buffer.compare(watched.formats[0]!.init, watched.formats[1]!.init)).not.toBe(0)
})

/** The same video with every other picture called a keyframe. */
function boasting(honest: CodedVideo): CodedVideo {
  const label = (nal: Uint8Array) =>
    (nal[0]! & 0x1f) === 1 ? Uint8Array.of((nal[0]! & 0xe0) | 5, ...nal.subarray(1)) : nal
  return { ...honest, units: honest.units.map((unit) => ({ ...unit, nalUnits: unit.nalUnits.map(label) })) }
}

test('a picture that only calls itself a keyframe is none', async () => {
  await using server = await startRtspServer({ video: boasting(video) })
  await using watched = watch(server.url())
  await eventually(() => watched.frames.length >= 40, 'pictures')
  const distances = watched.frames.flatMap(({ keyframe }, i) => (keyframe ? [i] : []))
  expect(distances.slice(0, 3)).toEqual([0, 15, 30])
})

test('garbage instead of pictures is a lost camera, found again when it comes to its senses', async () => {
  const noise = (nal: Uint8Array) => Uint8Array.from(nal, (byte, i) => (i * 73 + byte) & 0xff)
  const garbled = { ...video, units: video.units.map((unit) => ({ ...unit, nalUnits: unit.nalUnits.map(noise) })) }
  await using server = await startRtspServer({ video })
  await using watched = watch(server.url())
  await eventually(() => watched.frames.length > 10, 'pictures')
  server.show(garbled)
  await eventually(() => watched.states.includes('camera-lost'), 'the loss', 20_000)
  server.show(video)
  await eventually(() => watched.states.at(-1) === 'on', 'pictures again', 20_000)
})

test('a stop ends everything at once, also while the camera hangs', async () => {
  await using server = await startRtspServer({ video })
  const watched = watch(server.url())
  await eventually(() => watched.frames.length > 0, 'pictures')
  server.hang()
  const startMs = performance.now()
  await watched[Symbol.asyncDispose]()
  expect(performance.now() - startMs).toBeLessThan(2500)
  expect(watched.states.at(-1)).toBe('stopped')
  expect(ingests()).toEqual([])
})

test('a visit seen over the network is a clip that decodes, ended by the loss of the camera with its gap', async () => {
  // Twice as fast as filmed: the camera's clock then runs at double speed, and so do our limits.
  await using server = await startRtspServer({ video, speed: 2 })
  const sink = createMemorySink()
  const states: CameraState[] = []
  await using capture = createCapture({
    source: { kind: 'rtsp', url: server.url() },
    name: 'Front door',
    ffmpeg,
    clock,
    random: () => 0.5,
    sink,
    clip: { ...DEFAULT_CLIP_CONFIG, preRollMs: 2000 },
    staleMs: 500,
    retryBaseMs: 60_000,
    onState: (state) => states.push(state),
    onEvent: () => {},
    onFault: (error) => states.push(String(error) as CameraState),
  })
  await eventually(() => sink.clips[0]?.items.some(({ kind }) => kind === 'poster'), 'a poster', 20_000)
  server.hang()
  await eventually(() => sink.clips[0]?.end, 'the end of the clip')
  const [clip] = sink.clips
  expect(states).toEqual(['starting', 'on', 'camera-lost'])
  expect(clip!.end!.gaps).toMatchObject([{ reason: 'camera-lost', endMs: clip!.end!.endMs }])
  expect(clip!.start.triggerMs - clip!.start.startMs).toBeGreaterThanOrEqual(2000)
  expect(decodeComplaints(videoOf(clip!))).toBe('')
  expect(capture.detector.restarts).toBe(0)
})
