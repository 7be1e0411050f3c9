import { createDoorstepPicture } from '../../device-agent/src/camera/doorstep-picture.ts'
import { createMotionDetector } from '../../device-agent/src/motion/motion-detector.ts'
import { fastest, type Measurement, measurementOf } from './measure.ts'

const SIZE = { width: 320, height: 180 }
const FRAMES_PER_SECOND = 5
/** The drawn doorstep from its first second to after the visitor has gone. */
const SECONDS = 24
const ROUNDS = 15

function drawFrames(): Uint8Array[] {
  const picture = createDoorstepPicture({ ...SIZE, framesPerSecond: FRAMES_PER_SECOND, seconds: SECONDS, seed: 1 })
  const lumaBytes = SIZE.width * SIZE.height
  return Array.from({ length: SECONDS * FRAMES_PER_SECOND }, (_, i) => picture.draw(i).slice(0, lumaBytes))
}

/** The least that could be called motion detection: what two pictures differ by, summed. */
function sumDifferences(frames: readonly Uint8Array[]): number {
  let sum = 0
  for (let i = 1; i < frames.length; i++) {
    const [before, now] = [frames[i - 1]!, frames[i]!]
    for (let at = 0; at < now.length; at++) sum += Math.abs(now[at]! - before[at]!)
  }
  return sum
}

/** The motion detector over the drawn doorstep, in the pictures it gets from a real camera. */
export async function benchMotion(): Promise<Measurement[]> {
  const frames = drawFrames()
  let seen = 0
  const seconds = await fastest(
    {
      ours: () => {
        const detector = createMotionDetector()
        const findings = frames.map((luma, i) =>
          detector.look({ ...SIZE, luma, captureMs: (i * 1000) / FRAMES_PER_SECOND }),
        )
        seen = findings.filter(({ moving }) => moving).length
      },
      differences: () => void sumDifferences(frames),
    },
    ROUNDS,
  )
  if (seen === 0) throw new Error('the detector saw nothing: what was measured is not its work')
  const perFrame = (s: number) => (s / frames.length) * 1e6
  const peer = { name: 'frame differences alone', value: perFrame(seconds.differences) }
  return [
    measurementOf({ name: 'motion, a 320×180 picture (5 a second)', unit: 'µs', ours: perFrame(seconds.ours), peer }),
  ]
}
