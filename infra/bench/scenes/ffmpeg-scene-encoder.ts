import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { renameSync, writeFileSync } from 'node:fs'
import { type Scene, truthOf } from './scene.ts'

/** How a camera codes: H.264 without B-frames or look-ahead. x264 stands in for the camera's own encoder. */
export interface Coding {
  /** Seconds between keyframes. */
  readonly gopS: number
  /** `vbr`: quality up to a cap, so a quiet scene costs little. `cbr`: the full rate always, filled up if need be. */
  readonly rate: 'vbr' | 'cbr'
  readonly kilobitsPerSecond: number
}

/**
 * The finest quality at which a quiet scene stays below the cap at every noise that the suite codes so (sigma 1.5: 0.35 of
 * 2.5 Mbit/s, sigma 2.5: 2.0). Two steps finer, noise alone fills the cap, and what is called VBR is CBR in fact.
 */
const VBR_QUALITY = '26'

function codingArguments({ gopS, rate, kilobitsPerSecond }: Coding, framesPerSecond: number): string[] {
  const gop = String(Math.round(gopS * framesPerSecond))
  const timing = ['-g', gop, '-keyint_min', gop, '-sc_threshold', '0', '-bf', '0']
  const most = `${kilobitsPerSecond}k`
  const constant = ['-b:v', most, '-minrate', most, '-x264-params', 'nal-hrd=cbr:force-cfr=1']
  const size = [...(rate === 'cbr' ? constant : ['-crf', VBR_QUALITY]), '-maxrate', most, '-bufsize', most]
  // One thread: the same file every time from the same ffmpeg.
  return ['-c:v', 'libx264', '-preset', 'superfast', '-tune', 'zerolatency', '-threads', '1', ...timing, ...size]
}

/**
 * Writes `scene` to `path`, an MP4, and its truth to `path` + `.json`; both appear whole or not at all.
 * @throws when ffmpeg cannot
 */
export async function encodeScene(scene: Scene, coding: Coding, path: string): Promise<void> {
  const { width, height, framesPerSecond } = scene
  const input = ['-f', 'rawvideo', '-pix_fmt', 'yuv420p', '-video_size', `${width}x${height}`]
  const unfinished = `${path}.${process.pid}.part`
  const plain = ['-fflags', '+bitexact', '-flags:v', '+bitexact', '-f', 'mp4', '-y', unfinished]
  const from = ['-framerate', String(framesPerSecond), '-i', 'pipe:0']
  const args = ['-v', 'error', ...input, ...from, ...codingArguments(coding, framesPerSecond), ...plain]
  const encoder = spawn('ffmpeg', args, { stdio: ['pipe', 'ignore', 'pipe'] })
  let complaint = ''
  encoder.stderr.on('data', (text: Buffer) => (complaint = (complaint + text.toString()).slice(-1_000)))
  encoder.stdin.on('error', () => {})
  const exited = once(encoder, 'close') as Promise<[number | null]>
  for await (const picture of scene.pictures()) {
    if (encoder.stdin.destroyed) break
    // The buffer is drawn over: what waits in the pipe needs its own.
    if (!encoder.stdin.write(picture.slice())) await Promise.race([once(encoder.stdin, 'drain'), exited])
  }
  encoder.stdin.end()
  const [code] = await exited
  if (code !== 0) throw new Error(`ffmpeg could not write ${path}: ${complaint}`)
  writeFileSync(`${path}.json`, `${JSON.stringify({ ...truthOf(scene), coding }, null, 2)}\n`)
  renameSync(unfinished, path)
}
