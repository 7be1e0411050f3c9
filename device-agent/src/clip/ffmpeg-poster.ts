// The types are our own, and other projects of the repository that import this file have to find them too.
// eslint-disable-next-line @typescript-eslint/triple-slash-reference
/// <reference path="./fluent-ffmpeg.d.ts" />
import { Readable, Writable } from 'node:stream'
import { concatBytes } from '@latchkey/shared'
import ffmpeg from 'fluent-ffmpeg'
import type { CodedFrame, PosterMaker, VideoFormat } from '../flow.ts'
import { encodeFragment } from '../kernel/fmp4-fragment.ts'

/** Enough to recognise a face in a list of clips, little enough for one notification. */
const POSTER_WIDTH = 640
const TIMEOUT_S = 10
const MAX_POSTER_BYTES = 1 << 20

/** A stream that keeps what is written to it, up to a limit; more is an error. */
function createCollector(maxBytes: number): { stream: Writable; bytes: () => Uint8Array } {
  const chunks: Buffer[] = []
  let sizeBytes = 0
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      sizeBytes += chunk.length
      if (sizeBytes <= maxBytes) chunks.push(chunk)
      done(sizeBytes <= maxBytes ? null : new Error('poster is too large'))
    },
  })
  return { stream, bytes: () => concatBytes(...chunks) }
}

function videoOf(format: VideoFormat, keyframe: CodedFrame): Readable {
  const fragment = encodeFragment({ frames: [keyframe], sequence: 1, originTicks: keyframe.dtsTicks })
  return Readable.from([Buffer.from(format.init), Buffer.from(fragment)])
}

/**
 * Builds a maker of JPEGs 640 wide. Coded frame and picture pass through pipes only: nothing touches a disk.
 * `ffmpegPath`: absolute.
 */
export function createPosterMaker(ffmpegPath: string): PosterMaker {
  return (format, keyframe) =>
    new Promise((resolve) => {
      const { stream, bytes } = createCollector(MAX_POSTER_BYTES)
      const scale = `scale='min(${POSTER_WIDTH},iw)':-2`
      const picture = ['-frames:v', '1', '-vf', scale, '-c:v', 'mjpeg', '-q:v', '5', '-pix_fmt', 'yuvj420p']
      ffmpeg({ source: videoOf(format, keyframe), timeout: TIMEOUT_S })
        .setFfmpegPath(ffmpegPath)
        .inputFormat('mp4')
        .outputOptions([
          ...picture,
          '-threads',
          '1',
          '-map_metadata',
          '-1',
          '-fflags',
          '+bitexact',
          '-flags:v',
          '+bitexact',
        ])
        .format('image2pipe')
        .on('error', () => resolve(undefined))
        .on('end', () => resolve(bytes().length > 0 ? bytes() : undefined))
        .pipe(stream, { end: true })
    })
}
