import { setTimeout as delay } from 'node:timers/promises'
import { join } from 'node:path'
import { createCamera } from '../../device-agent/src/camera/camera.ts'
import { loadFfmpeg } from '../../device-agent/src/camera/ffmpeg-binary.ts'
import type { CodedFrame } from '../../device-agent/src/flow.ts'
import { systemClock as clock } from '../../device-agent/src/kernel/clock.ts'
import { makeStream } from './camera/coded-streams.ts'
import type { CodedVideo } from './camera/coded-video.ts'
import { startRtspServer } from './camera/rtsp-server.ts'
import { type Measurement, measurementOf } from './measure.ts'

const SECONDS = 15
/** As in the doorbell while nothing stirs: frames wait for each other, which must not hold any back. */
const REST_MS = 200
/** The latest pictures may still be resting, or under way, when they are counted. */
const UNDER_WAY_MS = 1_000

/** Whether a frame is, bit for bit, a picture that was sent. */
function createComparer({ units }: CodedVideo): (frame: CodedFrame, index: number) => boolean {
  const sent = units.map(({ nalUnits }) => {
    const parts = nalUnits.flatMap((nal) => {
      const length = Buffer.alloc(4)
      length.writeUInt32BE(nal.length)
      return [length, nal]
    })
    return Buffer.concat(parts)
  })
  return ({ data }, index) => sent[index % sent.length]!.equals(data)
}

/**
 * Whether every picture of a 20 Mbit/s camera arrives, bit for bit, where pictures share a wake-up: the first that comes is
 * the first that was sent.
 */
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
  const isSent = createComparer(video)
  const stopping = new AbortController()
  let [arrived, whole, sizeBytes] = [0, 0, 0]
  const reading = (async () => {
    for await (const event of camera.events(stopping.signal)) {
      if (event.kind !== 'frame') continue
      if (isSent(event.frame, arrived++)) whole++
      sizeBytes += event.frame.data.length
    }
  })()
  while (arrived === 0) await delay(10)
  const started = performance.now()
  await delay(SECONDS * 1000)
  const seconds = (performance.now() - started) / 1000
  stopping.abort()
  await reading
  const perSecond = video.units.length / (video.durationTicks / 90_000)
  const due = Math.floor((seconds - UNDER_WAY_MS / 1000) * perSecond)
  const megabits = Math.round((sizeBytes * 8) / 1e6 / seconds)
  // As many as came, or as should have come when that is more: one that is missing shifts all after it, and none of them fits.
  const peer = { name: 'sent', value: Math.max(arrived, due) }
  const name = `pictures of ${megabits} Mbit/s delivered in ${SECONDS} s, each compared bit for bit in its place`
  return [measurementOf({ name, unit: 'pictures', ours: whole, peer }, { ratioAtLeast: 1 })]
}
