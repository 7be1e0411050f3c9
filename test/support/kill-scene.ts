import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { drawScene } from './media-files.ts'

/** Seconds of the drawn scene in which something happens: just before the visitor comes until just after the lamp. */
const FROM_S = 7
const TO_S = 16

/**
 * A small video in which visitors come one after the other, so that a clip is nearly always being recorded.
 * @returns its path in `folder`
 */
export async function makeBusyVideo(folder: string, repeats: number): Promise<string> {
  const scene = await drawScene(folder, { width: 320, height: 180, framesPerSecond: 15, seconds: TO_S, seed: 7 })
  const [visit, path] = [join(folder, 'visit.mp4'), join(folder, 'busy.mp4')]
  const run = (...args: string[]) => execFileSync('ffmpeg', ['-nostdin', '-v', 'error', '-y', ...args])
  run('-ss', String(FROM_S), '-i', scene, '-c', 'copy', visit)
  run('-stream_loop', String(repeats - 1), '-i', visit, '-c', 'copy', path)
  return path
}
