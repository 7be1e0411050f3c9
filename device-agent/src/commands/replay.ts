import { LatchkeyError } from '@latchkey/shared'
import { parseArgs } from 'node:util'
import { loadFfmpeg } from '../camera/ffmpeg-binary.ts'
import { DEFAULT_CLIP_CONFIG } from '../clip/clip-cutter.ts'
import { loadAgentConfig } from '../config.ts'
import type { FindingReason } from '../flow.ts'
import { systemClock } from '../kernel/clock.ts'
import { DEFAULT_MOTION_CONFIG } from '../motion/motion-detector.ts'
import { type Replay, replayFile } from '../replay.ts'
import type { Command, CommandContext } from './command.ts'

const HELP = `Usage: latchkey-agent replay FILE [--config FILE] [--json]

Judges a recording as the running agent would with every picture decoded (motion.mode full): when events begin and end, what their
clips would hold, and why. Nothing is recorded, sealed or sent; neither relay nor pairing is needed.

  --config FILE   take motion and clip settings from there; the defaults otherwise
  --json          the same for programs

Environment: LATCHKEY_FFMPEG names an ffmpeg; PATH is searched otherwise.
`

function parseReplay(args: readonly string[]) {
  const options = { config: { type: 'string' }, json: { type: 'boolean', default: false } } as const
  try {
    const { values, positionals } = parseArgs({ args: [...args], options, allowPositionals: true })
    const [path] = positionals
    if (positionals.length === 1 && path !== undefined) return { path, ...values }
  } catch (cause) {
    throw new LatchkeyError('USAGE', 'unknown option; see latchkey-agent replay --help', { cause })
  }
  throw new LatchkeyError('USAGE', 'expected replay FILE [--config FILE] [--json]')
}

/** How far it is, in place, where somebody watches. */
function createProgress(): { show: (share: number) => void; end: () => void } {
  if (!process.stderr.isTTY) return { show: () => {}, end: () => {} }
  let shown = -1
  return {
    show(share) {
      const percent = Math.floor(share * 100)
      if (percent !== shown) process.stderr.write(`\rreplaying… ${(shown = percent)} %`)
    },
    end: () => process.stderr.write('\r\x1b[K'),
  }
}

/** What was found in how many pictures. */
const REASON_WORDS: Readonly<Record<FindingReason, string>> = {
  visitor: 'show somebody, or something, that moves',
  'close-visitor': 'show it filling much of the picture',
  quiet: 'show nothing new',
  light: 'show only another light',
  infrared: "show the camera's switch to or from its own lamps",
  still: 'show something new that does not move any more, such as a parcel',
  small: 'show a change that is smaller than motion.minAreaShare',
  unconfirmed: 'show a change that the next ones had to confirm',
  settling: 'show nearly everything changed at once, which the next ones decided',
  learning: 'were needed to learn the place',
}

const percent = (share: number) => `${(share * 100).toFixed(1)} %`

function summaryOf({ events, seconds, pictures, threshold, reasons }: Replay): string {
  const lines = events.map(({ fromS, toS, clips, maxChangedShare, zones }, i) => {
    const recorded = clips.map((clip) => `${clip.fromS.toFixed(1)}–${clip.toS.toFixed(1)} s`).join(', ')
    const where = zones.length === 0 ? '' : `, in ${zones.join(', ')}`
    const why = `up to ${percent(maxChangedShare)} of the picture changed (${percent(threshold)} are enough)${where}`
    return `${i + 1}. motion ${fromS.toFixed(1)}–${toS.toFixed(1)} s: ${why}; recorded ${recorded}`
  })
  const known = Object.keys(REASON_WORDS) as FindingReason[]
  const counts = known.flatMap((reason) => (reasons[reason] ? [`  ${reasons[reason]} ${REASON_WORDS[reason]}`] : []))
  const head = `${seconds.toFixed(1)} s, ${pictures} pictures looked at, ${events.length} ${events.length === 1 ? 'event' : 'events'}`
  return [head, ...lines, 'Of these pictures', ...counts, ''].join('\n')
}

async function run({ args, environment }: CommandContext): Promise<number> {
  const { path, config: configPath, json } = parseReplay(args)
  const config = configPath === undefined ? undefined : await loadAgentConfig(configPath)
  const { LATCHKEY_FFMPEG: configuredPath, PATH: searchPath = '/usr/bin:/bin' } = environment
  const progress = createProgress()
  const replay = await replayFile({
    path,
    ffmpeg: await loadFfmpeg({ configuredPath, searchPath, clock: systemClock }),
    clock: systemClock,
    motion: { ...DEFAULT_MOTION_CONFIG, ...config?.motion },
    clip: { ...DEFAULT_CLIP_CONFIG, ...config?.clip },
    onProgress: progress.show,
  }).finally(progress.end)
  process.stdout.write(json ? `${JSON.stringify(replay, null, 2)}\n` : summaryOf(replay))
  return 0
}

/** `latchkey-agent replay`: what would have been recorded. */
export const replayCommand: Command = {
  name: 'replay',
  summary: 'say what a recording would have led to, and why, without recording anything',
  help: HELP,
  run,
}
