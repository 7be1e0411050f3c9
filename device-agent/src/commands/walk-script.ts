import type { AgentSnapshot, ControlNews } from '../control/control-message.ts'
import type { HeardNews, NewsListener } from '../control/news-listener.ts'
import { countWords, sizeWords } from '../control/status-words.ts'
import type { ControlClient } from '../control/unix-control-client.ts'
import type { Clock } from '../kernel/clock.ts'
import { drawBoxes } from './box-drawing.ts'
import type { Terminal } from './terminal.ts'

/** What a walk needs. */
export interface WalkOptions {
  readonly client: ControlClient
  readonly listener: NewsListener
  readonly clock: Clock
  readonly terminal: Terminal
  /** Pre-roll asked for, ms. */
  readonly preRollMs: number
  /** Longest wait for each step. */
  readonly stepMs: number
  /** Press the simulated button instead of waiting for a person's finger. */
  readonly pressBell: boolean
  /** Resolves when the person is ready for a step; at once where nobody sits there. */
  readonly prompt: (words: string) => Promise<void>
}

/** How one step ended. `hint`: what to do about it. */
export interface WalkFinding {
  readonly passed: boolean
  readonly words: string
  readonly hint?: string
}

type News<K extends ControlNews['kind']> = Extract<ControlNews, { kind: K }>

const QUIET_MS = 2_000
/** Quicker than a visitor needs from the edge of the picture to the bell. */
const SEEN_IN_TIME_MS = 2_000

const seconds = (ms: number): string => `${(ms / 1_000).toFixed(1)} s`
const isMoving = (news: ControlNews): boolean => news.kind === 'finding' && news.moving
const isKind =
  <K extends ControlNews['kind']>(kind: K) =>
  (news: ControlNews): news is News<K> =>
    news.kind === kind

/** What stands in the way of a test, or null. */
export function obstacleOf({ pairing, camera }: AgentSnapshot): string | null {
  if (!pairing.paired) return 'The device is not paired: it records nothing yet. Pair it first.'
  if (camera.state === 'privacy') return 'Privacy mode is on: the camera is off. Switch it off first.'
  if (camera.state === 'on') return null
  return 'The camera gives no picture. latchkey-agent doctor says why.'
}

async function waitForQuiet({ listener, clock, stepMs }: WalkOptions): Promise<WalkFinding> {
  const untilMs = clock.monotonicMs() + stepMs
  while (clock.monotonicMs() < untilMs) {
    const moved = await listener.waitFor(isMoving, { sinceMs: clock.monotonicMs(), timeoutMs: QUIET_MS })
    if (moved === null) return { passed: true, words: 'The picture is still.' }
  }
  return {
    passed: false,
    words: 'Something moves all the time.',
    hint: 'Draw a zone around it that does not count, or lower motion.sensitivity: latchkey-agent page',
  }
}

function describe({ news }: HeardNews): string {
  if (news.kind !== 'finding') return ''
  const share = `${(news.changedShare * 100).toFixed(1)} % of the picture changed, ${(news.threshold * 100).toFixed(1)} % are enough`
  return news.zones === undefined || news.zones.length === 0 ? share : `in ${news.zones.join(', ')}; ${share}`
}

async function watchWalk(options: WalkOptions): Promise<WalkFinding> {
  const { listener, clock, terminal, stepMs } = options
  await options.prompt('Walk up to the door, as a visitor would')
  const sinceMs = clock.monotonicMs()
  const seen = await listener.waitFor(isMoving, { sinceMs, timeoutMs: stepMs })
  if (seen === null)
    return {
      passed: false,
      words: `Nobody was seen within ${seconds(stepMs)}.`,
      hint: 'Aim the camera at the path, or raise motion.sensitivity: latchkey-agent page',
    }
  const boxes = seen.news.kind === 'finding' ? seen.news.boxes : []
  terminal.write(
    `${drawBoxes(boxes)
      .map((line) => `    ${line}`)
      .join('\n')}\n`,
  )
  const tookMs = seen.heardMs - sinceMs
  const words = `Seen after ${seconds(tookMs)} (${describe(seen)}).`
  if (tookMs <= SEEN_IN_TIME_MS) return { passed: true, words }
  return {
    passed: true,
    words,
    hint: 'Later than a hurried visitor needs: see whether the path fills more of the picture.',
  }
}

interface Rung {
  readonly finding: WalkFinding
  readonly event: string | null
}

async function ringBell(options: WalkOptions): Promise<Rung> {
  const { listener, clock, client, stepMs } = options
  await options.prompt(options.pressBell ? 'The bell is pressed for you' : 'Now ring the bell')
  const sinceMs = clock.monotonicMs()
  if (options.pressBell) await client.ring()
  const isRing = (news: ControlNews) => news.kind === 'door' && news.trigger === 'ring'
  const rung = await listener.waitFor(isRing, { sinceMs, timeoutMs: stepMs })
  if (rung === null || rung.news.kind !== 'door')
    return {
      event: null,
      finding: {
        passed: false,
        words: `The bell was not heard within ${seconds(stepMs)}.`,
        hint: 'latchkey-agent doctor checks the button; walk-test --press tries without it.',
      },
    }
  const took = options.pressBell ? `, ${Math.round(rung.heardMs - sinceMs)} ms after the press` : ''
  return { event: rung.news.event, finding: { passed: true, words: `The bell was heard${took}.` } }
}

function preRollFinding(door: News<'door'>, clip: News<'clip'>, askedMs: number): WalkFinding {
  const preRollMs = door.atMs - clip.startMs
  const words = `Pre-roll ${seconds(preRollMs)} before the ${door.trigger === 'ring' ? 'ring' : 'motion'} (asked for ${seconds(askedMs)}).`
  if (preRollMs >= askedMs) return { passed: true, words }
  return { passed: false, words, hint: 'The camera had only just started, or its keyframes are far apart. Try again.' }
}

/** Waits for the clip of `event` and for its last byte to be with the relay. */
async function followClip(options: WalkOptions, event: string): Promise<WalkFinding[]> {
  const { listener, stepMs } = options
  await options.prompt('Step away; the clip ends when nothing moves any more')
  const of = { sinceMs: 0, timeoutMs: stepMs }
  const heard = await listener.waitFor((news) => news.kind === 'clip' && news.event === event, of)
  if (heard === null || heard.news.kind !== 'clip')
    return [{ passed: false, words: 'No clip was recorded.', hint: 'Something still moves, or: latchkey-agent status' }]
  const clip = heard.news
  const door = listener.heard
    .map(({ news }) => news)
    .filter(isKind('door'))
    .find((news) => news.event === event)
  const length = `${seconds(clip.endMs - clip.startMs)}, ${sizeWords(clip.bytes)} in ${countWords(clip.items, 'item')}`
  const sealed: WalkFinding = { passed: true, words: `A clip of ${length}, sealed.` }
  const uploaded = await listener.waitFor((news) => news.kind === 'uploaded' && news.clip === clip.clip, of)
  const sent: WalkFinding =
    uploaded === null
      ? {
          passed: false,
          words: 'It is not uploaded yet.',
          hint: 'It is kept and sent later; look at the network: latchkey-agent doctor',
        }
      : {
          passed: true,
          words: `With the relay ${seconds(Math.max(0, uploaded.heardMs - heard.heardMs))} later, and signed for.`,
        }
  return [...(door === undefined ? [] : [preRollFinding(door, clip, options.preRollMs)]), sealed, sent]
}

/** Detections since the walk began, in words. */
function countFinding(listener: NewsListener, sinceMs: number): WalkFinding {
  const since = listener.heard.filter(({ heardMs }) => heardMs >= sinceMs)
  const looks = since.filter(({ news }) => news.kind === 'finding')
  const moving = looks.filter(({ news }) => isMoving(news))
  return { passed: true, words: `Motion in ${moving.length} of ${looks.length} looks at the picture.` }
}

/** Runs the whole walk, telling each finding as it is made; ends early when the walk or the bell was missed. */
export async function runWalk(
  options: WalkOptions,
  tell: (finding: WalkFinding) => void,
): Promise<readonly WalkFinding[]> {
  const findings: WalkFinding[] = []
  const note = (finding: WalkFinding): void => {
    findings.push(finding)
    tell(finding)
  }
  note(await waitForQuiet(options))
  const sinceMs = options.clock.monotonicMs()
  note(await watchWalk(options))
  const { finding, event } = await ringBell(options)
  note(finding)
  if (event !== null) for (const made of await followClip(options, event)) note(made)
  note(countFinding(options.listener, sinceMs))
  return findings
}
