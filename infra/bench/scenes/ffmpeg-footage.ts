import { spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Stretch } from './scene.ts'

/** Which pictures of a video, and how large. */
export interface FootageView {
  readonly path: string
  /** Even numbers. */
  readonly width: number
  readonly height: number
  readonly framesPerSecond: number
  readonly stretch: Stretch
}

/** Decodes a stretch of a video; yields planar YUV 4:2:0, each picture in a buffer of its own. @throws when ffmpeg cannot */
export async function* footagePictures(view: FootageView): AsyncGenerator<Uint8Array, void, undefined> {
  const { path, width, height, framesPerSecond, stretch } = view
  const range = ['-ss', String(stretch.fromS), '-t', String(stretch.toS - stretch.fromS)]
  const filter = `fps=${framesPerSecond},scale=${width}:${height}:flags=bicubic,format=yuv420p`
  const args = ['-v', 'error', '-nostdin', ...range, '-i', path, '-an', '-vf', filter, '-f', 'rawvideo', 'pipe:1']
  const decoder = spawn('ffmpeg', args, { stdio: ['ignore', 'pipe', 'ignore'] })
  const exited = once(decoder, 'close') as Promise<[number | null]>
  const sizeBytes = (width * height * 3) / 2
  let picture = new Uint8Array(sizeBytes)
  let filled = 0
  try {
    for await (const chunk of decoder.stdout as AsyncIterable<Buffer>) {
      for (let at = 0; at < chunk.length;) {
        const count = Math.min(chunk.length - at, sizeBytes - filled)
        picture.set(chunk.subarray(at, at + count), filled)
        filled += count
        at += count
        if (filled < sizeBytes) continue
        yield picture
        picture = new Uint8Array(sizeBytes)
        filled = 0
      }
    }
  } finally {
    // Whoever stops early leaves no decoder behind.
    decoder.kill('SIGKILL')
  }
  const [code] = await exited
  if (code !== 0 && code !== null) throw new Error(`ffmpeg cannot read ${path}`)
}
