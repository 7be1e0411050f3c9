/** The camera of a walkthrough: a file of exactly the coded frames that the agent will be given. */
import { stat } from 'node:fs/promises'
import { LatchkeyError } from '@latchkey/shared'
import { drawDoorstepScene } from '../../device-agent/src/camera/drawn-scene.ts'
import type { FfmpegBinary } from '../../device-agent/src/camera/ffmpeg-binary.ts'
import { runChild } from '../../device-agent/src/kernel/child-process.ts'
import { systemClock } from '../../device-agent/src/kernel/clock.ts'

/** A live camera is recorded this long first; then the recording plays the camera. */
const LIVE_SECONDS = 45
const TIMEOUT_MS = 600_000

async function ffmpeg(
  binary: FfmpegBinary,
  args: readonly string[],
): Promise<{ code: number | null; stderrTail: string }> {
  return runChild({
    command: binary.path,
    args: ['-nostdin', '-hide_banner', ...args],
    clock: systemClock,
    maxOutputBytes: 65_536,
    timeoutMs: TIMEOUT_MS,
  })
}

function inputOf(camera: string, binary: FfmpegBinary): string[] {
  // `-timeout` means "listen" before ffmpeg 5.
  if (/^rtsps?:/i.test(camera))
    return [
      '-rtsp_transport',
      'tcp',
      binary.major >= 5 ? '-timeout' : '-stimeout',
      '10000000',
      '-i',
      camera,
      '-t',
      String(LIVE_SECONDS),
    ]
  if (camera.startsWith('/dev/video')) return ['-f', 'v4l2', '-i', camera, '-t', String(LIVE_SECONDS)]
  return ['-i', `file:${camera}`]
}

async function isH264(input: readonly string[], binary: FfmpegBinary): Promise<boolean> {
  // With no output ffmpeg describes its input and stops.
  const { stderrTail } = await ffmpeg(
    binary,
    input.filter((word) => word !== '-t' && word !== String(LIVE_SECONDS)),
  )
  if (!/Video: /.test(stderrTail))
    throw new LatchkeyError(
      'SOURCE_UNSUPPORTED',
      'the camera or file is not there, or holds no video that ffmpeg can read',
    )
  return /Video: h264\b/.test(stderrTail)
}

/**
 * Makes `out`: the drawn doorstep, a copy of a file's video, or 45 seconds of a live camera. H.264 is copied frame for
 * frame; anything else is coded to H.264 once, here, and the walkthrough says so.
 * @param say one line for the person watching
 * @throws SOURCE_UNSUPPORTED
 */
export async function recordCamera(
  camera: string | null,
  out: string,
  tools: { ffmpeg: FfmpegBinary; say: (line: string) => void },
): Promise<void> {
  const { ffmpeg: binary, say } = tools
  if (camera === null) {
    await drawDoorstepScene({ ffmpeg: binary, clock: systemClock }, out)
    return
  }
  const input = inputOf(camera, binary)
  const copy = await isH264(input, binary)
  if (input.includes('-t')) say(`a live camera: recording ${LIVE_SECONDS} s of it first`)
  if (!copy) say('not H.264: coded to H.264 once, as a camera would; the coded frames from here on are never altered')
  const coding = copy
    ? ['-c', 'copy']
    : ['-c:v', 'libx264', '-preset', 'veryfast', '-g', '20', '-bf', '0', '-pix_fmt', 'yuv420p']
  const { code, stderrTail } = await ffmpeg(binary, ['-v', 'error', ...input, '-map', '0:v:0', ...coding, '-y', out])
  if (code !== 0 || !(await stat(out).catch(() => null)))
    throw new LatchkeyError(
      'SOURCE_UNSUPPORTED',
      `ffmpeg could not read the camera: ${stderrTail.trim().split('\n').at(-1)}`,
    )
}
