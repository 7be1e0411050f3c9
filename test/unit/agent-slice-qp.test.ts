import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { type PictureReader, createPictureReader } from '../../device-agent/src/camera/coded-picture.ts'
import { createFmp4Demuxer } from '../../device-agent/src/camera/fmp4-demuxer.ts'
import type { CodedFrame } from '../../device-agent/src/flow.ts'
import { fragmentedMp4 } from '../../infra/bench/camera/coded-video.ts'
import { makeVideo } from '../support/media-files.ts'
import { createTemporaryFolder } from '../support/temporary-folder.ts'

/** The slices of a video in decode order, as ffmpeg's own decoder reports them. */
function slicesByFfmpeg(path: string): { type: string; qp: number; first: boolean }[] {
  const args = ['-nostdin', '-v', 'debug', '-debug', 'pict', '-threads', '1', '-i', path, '-f', 'null', '-']
  const { stderr } = spawnSync('ffmpeg', args, { maxBuffer: 1 << 28 })
  const lines = [...stderr.toString().matchAll(/slice:\d+ \w mb:(\d+) ([IPB])\S* .*? qp:(\d+) /g)]
  return lines.map(([, macroblock, type, qp]) => ({ type: type!, qp: Number(qp), first: macroblock === '0' }))
}

/** The same by our reader, and the mean over the slices of a picture. */
function picturesByUs(path: string): { type: string | undefined; qp: number | undefined }[] {
  let reader: PictureReader
  return createFmp4Demuxer()
    .push(fragmentedMp4(path))
    .flatMap((part) => {
      if (part.kind === 'init') reader = createPictureReader(part.init.format)
      return part.kind === 'fragment' ? part.samples.map((sample) => reader.read(sample as unknown as CodedFrame)) : []
    })
}

function picturesByFfmpeg(path: string): { type: string; qp: number }[] {
  const pictures: { type: string; qp: number }[][] = []
  for (const { first, type, qp } of slicesByFfmpeg(path)) {
    if (first) pictures.push([])
    pictures.at(-1)?.push({ type, qp })
  }
  const mean = (slices: { qp: number }[]) => slices.reduce((sum, { qp }) => sum + qp, 0) / slices.length
  return pictures.map((slices) => ({ type: slices[0]!.type, qp: mean(slices) }))
}

const X264 = ['-c:v', 'libx264', '-g', '10', '-threads', '1', '-b:v', '300k']

test.each([
  ['baseline, as cameras send it', [...X264, '-preset', 'ultrafast', '-tune', 'zerolatency']],
  ['CABAC, several references, a scene cut', [...X264, '-preset', 'medium', '-bf', '0']],
  [
    'B pictures, weights for both',
    [...X264, '-bf', '3', '-weightp', '2', '-x264-params', 'weightb=1:b-pyramid=normal'],
  ],
  [
    'three slices and a strict bit rate',
    [...X264, '-x264-params', 'slices=3:nal-hrd=cbr:vbv-bufsize=300:vbv-maxrate=300'],
  ],
  ['fields', [...X264, '-flags', '+ildct+ilme', '-x264-params', 'tff=1']],
])('slice types and quantisers are what ffmpeg’s decoder finds: %s', async (_, coding) => {
  await using folder = await createTemporaryFolder()
  const path = makeVideo(join(folder.path, 'video.mp4'), coding, 3)
  const ours = picturesByUs(path)
  // ffmpeg decodes a few pictures twice, to look into the file first.
  const theirs = picturesByFfmpeg(path).slice(-ours.length)
  expect(ours).toHaveLength(30)
  expect(new Set(ours.map(({ qp }) => qp)).size).toBeGreaterThan(1)
  expect(ours.map(({ qp }) => qp)).toEqual(theirs.map(({ qp }) => qp))
})

test('bytes that are no slice read as nothing, whatever they are', async () => {
  await using folder = await createTemporaryFolder()
  const path = makeVideo(join(folder.path, 'video.mp4'), [...X264, '-bf', '0'], 1)
  const parts = createFmp4Demuxer().push(fragmentedMp4(path))
  const format = parts.flatMap((part) => (part.kind === 'init' ? [part.init.format] : []))[0]!
  const [sample] = parts.flatMap((part) => (part.kind === 'fragment' ? part.samples : []))
  const reader = createPictureReader(format)
  const read = (data: Uint8Array) => reader.read({ ...sample!, data } as unknown as CodedFrame)
  for (let length = 0; length < 40; length++) expect(() => read(sample!.data.subarray(0, length))).not.toThrow()
  for (let at = 0; at < 400; at++) {
    const damaged = sample!.data.slice()
    damaged[at % damaged.length]! ^= 1 << (at % 8)
    expect(() => read(damaged)).not.toThrow()
  }
  expect(read(new Uint8Array(100).fill(0))).toEqual({ type: undefined, qp: undefined })
  expect(createPictureReader({ ...format, init: new Uint8Array(50) }).read(sample as unknown as CodedFrame).qp).toBe(
    undefined,
  )
})
