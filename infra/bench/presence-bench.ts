import { loadFfmpeg } from '../../device-agent/src/camera/ffmpeg-binary.ts'
import { systemClock } from '../../device-agent/src/kernel/clock.ts'
import { createMotionDetector, DEFAULT_MOTION_CONFIG } from '../../device-agent/src/motion/motion-detector.ts'
import { replayFile } from '../../device-agent/src/replay.ts'
import { type Measurement, measurementOf } from './measure.ts'
import { footageFolder, loadPresenceFiles, type PresenceFile } from './presence-files.ts'
import { motionEvents, type MotionSetup, sceneScores } from './presence-rivals.ts'
import { countPresence, type PresenceCounts, scoreOf, sumCounts } from './presence-score.ts'
import { footagePictures } from './scenes/ffmpeg-footage.ts'
import type { Stretch } from './scenes/scene.ts'

/** Where the labelled videos are. */
export interface PresencePlaces {
  /** Recordings with a ground-truth.json; beside the project by default. */
  readonly footage?: string | undefined
  /** Where scenes are kept, so that a second run need not make them. */
  readonly scenes: string
}

const SENSITIVITIES = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]
const SCENE_THRESHOLDS = [0.001, 0.002, 0.003, 0.005, 0.008, 0.012, 0.02, 0.03, 0.05]
const PICTURES_PER_SECOND = 5
const LUMA = { width: 320, height: 180 }
/** A sighting lasts until the next picture would have come. */
const PICTURE_S = 0.2
/** Videos that `motion` watches at a time, each as fast as it was recorded. */
const AT_A_TIME = 11

type Counted = readonly (PresenceCounts & { readonly file: PresenceFile })[]

const say = (line: string) => process.stderr.write(`${line}\n`)
const at = (atS: number): Stretch => ({ fromS: atS, toS: atS + PICTURE_S })

async function countEach(files: readonly PresenceFile[], see: (file: PresenceFile) => Promise<readonly Stretch[]>) {
  const counted: (PresenceCounts & { file: PresenceFile })[] = []
  for (let first = 0; first < files.length; first += AT_A_TIME) {
    const some = files.slice(first, first + AT_A_TIME)
    counted.push(
      ...(await Promise.all(some.map(async (file) => ({ file, ...countPresence(file.truth, await see(file)) })))),
    )
  }
  return counted
}

async function countOurs(files: readonly PresenceFile[]): Promise<Counted> {
  const ffmpeg = await loadFfmpeg({ searchPath: process.env['PATH'] ?? '', clock: systemClock })
  return countEach(files, async ({ path }) => {
    const seen: Stretch[] = []
    const onFinding = ({ moving }: { moving: boolean }, atS: number) => {
      if (moving) seen.push(at(atS))
    }
    await replayFile({ path, ffmpeg, clock: systemClock, motion: DEFAULT_MOTION_CONFIG, onFinding })
    return seen
  })
}

/** Every sensitivity over the same pictures, decoded once. */
async function countCurve(files: readonly PresenceFile[]): Promise<PresenceCounts[]> {
  const counts = SENSITIVITIES.map((): PresenceCounts[] => [])
  for (const { path, truth } of files) {
    const detectors = SENSITIVITIES.map((sensitivity) =>
      createMotionDetector({ ...DEFAULT_MOTION_CONFIG, sensitivity }),
    )
    const seen = SENSITIVITIES.map((): Stretch[] => [])
    const stretch = { fromS: 0, toS: truth.seconds }
    let frame = 0
    for await (const picture of footagePictures({ path, ...LUMA, framesPerSecond: PICTURES_PER_SECOND, stretch })) {
      const atS = frame++ / PICTURES_PER_SECOND
      const luma = picture.subarray(0, LUMA.width * LUMA.height)
      detectors.forEach((detector, i) => {
        if (detector.look({ ...LUMA, luma, captureMs: atS * 1000 }).moving) seen[i]!.push(at(atS))
      })
    }
    seen.forEach((stretches, i) => counts[i]!.push(countPresence(truth, stretches)))
  }
  return counts.map(sumCounts)
}

/** ffmpeg's filter at the threshold that suits these very files best: it is given that for nothing. */
function countScenes(files: readonly PresenceFile[]): { threshold: number; counted: Counted } {
  const scores = files.map((file) => ({ file, scores: sceneScores(file.path) }))
  const all = SCENE_THRESHOLDS.map((threshold) => ({
    threshold,
    counted: scores.map(({ file, scores: each }) => ({
      file,
      ...countPresence(
        file.truth,
        each.filter(({ score }) => score > threshold).map(({ atS }) => at(atS)),
      ),
    })),
  }))
  const f1 = ({ counted }: { counted: Counted }) => scoreOf(sumCounts(counted)).f1 ?? 0
  return all.toSorted((a, b) => f1(b) - f1(a))[0]!
}

const digits = (value: number | null) => (value === null ? '–' : value.toFixed(2))

function rowOf(name: string, counts: PresenceCounts): string {
  const { precision, recall, f1, medianLatencyS, worstLatencyS } = scoreOf(counts)
  const shares = [precision, recall, f1].map(digits).join(' | ')
  return `| ${name} | ${shares} | ${counts.missed}/${counts.visits} | ${counts.falseAlarms} | ${digits(medianLatencyS)} / ${digits(worstLatencyS)} |`
}

const HEAD = `| what | precision | recall | F1 | missed | false alarms | latency s, median / worst |
| --- | ---: | ---: | ---: | ---: | ---: | ---: |`

function tableOfGroups(name: string, counted: Counted): string {
  const groups = [...new Set(counted.map(({ file }) => file.group))]
  const rows = groups.map((group) =>
    rowOf(`${name}, ${group}`, sumCounts(counted.filter(({ file }) => file.group === group))),
  )
  return [rowOf(`**${name}**`, sumCounts(counted)), ...rows].join('\n')
}

interface Rival {
  readonly name: string
  readonly counted: Counted
}

async function countRivals(files: readonly PresenceFile[]): Promise<Rival[]> {
  say("presence: ffmpeg's scene filter…")
  const scene = countScenes(files)
  const rivals: Rival[] = [{ name: `ffmpeg scene > ${scene.threshold} (its best)`, counted: scene.counted }]
  for (const setup of ['default', 'careful'] satisfies MotionSetup[]) {
    say(`presence: motion, ${setup}, at the files' own pace…`)
    const counted = await countEach(files, ({ path, truth }) => motionEvents(path, truth.seconds, setup))
    rivals.push({ name: `motion, ${setup}`, counted })
  }
  return rivals
}

/**
 * Who is there when: ours beside `motion` and ffmpeg's scene filter, the same files and the same scorer. `motion` keeps
 * the pace of its files only on a machine with nothing else to do; ours takes its time.
 */
export async function benchPresence({ footage, scenes }: PresencePlaces, withRivals = true): Promise<Measurement[]> {
  const files = loadPresenceFiles(scenes, footageFolder(footage))
  say(`presence: ${files.length} files; ours…`)
  const ours = await countOurs(files)
  const rivals = withRivals ? await countRivals(files) : []
  say('presence: the curve…')
  const curve = (await countCurve(files)).map((counts, i) => rowOf(`sensitivity ${SENSITIVITIES[i]}`, counts))
  const each = ours.map((counts) => rowOf(counts.file.name, counts))
  const tables = [tableOfGroups('latchkey', ours), ...rivals.map(({ name, counted }) => tableOfGroups(name, counted))]
  console.log([HEAD, ...tables, '', HEAD, ...curve, '', HEAD, ...each, ''].join('\n'))
  const f1 = (counted: Counted) => scoreOf(sumCounts(counted)).f1 ?? 0
  if (!withRivals) return [measurementOf({ name: 'presence, F1 over all files', unit: '', ours: f1(ours) })]
  return rivals.map(({ name, counted }) =>
    measurementOf(
      { name: 'presence, F1 over all files', unit: '', ours: f1(ours), peer: { name, value: f1(counted) } },
      { ratioAtLeast: 1 },
    ),
  )
}
