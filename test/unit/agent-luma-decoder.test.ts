import { chmod, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import type { FfmpegBinary } from '../../device-agent/src/camera/ffmpeg-binary.ts'
import { createLumaDecoder, lumaSize, type ShotTag } from '../../device-agent/src/camera/ffmpeg-luma-decoder.ts'
import { createFmp4Demuxer } from '../../device-agent/src/camera/fmp4-demuxer.ts'
import { withDecodeTime } from '../../device-agent/src/camera/fmp4-fragment-time.ts'
import type { CodedFrame, LumaFrame, VideoFormat } from '../../device-agent/src/flow.ts'
import { systemClock as clock } from '../../device-agent/src/kernel/clock.ts'
import { fragmentedMp4 } from '../../infra/bench/camera/coded-video.ts'
import { REORDERED, makeVideo, testFfmpeg } from '../support/media-files.ts'
import { createTemporaryFolder } from '../support/temporary-folder.ts'

interface Fed {
  readonly frame: CodedFrame
  readonly fragment: readonly Uint8Array[]
}

let ffmpeg: FfmpegBinary
let format: VideoFormat
let frames: Fed[]
/** As cameras send: each picture is shown when it comes. */
let plain: Video

interface Video {
  readonly format: VideoFormat
  readonly frames: Fed[]
}

beforeAll(async () => {
  await using folder = await createTemporaryFolder()
  ffmpeg = await testFfmpeg()
  const made = (name: string, coding: readonly string[]) => videoOf(makeVideo(join(folder.path, name), coding, 12))
  ;({ format, frames } = made('video.mp4', REORDERED))
  plain = made('plain.mp4', ['-c:v', 'libx264', '-preset', 'ultrafast', '-bf', '0', '-g', '15'])
})

function videoOf(file: Parameters<typeof fragmentedMp4>[0]): Video {
  let format: VideoFormat | undefined
  const parts = createFmp4Demuxer().push(fragmentedMp4(file))
  const frames = parts.flatMap((part): Fed[] => {
    if (part.kind === 'init') {
      format = part.init.format
      return []
    }
    return part.samples.map(({ sync, ...sample }) => {
      const captureMs = Math.round((sample.ptsTicks * 1000) / format!.timescale)
      return { frame: { ...sample, keyframe: sync, captureMs, monotonicMs: captureMs }, fragment: part.boxes }
    })
  })
  return { format: format!, frames }
}

describe('the luma decoder', () => {
  test('gives small pictures in order of capture, five a second, with the times of their frames', async () => {
    const seen: LumaFrame[] = []
    const decoder = createLumaDecoder({ ffmpeg, clock, onLuma: (luma) => seen.push(luma) })
    decoder.begin(format)
    for (const { frame, fragment } of frames) {
      decoder.feed(frame, fragment)
      await decoder.ready()
    }
    await decoder.finish()
    const times = frames.map(({ frame }) => frame.captureMs).toSorted((a, b) => a - b)
    // 10 pictures a second: every other one.
    expect(seen.map(({ captureMs }) => captureMs)).toEqual(times.filter((_, i) => i % 2 === 0))
    expect(seen.every(({ luma, width, height }) => width === 128 && luma.length === width * height)).toBe(true)
    expect(decoder.stats).toEqual({ fed: frames.length, skipped: 0, restarts: 0 })
  })

  test.each([
    ['from its beginning', 0, 1],
    ['again from a keyframe before, as eco asks for', 40, 1],
    ['where a tick is as long as a frame', 40, 0],
  ])('gives the same pictures where those not looked at never come out of ffmpeg: %s', async (_, again, ticks) => {
    const [first, ...rest] = plain.frames
    const perFrame = ticks || rest[0]!.frame.dtsTicks - first!.frame.dtsTicks
    const shots = [first!, ...rest].map(({ frame, fragment: [moof, ...data] }) => {
      const [dtsTicks, ptsTicks] = [frame.dtsTicks / perFrame, frame.ptsTicks / perFrame]
      return { frame: { ...frame, dtsTicks, ptsTicks }, fragment: [withDecodeTime(moof!, dtsTicks), ...data] }
    })
    const see = async (inOrder: boolean) => {
      const seen: { luma: LumaFrame; tag: ShotTag }[] = []
      const onLuma = (luma: LumaFrame, tag: ShotTag) => void seen.push({ luma, tag })
      const decoder = createLumaDecoder({ ffmpeg, clock, everyKeyframe: true, onLuma })
      decoder.begin(plain.format, inOrder)
      const feed = async (from: number, pass: number) => {
        for (const { frame, fragment } of shots.slice(from)) {
          decoder.feed(frame, fragment, pass)
          await decoder.ready()
        }
      }
      await feed(0, 0)
      await decoder.idle()
      if (again > 0)
        await feed(
          shots.findIndex(({ frame }, i) => i >= again && frame.keyframe),
          1,
        )
      await decoder.idle()
      await decoder.finish()
      expect(decoder.stats.restarts).toBe(0)
      return seen
    }
    const [sparse, every] = [await see(true), await see(false)]
    expect(sparse.length).toBeGreaterThan(40)
    expect(sparse).toEqual(every)
  })

  test('leaves out frames, counts them and starts again at a keyframe when it does not keep up', async () => {
    await using folder = await createTemporaryFolder()
    const path = join(folder.path, 'stuck')
    await writeFile(path, '#!/bin/sh\nexec sleep 1000\n')
    await chmod(path, 0o755)
    const decoder = createLumaDecoder({ ffmpeg: { ...ffmpeg, path }, clock, onLuma: () => {} })
    decoder.begin(format)
    const startMs = performance.now()
    for (let times = 0; times < 2; times++) for (const { frame, fragment } of frames) decoder.feed(frame, fragment)
    expect(performance.now() - startMs).toBeLessThan(500)
    expect(decoder.stats.restarts).toBe(2)
    expect(decoder.stats.skipped).toBeGreaterThan(0)
    expect(decoder.stats.fed + decoder.stats.skipped).toBe(2 * frames.length)
    await decoder.stop()
  })

  test('goes on after its process died', async () => {
    const seen: LumaFrame[] = []
    const decoder = createLumaDecoder({ ffmpeg, clock, onLuma: (luma) => seen.push(luma) })
    decoder.begin(format)
    const broken = frames.map(({ frame, fragment }) => ({ frame, fragment: fragment.map((box) => box.map(() => 0)) }))
    for (const { frame, fragment } of broken.slice(0, 30)) decoder.feed(frame, fragment)
    await decoder.finish()
    for (const { frame, fragment } of frames) {
      decoder.feed(frame, fragment)
      await decoder.ready()
    }
    await decoder.finish()
    expect(seen.at(-1)?.captureMs).toBeGreaterThan(11_000)
  })

  test('keeps the shape of the picture', () => {
    expect(lumaSize({ ...format, width: 1920, height: 1080 })).toEqual({ width: 320, height: 180 })
    expect(lumaSize({ ...format, width: 1600, height: 1200 })).toEqual({ width: 320, height: 240 })
    expect(lumaSize({ ...format, width: 160, height: 120 })).toEqual({ width: 160, height: 120 })
  })
})
