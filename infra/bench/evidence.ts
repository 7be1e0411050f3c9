import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { mustRun, projectFile } from './programs.ts'

/** A visitor who takes his time: long enough that pre-roll, motion and post-roll together exceed 30 seconds. */
const VISIT_SECONDS = { from: 8, to: 34, end: 48 }

/** A box that paces before a noisy wall, in H.264 as a 720p camera at 15 frames a second sends it. */
function drawLongVisit(path: string): void {
  const { from, to, end } = VISIT_SECONDS
  const wall = `color=0x707060:size=1280x720:rate=15:duration=${end},noise=alls=12:allf=t:all_seed=1[wall]`
  const visitor = `testsrc2=size=200x420:rate=15:duration=${end}[visitor]`
  const pace = `overlay=x='540+400*sin(t*1.5)':y=250:enable='between(t,${from},${to})'`
  const scene = `${wall};${visitor};[wall][visitor]${pace}`
  const coding = '-c:v libx264 -preset ultrafast -g 15 -bf 0 -b:v 2M -maxrate 2M -bufsize 2M -pix_fmt yuv420p'
  mustRun('ffmpeg', ['-v', 'error', '-filter_complex', scene, ...coding.split(' '), '-y', path])
}

/** What a walkthrough left, to measure with. */
export interface Evidence {
  readonly bundle: string
  readonly trust: string
  readonly key: string
  readonly clipSeconds: number
}

/** The evidence of a real walkthrough over a long visit, made in `folder`. */
export function makeEvidence(folder: string): Evidence {
  const [camera, out] = [join(folder, 'visit.mp4'), join(folder, 'case')]
  drawLongVisit(camera)
  const options = ['--camera', camera, '--out', out, '--data', join(folder, 'state'), '--port', '0']
  mustRun(process.execPath, [projectFile('infra/local/start.ts'), '--walkthrough', ...options])
  const { clip } = JSON.parse(readFileSync(join(out, 'report.json'), 'utf8')) as {
    clip: { startMs: number; endMs: number }
  }
  const at = (name: string) => join(out, name)
  const clipSeconds = (clip.endMs - clip.startMs) / 1000
  return { bundle: at('bundle.zip'), trust: at('trust.json'), key: at('requester.key'), clipSeconds }
}
