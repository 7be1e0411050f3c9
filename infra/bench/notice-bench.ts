import { cpSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { VISIT } from '../../device-agent/src/camera/doorstep-picture.ts'
import { DEFAULT_SCENE, drawDoorstepScene } from '../../device-agent/src/camera/drawn-scene.ts'
import { loadFfmpeg } from '../../device-agent/src/camera/ffmpeg-binary.ts'
import type { AgentConfig } from '../../device-agent/src/config.ts'
import { systemClock as clock } from '../../device-agent/src/kernel/clock.ts'
import { type CodedVideo, loadCodedVideo } from './camera/coded-video.ts'
import { startRtspServer } from './camera/rtsp-server.ts'
import { connectWhenUp, startMosquitto } from './home-broker.ts'
import { type Measurement, measurementOf, quantile } from './measure.ts'
import { endProgram, pairOnce, startDoorbell } from './paired-doorbell.ts'

/** Doorbells that watch at the same time, and how often each is visited. */
const DOORBELLS = 6
const VISITS = 6
/** So that not all are visited in the same moment. */
const STAGGER_MS = 1_370
/** The number burned into the first picture that shows the visitor: a 25th of the picture's width, at once. */
const FIRST_PICTURE = Math.ceil(VISIT.enterS * DEFAULT_SCENE.framesPerSecond)
/** A picture more than a whole number of the detector's, one in three: every visit falls otherwise between two of them. */
const SCENE = { ...DEFAULT_SCENE, seconds: (3 * 120 + 0.5) / DEFAULT_SCENE.framesPerSecond }
const WATCH_MS = (VISITS + 1) * SCENE.seconds * 1000

interface Notices {
  /** From the picture leaving the camera to the message arriving, ms; Infinity for a visit that was not told. */
  readonly delays: number[]
  /** Times the topic said ON while no visitor was waited for. */
  readonly falseAlarms: number
}

/** Pairs what the camera showed with what the broker's subscriber heard. */
function createNotices(loopPictures: number) {
  const delays: number[] = []
  let shownMs: number | undefined
  let falseAlarms = 0
  let isOn = false
  return {
    onPicture(number: number): void {
      if (number % loopPictures !== FIRST_PICTURE || delays.length === VISITS) return
      if (shownMs !== undefined) delays.push(Infinity)
      shownMs = performance.now()
    },
    onMessage(topic: string, payload: Buffer): void {
      if (!topic.endsWith('/motion')) return
      const wasOn = isOn
      isOn = payload.toString() === 'ON'
      if (wasOn || !isOn || delays.length === VISITS) return
      if (shownMs === undefined) falseAlarms++
      else delays.push(performance.now() - shownMs)
      shownMs = undefined
    },
    get result(): Notices {
      return { delays: shownMs === undefined ? delays : [...delays, Infinity], falseAlarms }
    },
  }
}

interface Door {
  readonly folder: string
  readonly paired: AgentConfig
  readonly video: CodedVideo
}

/** One doorbell at its own camera and broker, until it was visited often enough. */
async function watchDoor({ folder, paired, video }: Door): Promise<Notices> {
  const notices = createNotices(video.units.length)
  await using camera = await startRtspServer({ video, onPicture: notices.onPicture })
  const { broker, url } = await startMosquitto(folder)
  const listener = await connectWhenUp(url)
  await listener.subscribeAsync('#', { qos: 1 })
  listener.on('message', notices.onMessage)
  const config = {
    ...paired,
    dataDir: join(folder, 'agent'),
    camera: { source: camera.url(), name: 'Front door' },
    motion: { mode: 'full' },
    home: { broker: url },
  }
  writeFileSync(join(folder, 'agent.json'), JSON.stringify(config))
  const agent = startDoorbell(join(folder, 'agent.json'))
  try {
    await delay(WATCH_MS)
    return notices.result
  } finally {
    await endProgram(agent)
    await listener.endAsync(true)
    await endProgram(broker)
  }
}

async function drawVideo(path: string): Promise<CodedVideo> {
  const ffmpeg = await loadFfmpeg({ searchPath: process.env['PATH'] ?? '', clock })
  await drawDoorstepScene({ ffmpeg, clock }, path, SCENE)
  return loadCodedVideo(path)
}

/**
 * From the first picture in which a visitor can be seen to the subscriber of the home broker: whole paired doorbells that
 * decode every picture, at real speed, each with a network camera and a real Mosquitto of its own; the relay is gone. The
 * camera knows the number that is burned into a picture and says when that picture leaves it.
 */
export async function benchNotice(parent: string): Promise<Measurement[]> {
  const folder = join(parent, 'notice')
  mkdirSync(folder)
  const video = await drawVideo(join(folder, 'doorstep.mp4'))
  const paired = await pairOnce(folder)
  const all = await Promise.all(
    Array.from({ length: DOORBELLS }, async (_, i) => {
      const own = join(folder, `door-${i}`)
      mkdirSync(own)
      cpSync(join(folder, 'demo', 'agent'), join(own, 'agent'), { recursive: true })
      await delay(i * STAGGER_MS)
      return watchDoor({ folder: own, paired, video })
    }),
  )
  const delays = all.flatMap((door) => door.delays)
  const missed = delays.filter((ms) => ms === Infinity).length
  const falseAlarms = all.reduce((sum, door) => sum + door.falseAlarms, 0)
  const what = `visitor in the picture → home broker, every picture decoded`
  const counts = `${delays.length} visits, ${missed} missed, ${falseAlarms} false`
  const line = (share: number) => ({
    name: `${what}, p${share * 100}, ${counts}`,
    unit: 'ms',
    ours: quantile(delays, share),
  })
  return [measurementOf(line(0.5)), measurementOf(line(0.99), { under: 400 })]
}
