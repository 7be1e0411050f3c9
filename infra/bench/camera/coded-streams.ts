import { spawnSync } from 'node:child_process'
import { createDoorstepPicture } from '../../../device-agent/src/camera/doorstep-picture.ts'
import { type CodedVideo, loadCodedVideo } from './coded-video.ts'

/** A camera's stream of the drawn doorstep under fresh noise in every picture; x264 stands in for the camera's encoder. */
export interface StreamPlan {
  readonly name: string
  readonly rate: 'cbr' | 'vbr'
  readonly kilobitsPerSecond: number
  /** Something large crosses the picture all the time. */
  readonly busy: boolean
}

const SIZE = { width: 1920, height: 1080 }
export const STREAM_FPS = 15
const SECONDS = 20
const GOP_SECONDS = 2
/** Strength of ffmpeg's noise filter: a sensor in daylight. */
const NOISE = 5
const VISITOR =
  "testsrc2=size=300x620:rate=15[visitor];[wall][visitor]overlay=x='800+700*sin(t*1.2566)':y=380:shortest=1"

function coding({ rate, kilobitsPerSecond }: StreamPlan): string[] {
  const most = `${kilobitsPerSecond}k`
  const gop = String(GOP_SECONDS * STREAM_FPS)
  const timing = ['-g', gop, '-keyint_min', gop, '-sc_threshold', '0', '-bf', '0']
  const constant = ['-b:v', most, '-minrate', most, '-x264-params', 'nal-hrd=cbr:force-cfr=1']
  const size = [...(rate === 'cbr' ? constant : ['-crf', '28']), '-maxrate', most, '-bufsize', most]
  return ['-c:v', 'libx264', '-preset', 'superfast', '-tune', 'zerolatency', ...timing, ...size, '-pix_fmt', 'yuv420p']
}

/** Draws and codes a stream into `path`, and reads it back. @throws when ffmpeg cannot */
export function makeStream(plan: StreamPlan, path: string): CodedVideo {
  const still = createDoorstepPicture({ ...SIZE, framesPerSecond: STREAM_FPS, seconds: 24, seed: 1 }).draw(0)
  const input = ['-f', 'rawvideo', '-pix_fmt', 'yuv420p', '-video_size', `${SIZE.width}x${SIZE.height}`]
  const noise = `noise=alls=${NOISE}:allf=t:all_seed=1`
  const wall = `[0:v]loop=loop=-1:size=1,setpts=N/${STREAM_FPS}/TB`
  const filter = plan.busy ? `${wall}[wall];${VISITOR},${noise}` : `${wall},${noise}`
  const from = [...input, '-framerate', String(STREAM_FPS), '-i', 'pipe:0', '-filter_complex', filter]
  const args = ['-v', 'error', ...from, '-frames:v', String(SECONDS * STREAM_FPS), ...coding(plan), '-y', path]
  const { status, stderr } = spawnSync('ffmpeg', args, { input: still })
  if (status !== 0) throw new Error(`ffmpeg could not make ${plan.name}: ${stderr.toString().slice(-500)}`)
  return loadCodedVideo(path)
}
