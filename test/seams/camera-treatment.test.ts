import { digestOfMasks } from '@latchkey/shared'
import { execFileSync } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type CaptureOptions, createCapture } from '../../device-agent/src/capture.ts'
import { DEFAULT_CLIP_CONFIG } from '../../device-agent/src/clip/clip-cutter.ts'
import { systemClock as clock } from '../../device-agent/src/kernel/clock.ts'
import { childPrograms } from '../support/child-programs.ts'
import {
  countersOf,
  decodeComplaints,
  drawScene,
  lightestIn,
  packetsOf,
  SMALL_SCENE,
  testFfmpeg,
} from '../support/media-files.ts'
import { createTemporaryFolder } from '../support/temporary-folder.ts'
import { createMemorySink, type KeptClip, videoOf } from '../support/memory-sink.ts'

const { width, height } = SMALL_SCENE
let folder: Awaited<ReturnType<typeof createTemporaryFolder>>
let scene: string
beforeAll(async () => {
  folder = await createTemporaryFolder()
  scene = await drawScene(folder.path, { ...SMALL_SCENE, seconds: 16 })
})
afterAll(() => folder[Symbol.asyncDispose]())

/** The scene with another coding of picture and sound. */
function recode(name: string, picture: readonly string[], sound?: readonly string[]): string {
  const path = join(folder.path, name)
  const tone = sound === undefined ? [] : ['-f', 'lavfi', '-i', 'sine=frequency=440:sample_rate=16000']
  const output = [...picture, ...(sound === undefined ? [] : ['-map', '0:v', '-map', '1:a', ...sound, '-shortest'])]
  execFileSync('ffmpeg', ['-nostdin', '-v', 'error', '-i', scene, ...tone, ...output, '-y', path])
  return path
}

async function record(path: string, options: Partial<CaptureOptions>): Promise<KeptClip> {
  const sink = createMemorySink()
  const capture = createCapture({
    source: { kind: 'file', path, loop: false, rate: 1_000 },
    name: 'Front door',
    ffmpeg: await testFfmpeg(),
    clock,
    random: () => 0.5,
    sink,
    clip: { ...DEFAULT_CLIP_CONFIG, preRollMs: 2_000, postRollMs: 2_000 },
    onState: () => {},
    onEvent: () => {},
    onFault: (error) => {
      throw error
    },
    ...options,
  })
  await capture.done
  expect(sink.clips.length).toBeGreaterThan(0)
  return sink.clips[0]!
}

const HEVC = ['-c:v', 'libx265', '-preset', 'ultrafast', '-x265-params', 'log-level=none:keyint=15:min-keyint=15']

test('H.265 is refused with the words that help, and recorded bit for bit when it is asked for', async () => {
  const path = recode('hevc.mp4', HEVC)
  const refusal = { code: 'SOURCE_UNSUPPORTED', message: expect.stringContaining('camera.hevc') as string }
  await expect(record(path, {})).rejects.toMatchObject(refusal)
  const clip = await record(path, { hevc: true })
  const video = videoOf(clip)
  expect(decodeComplaints(video)).toBe('')
  const hashes = packetsOf(video).map(({ sizeAndHash }) => sizeAndHash)
  const source = packetsOf(path).map(({ sizeAndHash }) => sizeAndHash)
  const first = source.indexOf(hashes[0]!)
  expect(first).toBeGreaterThanOrEqual(0)
  expect(hashes).toEqual(source.slice(first, first + hashes.length))
  expect(clip.items.map(({ kind }) => kind)).toContain('poster')
})

const soundOf = ({ items }: KeptClip): Uint8Array =>
  Buffer.concat(items.filter(({ kind }) => kind === 'audioInit' || kind === 'audio').map(({ bytes }) => bytes))

/** Coded pieces of the first sound stream by ffmpeg's own reading: start in seconds, and hash. */
function soundPackets(input: string | Uint8Array): { atSeconds: number; hash: string }[] {
  const from = typeof input === 'string' ? input : 'pipe:0'
  const args = ['-v', 'error', '-copyts', '-i', from, '-map', '0:a:0', '-c', 'copy', '-f', 'framemd5', 'pipe:1']
  const lines = execFileSync('ffmpeg', args, typeof input === 'string' ? {} : { input })
    .toString()
    .split('\n')
  const rate = Number(/#tb 0: 1\/(\d+)/.exec(lines.join('\n'))![1])
  return lines
    .filter((line) => line.startsWith('0,'))
    .map((line) => line.split(',').map((field) => field.trim()))
    .map((fields) => ({ atSeconds: Number(fields[1]) / rate, hash: fields.at(-1)! }))
}

test('sound is nowhere unless it is asked for, and then in items of its own with the pictures’ boundaries', async () => {
  const path = recode('aac.mkv', ['-c:v', 'copy'], ['-c:a', 'aac'])
  const silent = await record(path, {})
  expect(silent.items.filter(({ kind }) => kind.startsWith('audio'))).toEqual([])
  expect(Buffer.concat(silent.items.map(({ bytes }) => bytes)).includes('soun')).toBe(false)

  const clip = await record(path, { audio: true })
  const [media, audio] = ['media', 'audio'].map((kind) => clip.items.filter((item) => item.kind === kind))
  const bounds = (items: typeof clip.items) => items.map(({ startMs, durationMs }) => [startMs, durationMs])
  expect(bounds(audio!)).toEqual(bounds(media!))
  expect(clip.items.filter(({ kind }) => kind === 'audioInit')).toHaveLength(1)
  expect(packetsOf(videoOf(clip))).toEqual(packetsOf(videoOf(silent)))
  // As they were sent: none changed, none missing in between.
  const [kept, sent] = [soundPackets(soundOf(clip)), soundPackets(path)]
  const first = sent.findIndex(({ hash }) => hash === kept[0]!.hash)
  expect(kept.map(({ hash }) => hash)).toEqual(sent.slice(first, first + kept.length).map(({ hash }) => hash))
  // Both files count from the same zero, the first picture: a sound is as far from it as it was.
  const [firstPicture] = packetsOf(videoOf(clip))
  const pictureAt = packetsOf(path).find(({ sizeAndHash }) => sizeAndHash === firstPicture!.sizeAndHash)!
  const pictureSeconds = pictureAt.pts / 1000
  expect(Math.abs(sent[first]!.atSeconds - pictureSeconds - kept[0]!.atSeconds)).toBeLessThan(0.03)
})

test.each([
  ['sound of the telephone', ['-c:a', 'pcm_mulaw', '-ar', '8000']],
  ['Opus', ['-c:a', 'libopus']],
])('%s is coded to AAC, once', async (_, coding) => {
  const clip = await record(recode(`other-${coding[1]!}.mkv`, ['-c:v', 'copy'], coding), { audio: true })
  expect(decodeComplaints(soundOf(clip))).toBe('')
  const [video, sound] = [packetsOf(videoOf(clip)).length / 15, soundPackets(soundOf(clip)).at(-1)!.atSeconds]
  expect(Math.abs(video - sound)).toBeLessThan(0.3)
})

test('a camera without sound is recorded all the same when sound is asked for', async () => {
  const clip = await record(scene, { audio: true })
  expect(clip.items.filter(({ kind }) => kind.startsWith('audio'))).toEqual([])
})

const MASKS = {
  neighbour: {
    points: [
      [0.6, 0],
      [1, 0],
      [1, 0.5],
      [0.8, 0.25],
      [0.6, 0.5],
    ],
  },
  pavement: {
    points: [
      [0, 0.8],
      [0.3, 0.8],
      [0.3, 1],
      [0, 1],
    ],
  },
} as const

/** Black, and what coding blurs into it. */
const BLACK = 12

test('what lies under a mask is black in every picture and in the poster, and everything else is recorded', async () => {
  const clip = await record(scene, { masks: MASKS })
  const video = videoOf(clip)
  expect(clip.start.masks).toBe(digestOfMasks(MASKS))
  const meta = JSON.parse(Buffer.from(clip.items.find(({ kind }) => kind === 'meta')!.bytes).toString()) as object
  expect(meta).toMatchObject({ masks: MASKS })
  const at = (size: { width: number; height: number }) => (x: number, y: number) => {
    const [across, down] = [x / size.width, y / size.height]
    const inPavement = across < 0.29 && down > 0.81
    // Between the top and the two slanted edges that meet in the middle.
    const inNeighbour = across > 0.61 && across < 0.99 && down < 0.5 - 1.25 * (0.2 - Math.abs(across - 0.8)) - 0.02
    return inPavement || inNeighbour
  }
  const size = { width, height }
  const masked = lightestIn(video, size, at(size))
  expect(masked.lightest).toBeLessThanOrEqual(BLACK)
  const counters = countersOf(video, width, height)
  expect(masked.pictures).toBe(counters.length)
  expect(counters).toEqual(Array.from({ length: counters.length }, (_, i) => counters[0]! + i))
  const poster = clip.items.find(({ kind }) => kind === 'poster')!.bytes
  expect(lightestIn(poster, size, at(size)).lightest).toBeLessThanOrEqual(BLACK + 12)
  expect(lightestIn(video, size, (x, y) => !at(size)(x, y)).lightest).toBeGreaterThan(150)
})

test('a mask is painted before motion is looked for: what moves under it starts nothing', async () => {
  const all = {
    all: {
      points: [
        [0, 0],
        [1, 0],
        [1, 1],
        [0, 1],
      ],
    },
  } as const
  const capture = record(scene, { masks: all })
  await expect(capture).rejects.toThrow(/greater than 0/)
})

test('a board without an encoder, a size and a rate reach the camera program of a Pi', async () => {
  const [model, program, seen] = ['model', 'rpicam-vid', 'seen'].map((name) => join(folder.path, name))
  await writeFile(model!, 'Raspberry Pi 5 Model B Rev 1.0\0')
  const elementary = join(folder.path, 'scene.h264')
  execFileSync('ffmpeg', ['-v', 'error', '-i', scene, '-c', 'copy', '-bsf:v', 'h264_mp4toannexb', '-y', elementary])
  await writeFile(program!, `#!/bin/sh\necho "$*" > ${seen!}\nexec cat ${elementary}\n`, { mode: 0o755 })
  const { createCamera } = await import('../../device-agent/src/camera/camera.ts')
  const source = { kind: 'rpicam', width: 1296, height: 972, framesPerSecond: 20 } as const
  const paths = { rpicamPath: program!, boardModelPath: model! }
  const camera = createCamera({ source, ffmpeg: await testFfmpeg(), clock, random: () => 0, ...paths })
  const stopping = new AbortController()
  for await (const event of camera.events(stopping.signal)) if (event.kind === 'frame') stopping.abort()
  const words = execFileSync('cat', [seen!]).toString()
  expect(words).toContain('--codec libav --libav-format h264')
  expect(words).toContain('--width 1296 --height 972 --framerate 20')
  expect(childPrograms().filter(({ commandLine }) => /rpicam|ffmpeg/.test(commandLine))).toEqual([])
})
