import { setTimeout as delay } from 'node:timers/promises'
import { type FfmpegBinary, loadFfmpeg } from '../../device-agent/src/camera/ffmpeg-binary.ts'
import { createCapture } from '../../device-agent/src/capture.ts'
import type { ClipSink } from '../../device-agent/src/flow.ts'
import { systemClock as clock } from '../../device-agent/src/kernel/clock.ts'
import { DEFAULT_MOTION_CONFIG } from '../../device-agent/src/motion/motion-detector.ts'
import { replayFile } from '../../device-agent/src/replay.ts'
import { loadCodedVideo } from './camera/coded-video.ts'
import { startRtspServer } from './camera/rtsp-server.ts'
import { type Measurement, measurementOf, quantile } from './measure.ts'
import { footageFolder, loadCompositeFiles, type PresenceFile } from './presence-files.ts'
import type { PresencePlaces } from './presence-bench.ts'
import { COMPOSITES } from './scenes/composite-suite.ts'

/** Labels are exact to the picture; an event that begins this much beside a visit is a false one. */
const BEFORE_S = 0.5
const AFTER_S = 1
/** What is on its way when the camera has shown everything. */
const DRAIN_MS = 3_000
/** A camera that begins in the middle of others' pictures, as cameras do. */
const STAGGER_MS = 310
const GOP_GOAL_S = 2

/** What one way of decoding made of one composite. */
interface Watched {
  readonly found: number
  readonly falseEvents: number
  /** From a visit's first picture leaving the camera to its event, ms. */
  readonly delaysMs: readonly number[]
}

interface Compared {
  readonly file: PresenceFile
  readonly gopS: number
  readonly light: boolean
  readonly full: Watched
  readonly eco: Watched
}

/** An event, when the picture was shown that it is about, and how much later it was told. */
interface Told {
  readonly atS: number
  readonly toldS: number
}

function judge({ truth }: PresenceFile, movingS: readonly number[], events: readonly Told[]): Watched {
  const isIn = (atS: number, visit: { fromS: number; toS: number }) => atS >= visit.fromS - BEFORE_S && atS < visit.toS
  const firsts = truth.visits.map((visit) => ({ visit, event: events.find(({ atS }) => isIn(atS, visit)) }))
  return {
    found: truth.visits.filter((visit) => movingS.some((atS) => isIn(atS, visit))).length,
    falseEvents: events.filter(({ atS }) => !truth.visits.some((v) => isIn(atS, { ...v, toS: v.toS + AFTER_S })))
      .length,
    delaysMs: firsts.flatMap(({ visit, event }) => (event ? [(event.toldS - visit.fromS) * 1000] : [])),
  }
}

async function watchAll(file: PresenceFile, ffmpeg: FfmpegBinary): Promise<Watched> {
  const moving: number[] = []
  const { events } = await replayFile({
    path: file.path,
    ffmpeg,
    clock,
    motion: DEFAULT_MOTION_CONFIG,
    onFinding(finding, atS) {
      if (finding.moving) moving.push(atS)
    },
  })
  const told = events.map(({ fromS }) => ({ atS: fromS, toldS: fromS }))
  return judge(file, moving, told)
}

const FORGETFUL: ClipSink = { start: async () => {}, item: async () => {}, end: async () => {} }

/** The same file from a network camera, at real speed, in eco. */
async function watchEco(file: PresenceFile, ffmpeg: FfmpegBinary): Promise<Watched> {
  const video = loadCodedVideo(file.path)
  let zeroMs = Infinity
  let over: () => void = () => {}
  const shown = new Promise<void>((resolve) => (over = resolve))
  function onPicture(number: number): void {
    if (number >= video.units.length) return
    // Pictures may leave late, never early.
    zeroMs = Math.min(zeroMs, performance.now() - video.units[number]!.timestamp / 90)
    if (number === video.units.length - 1) over()
  }
  await using camera = await startRtspServer({ video, onPicture })
  const nowS = () => (performance.now() - zeroMs) / 1000
  const moving: number[] = []
  const told: Told[] = []
  const faults: unknown[] = []
  // Capture times are the wall clock's: an age says where in the video a picture lies.
  const placeOf = (captureMs: number) => nowS() - (clock.nowMs() - captureMs) / 1000
  const capture = createCapture({
    source: { kind: 'rtsp', url: camera.url() },
    name: 'eco',
    ffmpeg,
    clock,
    random: Math.random,
    sink: FORGETFUL,
    mode: 'eco',
    onState: () => {},
    onEvent: ({ atMs }) => void told.push({ atS: placeOf(atMs), toldS: nowS() }),
    onFinding({ moving: isMoving, captureMs }) {
      if (isMoving) moving.push(placeOf(captureMs))
    },
    onFault: (error) => void faults.push(error),
  })
  await shown
  const endS = file.truth.seconds
  await delay(DRAIN_MS)
  await capture.stop()
  if (faults.length > 0) throw faults[0]
  // The camera begins again at the end; what it shows then has been judged.
  const events = told.filter(({ atS }) => atS < endS)
  return judge(
    file,
    moving.filter((atS) => atS < endS),
    events,
  )
}

const sum = (all: readonly Compared[], value: (one: Compared) => number) => all.reduce((n, one) => n + value(one), 0)

function linesOf(all: readonly Compared[]): Measurement[] {
  const quick = all.filter(({ gopS }) => gopS <= GOP_GOAL_S)
  const slow = all.filter(({ gopS }) => gopS > GOP_GOAL_S)
  const light = all.filter((one) => one.light)
  const recall = (some: readonly Compared[], what: string) => ({
    name: `visits found in eco, ${what}, of ${sum(some, ({ file }) => file.truth.visits.length)}`,
    unit: 'visits',
    ours: sum(some, ({ eco }) => eco.found),
    peer: { name: 'always decoding', value: sum(some, ({ full }) => full.found) },
  })
  const alarms = (some: readonly Compared[], what: string) => ({
    name: `false events in eco, ${what} (always decoding: ${sum(some, ({ full }) => full.falseEvents)})`,
    unit: 'events',
    ours: sum(some, ({ eco }) => eco.falseEvents),
  })
  const delays = quick.flatMap(({ eco }) => eco.delaysMs)
  const excess = quick.flatMap(({ eco, gopS }) => eco.delaysMs.map((ms) => ms - gopS * 1000))
  const told = `visit's first picture → event in eco, at real speed, keyframes up to 2 s`
  return [
    measurementOf(recall(quick, 'keyframes up to 2 s apart'), { ratioAtLeast: 1 }),
    measurementOf(recall(slow, 'keyframes 4 s apart')),
    measurementOf(alarms(light, 'light steps and drifts'), { under: 1 }),
    measurementOf(alarms(all, 'all composites')),
    measurementOf(
      { name: `${told}, median of ${delays.length}`, unit: 'ms', ours: quantile(delays, 0.5) },
      { under: 700 },
    ),
    measurementOf({ name: `${told}, worst`, unit: 'ms', ours: Math.max(...delays) }),
    measurementOf(
      { name: `${told}, worst, beyond one keyframe interval`, unit: 'ms', ours: Math.max(...excess) },
      { under: 300 },
    ),
  ]
}

/**
 * What eco misses that decoding every picture does not, on the composites: near, far, light steps, drifts, noise,
 * keyframes every 1, 2 and 4 s. Eco at real speed, every composite its own network camera, all at once; then every
 * picture, as fast as it goes.
 */
export async function benchEco({ footage, scenes }: PresencePlaces): Promise<Measurement[]> {
  const ffmpeg = await loadFfmpeg({ searchPath: process.env['PATH'] ?? '', clock })
  const files = loadCompositeFiles(scenes, footageFolder(footage))
  const ecos = await Promise.all(
    files.map(async (file, i) => {
      await delay(i * STAGGER_MS)
      return watchEco(file, ffmpeg)
    }),
  )
  const all: Compared[] = []
  for (const [i, file] of files.entries()) {
    const { coding, scene } = COMPOSITES.find((entry) => entry.scene.name === file.name)!
    const compared = { file, gopS: coding.gopS, light: scene.light !== 'steady', eco: ecos[i]! }
    all.push({ ...compared, full: await watchAll(file, ffmpeg) })
    const { eco, full } = all.at(-1)!
    const words = ({ found, falseEvents, delaysMs }: Watched) =>
      `${found} found, ${falseEvents} false, ${delaysMs.map((ms) => Math.round(ms)).join(' ')} ms`
    process.stderr.write(`${file.name}: ${file.truth.visits.length} visits; eco ${words(eco)}; full ${words(full)}\n`)
  }
  return linesOf(all)
}
