import { setTimeout as delay } from 'node:timers/promises'
import { join } from 'node:path'
import { createCamera } from '../../device-agent/src/camera/camera.ts'
import { loadFfmpeg } from '../../device-agent/src/camera/ffmpeg-binary.ts'
import { systemClock as clock } from '../../device-agent/src/kernel/clock.ts'
import { makeStream } from './camera/coded-streams.ts'
import { startRtspServer } from './camera/rtsp-server.ts'
import { type Measurement, measurementOf } from './measure.ts'

const SECONDS = 15
/** As in the doorbell while nothing stirs: frames wait for each other, which must not hold any back. */
const REST_MS = 200

/** Whether every picture of a 20 Mbit/s camera arrives, in time, where pictures share a wake-up. */
export async function benchDelivery(folder: string): Promise<Measurement[]> {
  const plan = { name: '20 Mbit/s', rate: 'cbr', kilobitsPerSecond: 20_000, busy: false } as const
  const video = makeStream(plan, join(folder, 'delivery.mp4'))
  const ffmpeg = await loadFfmpeg({ searchPath: process.env['PATH'] ?? '', clock })
  await using server = await startRtspServer({ video })
  const camera = createCamera({
    source: { kind: 'rtsp', url: server.url() },
    ffmpeg,
    clock,
    random: Math.random,
    restMs: () => REST_MS,
  })
  const stopping = new AbortController()
  const times: number[] = []
  const reading = (async () => {
    for await (const event of camera.events(stopping.signal))
      if (event.kind === 'frame') times.push(event.frame.captureMs)
  })()
  while (times.length === 0) await delay(10)
  const [first, started] = [times.length, performance.now()]
  await delay(SECONDS * 1000)
  const seconds = (performance.now() - started) / 1000
  const arrived = times.length - first
  stopping.abort()
  await reading
  const span = times.slice(first)
  const gaps = span.filter((ms, i) => i > 0 && ms - span[i - 1]! > 100).length
  const value = (seconds * video.units.length) / (video.durationTicks / 90_000)
  const peer = { name: 'sent', value }
  const name = `pictures of 20 Mbit/s delivered in ${SECONDS} s, ${gaps} missing between them`
  // A rest may hold the latest few back at the moment of counting.
  return [measurementOf({ name, unit: 'pictures', ours: arrived, peer }, { ratioAtLeast: 0.98 })]
}
