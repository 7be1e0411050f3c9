import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { copyFile, readFile } from 'node:fs/promises'

import { join } from 'node:path'
import { DEFAULT_SCENE, drawDoorstepScene } from '../../device-agent/src/camera/drawn-scene.ts'
import { COUNTER, type DoorstepOptions } from '../../device-agent/src/camera/doorstep-picture.ts'
import { type FfmpegBinary, loadFfmpeg } from '../../device-agent/src/camera/ffmpeg-binary.ts'
import { systemClock } from '../../device-agent/src/kernel/clock.ts'
import { kept } from './kept.ts'
import { ROOT } from './source-files.ts'

/** The ffmpeg of this machine. */
export const testFfmpeg = (): Promise<FfmpegBinary> =>
  loadFfmpeg({ searchPath: process.env['PATH'] ?? '', clock: systemClock })

/** The drawn doorstep at a quarter of its size: the same story, drawn in a second. */
export const SMALL_SCENE: DoorstepOptions = { ...DEFAULT_SCENE, width: 640, height: 360 }

const DRAWN_BY = ['drawn-scene.ts', 'doorstep-picture.ts'].map((name) => join(ROOT, 'device-agent/src/camera', name))

/** Draws the doorstep into `folder`; returns the file's path. One ffmpeg draws the same bytes every time: drawn once. */
export async function drawScene(folder: string, options: DoorstepOptions = SMALL_SCENE): Promise<string> {
  const ffmpeg = await testFfmpeg()
  const texts = await Promise.all(DRAWN_BY.map((file) => readFile(file, 'utf8')))
  const drawn = await kept(['scene', ffmpeg, options, ...texts], (path) =>
    drawDoorstepScene({ ffmpeg, clock: systemClock }, path, options),
  )
  const path = join(folder, `scene-${options.seed}.mp4`)
  await copyFile(drawn, path)
  return path
}

/** Makes a test picture's video: `coding` is ffmpeg's encoder and its options. */
export function makeVideo(path: string, coding: readonly string[], seconds = 2): string {
  const source = ['-f', 'lavfi', '-i', 'testsrc2=size=128x96:rate=10', '-t', String(seconds)]
  execFileSync('ffmpeg', ['-nostdin', '-v', 'error', '-y', ...source, ...coding, path])
  return path
}

/** x264 with B-frames and a keyframe per second. */
export const REORDERED = ['-c:v', 'libx264', '-g', '10', '-bf', '2', '-threads', '1']

/** One line per coded frame of the first video stream, in decode order: decode time, capture time, size, MD5. */
export interface Packet {
  readonly dts: number
  readonly pts: number
  readonly sizeAndHash: string
}

/** Coded frames by ffmpeg's own reading. `input`: a path, or the bytes of an MP4. */
export function packetsOf(input: string | Uint8Array): Packet[] {
  const from = typeof input === 'string' ? input : 'pipe:0'
  const args = ['-v', 'error', '-copyts', '-i', from, '-map', '0:v:0', '-c', 'copy', '-f', 'framemd5', 'pipe:1']
  const options = { maxBuffer: 1 << 28, ...(typeof input === 'string' ? {} : { input }) }
  const lines = execFileSync('ffmpeg', args, options).toString().split('\n')
  return lines
    .filter((line) => line.startsWith('0,'))
    .map((line) => {
      const [, dts, pts, , size, hash] = line.split(',').map((field) => field.trim())
      return { dts: Number(dts), pts: Number(pts), sizeAndHash: `${size} ${hash}` }
    })
}

/** What ffmpeg has to complain about when it decodes these bytes; empty when nothing. */
export function decodeComplaints(input: Uint8Array): string {
  // Its own idea of a clock is one tick per picture: too coarse for pictures that do not come evenly.
  const exact = ['-fps_mode', 'passthrough', '-enc_time_base', '1:90000']
  const args = ['-v', 'warning', '-err_detect', 'explode', '-i', 'pipe:0', ...exact, '-f', 'null', '-']
  const { status, stderr } = spawnSync('ffmpeg', args, { input, maxBuffer: 1 << 28 })
  return `${status === 0 ? '' : `exit ${status} `}${stderr.toString()}`
}

/** The frame numbers burned into a drawn scene, in order of presentation. */
export function countersOf(input: Uint8Array, width: number, height: number): number[] {
  const args = ['-v', 'error', '-i', 'pipe:0', '-f', 'rawvideo', '-pix_fmt', 'gray', 'pipe:1']
  const { stdout } = spawnSync('ffmpeg', args, { input, maxBuffer: 1 << 30 })
  const { bits, square, left, top } = COUNTER
  return Array.from({ length: stdout.length / (width * height) }, (_, frame) => {
    const at = (bit: number) => (top + square / 2) * width + left + (bits - 1 - bit) * square + square / 2
    let number = 0
    for (let bit = 0; bit < bits; bit++) if (stdout[frame * width * height + at(bit)]! > 128) number |= 1 << bit
    return number
  })
}

/** Real footage to measure with, where this checkout has it beside it: see the README of `test`. */
const FOOTAGE = process.env['LATCHKEY_FOOTAGE'] ?? new URL('../../../shared/footage', import.meta.url).pathname

/** Path of one of its files; `undefined` when it is not there. */
export function footage(name: string): string | undefined {
  const path = join(FOOTAGE, name)
  return existsSync(path) ? path : undefined
}

/** Lightest luma inside a shape, over all pictures. `inside`: in pixels. */
export function lightestIn(
  input: Uint8Array,
  size: { width: number; height: number },
  inside: (x: number, y: number) => boolean,
) {
  const args = ['-v', 'error', '-i', 'pipe:0', '-f', 'rawvideo', '-pix_fmt', 'gray', 'pipe:1']
  const { stdout } = spawnSync('ffmpeg', args, { input, maxBuffer: 1 << 30 })
  const pixels = size.width * size.height
  let lightest = 0
  for (let at = 0; at < stdout.length; at++) {
    const place = at % pixels
    if (inside(place % size.width, Math.floor(place / size.width))) lightest = Math.max(lightest, stdout[at]!)
  }
  return { lightest, pictures: stdout.length / pixels }
}

/** Lowest and highest value of each plane in a part of a picture: luma, blue and red difference, as coded (black is 16, 128, 128). */
export type PictureLevels = Readonly<Record<'y' | 'u' | 'v', readonly [lowest: number, highest: number]>>

/** A part of a picture, in pixels; all of its numbers are even, since colour is coded for squares of two by two. */
export type PicturePart = Readonly<Record<'left' | 'top' | 'width' | 'height', number>>

/** {@link PictureLevels} of every picture of a video file, in order, by ffmpeg's own decoder. */
export function levelsIn(path: string, part: PicturePart): PictureLevels[] {
  const { width, height, left, top } = part
  const crop = ['-vf', `format=yuv420p,crop=${width}:${height}:${left}:${top}`, '-fps_mode', 'passthrough']
  const args = ['-v', 'error', '-i', path, '-map', '0:v:0', ...crop, '-f', 'rawvideo', 'pipe:1']
  const bytes = execFileSync('ffmpeg', args, { maxBuffer: 1 << 28 })
  const luma = width * height
  const sizes = { y: luma, u: luma / 4, v: luma / 4 }
  const pictures: PictureLevels[] = []
  for (let at = 0; at < bytes.length;) {
    const levels = Object.entries(sizes).map(([plane, size]) => {
      const values = bytes.subarray(at, (at += size))
      return [plane, [Math.min(...values), Math.max(...values)]] as const
    })
    pictures.push(Object.fromEntries(levels) as PictureLevels)
  }
  return pictures
}
