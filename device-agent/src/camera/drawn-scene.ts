import { once } from 'node:events'
import { LatchkeyError } from '@latchkey/shared'
import { spawnChild } from '../kernel/child-process.ts'
import type { Clock } from '../kernel/clock.ts'
import { type DoorstepOptions, createDoorstepPicture } from './doorstep-picture.ts'
import type { FfmpegBinary } from './ffmpeg-binary.ts'

/** What to draw: a door, a visitor from about second 8 to 15, clouds before and a lamp after. */
export const DEFAULT_SCENE: DoorstepOptions = { width: 1280, height: 720, framesPerSecond: 15, seconds: 24, seed: 1 }

/** Sensor noise does not compress: a cap keeps segments at the size a real camera's have. */
const CODING = ['-preset', 'ultrafast', '-tune', 'zerolatency', '-crf', '26', '-maxrate', '3M', '-bufsize', '3M']
/** One keyframe per second and no reordering, as cameras send. */
const GOP_SECONDS = 1

function encoderArguments({ width, height, framesPerSecond }: DoorstepOptions, outPath: string): string[] {
  const input = ['-f', 'rawvideo', '-pix_fmt', 'yuv420p', '-video_size', `${width}x${height}`]
  const gop = String(framesPerSecond * GOP_SECONDS)
  const timing = ['-g', gop, '-keyint_min', gop, '-sc_threshold', '0', '-bf', '0']
  // One thread and bitexact: the same file every time from the same ffmpeg.
  const exact = ['-threads', '1', '-fflags', '+bitexact', '-flags:v', '+bitexact', '-map_metadata', '-1']
  const rate = String(framesPerSecond)
  const output = ['-c:v', 'libx264', ...CODING, ...timing, ...exact, '-movflags', '+faststart', '-f', 'mp4', '-y']
  return ['-hide_banner', '-v', 'error', ...input, '-framerate', rate, '-i', 'pipe:0', ...output, `file:${outPath}`]
}

/**
 * Draws the demonstration doorstep into an H.264 MP4 at `outPath`, overwriting it: textured, noisy, with changing light,
 * a visitor who comes and goes, and the frame number burned in (12 squares, see `COUNTER`). The same bytes on the same
 * ffmpeg.
 * @throws DEPENDENCY_MISSING when ffmpeg cannot encode H.264; STORAGE_FAILED when it cannot write the file
 */
export async function drawDoorstepScene(
  { ffmpeg, clock }: { ffmpeg: FfmpegBinary; clock: Clock },
  outPath: string,
  options: DoorstepOptions = DEFAULT_SCENE,
): Promise<void> {
  const picture = createDoorstepPicture(options)
  const args = encoderArguments(options, outPath)
  await using encoder = spawnChild({ command: ffmpeg.path, args, clock, stdin: 'pipe' })
  encoder.stdout.resume()
  const input = encoder.stdin!
  for (let frame = 0; frame < options.seconds * options.framesPerSecond && !input.destroyed; frame++) {
    // The buffer is drawn over for the next frame, so what is still in the pipe needs its own.
    const taken = input.write(picture.draw(frame).slice())
    if (!taken) await Promise.race([once(input, 'drain'), encoder.exited])
  }
  input.end()
  const { code } = await encoder.exited
  if (code === 0) return
  if (/Unknown encoder/.test(encoder.stderrTail()))
    throw new LatchkeyError('DEPENDENCY_MISSING', 'this ffmpeg has no libx264 to draw the demonstration scene with')
  throw new LatchkeyError('STORAGE_FAILED', 'ffmpeg could not write the demonstration scene')
}
