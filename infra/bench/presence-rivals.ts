/** What other programs see in a video: stretches of time with motion. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { mustRun } from './programs.ts'
import type { Stretch } from './scenes/scene.ts'

/** Seconds after the last motion at which `motion` ends an event: the scorer's own joining distance. */
const EVENT_GAP_S = 3
const POLL_MS = 50
const MAX_START_MS = 20_000

/** How much each picture differs from the one before by ffmpeg's own measure, by its time. */
export function sceneScores(path: string): { readonly atS: number; readonly score: number }[] {
  const filter = "select='gte(scene,0)',metadata=print:file=-"
  const text = mustRun('ffmpeg', ['-v', 'error', '-nostdin', '-i', path, '-vf', filter, '-an', '-f', 'null', '-'])
  return [...text.matchAll(/pts_time:([\d.]+)[^]*?scene_score=([\d.]+)/g)].map(([, atS, score]) => ({
    atS: Number(atS),
    score: Number(score),
  }))
}

/** Debian's `motion` 4.5: as installed, or as a careful owner sets it up. */
export type MotionSetup = 'default' | 'careful'

function configurationOf(path: string, folder: string, setup: MotionSetup): string {
  const [width, height] = mustRun('ffprobe', [
    '-v',
    'error',
    '-select_streams',
    'v:0',
    '-show_entries',
    'stream=width,height',
    '-of',
    'csv=p=0',
    path,
  ])
    .trim()
    .split(',')
    .map(Number)
  const careful = [
    `threshold ${Math.round(0.005 * width! * height!)}`,
    'despeckle_filter EedDl',
    'lightswitch_percent 50',
    'minimum_motion_frames 2',
  ]
  const say = (word: string) => `/bin/sh -c 'echo ${word} $(date +%s.%N) >> ${folder}/events'`
  return [
    'daemon off',
    'setup_mode off',
    'webcontrol_port 0',
    'stream_port 0',
    'picture_output off',
    'movie_output off',
    'log_level 6',
    `log_file ${folder}/log`,
    'framerate 15',
    `width ${width}`,
    `height ${height}`,
    `netcam_url file://${path}`,
    `event_gap ${EVENT_GAP_S}`,
    `on_event_start ${say('start')}`,
    `on_event_end ${say('end')}`,
    ...(setup === 'careful' ? careful : []),
    '',
  ].join('\n')
}

async function untilLogged(folder: string, words: string, limitMs: number): Promise<number> {
  const log = join(folder, 'log')
  for (const startedMs = Date.now(); Date.now() - startedMs < limitMs;) {
    if (existsSync(log) && readFileSync(log, 'utf8').includes(words)) return Date.now()
    await delay(POLL_MS)
  }
  throw new Error(`motion did not say "${words}" in time`)
}

function parseEvents(text: string, toS: (atMs: number) => number): Stretch[] {
  const stretches: Stretch[] = []
  let fromS: number | undefined
  for (const [, word, at] of text.matchAll(/(start|end) ([\d.]+)/g)) {
    if (word === 'start') fromS = toS(Number(at) * 1000)
    else if (fromS !== undefined) {
      stretches.push({ fromS, toS: Math.max(fromS, toS(Number(at) * 1000) - EVENT_GAP_S) })
      fromS = undefined
    }
  }
  return fromS === undefined ? stretches : [...stretches, { fromS, toS: Infinity }]
}

/** Plays a video to `motion` at its own pace and takes down its events. `seconds`: how long the video is. */
export async function motionEvents(path: string, seconds: number, setup: MotionSetup): Promise<Stretch[]> {
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-motion-'))
  writeFileSync(join(folder, 'motion.conf'), configurationOf(path, folder, setup))
  const program = spawn('motion', ['-n', '-c', join(folder, 'motion.conf')], { stdio: 'ignore', cwd: folder })
  const exited = once(program, 'exit')
  try {
    const startMs = await untilLogged(folder, 'connected', MAX_START_MS)
    // It opens the file again at its end; its pace is not exactly the file's, so the end tells the scale.
    const endMs = await untilLogged(folder, 'Reconnecting', seconds * 1500 + MAX_START_MS)
    await delay((EVENT_GAP_S + 1) * 1000)
    const toS = (atMs: number) => ((atMs - startMs) * seconds) / (endMs - startMs)
    const text = existsSync(join(folder, 'events')) ? readFileSync(join(folder, 'events'), 'utf8') : ''
    return parseEvents(text, toS).filter(({ fromS }) => fromS < seconds)
  } finally {
    program.kill('SIGTERM')
    await exited
    rmSync(folder, { recursive: true, force: true })
  }
}
