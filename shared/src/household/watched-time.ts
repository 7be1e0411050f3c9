import type { DayRecord } from '../wire/clip.ts'

/** What a doorbell says that it did. */
export type WatchState = DayRecord['latchkey']['watching'][number]['state']

/** Milliseconds of a span in each state; `unknown`: no record says anything of them. */
export type WatchedTime = Readonly<Record<WatchState | 'unknown', number>>

type Stretch = DayRecord['latchkey']['watching'][number]

/** Where records contradict each other, the one counts that claims less. */
const LEAST_FIRST: readonly WatchState[] = ['stopped', 'camera-lost', 'privacy', 'on']

const clipped = (stretch: Stretch, span: { fromMs: number; toMs: number }): Stretch => ({
  ...stretch,
  fromMs: Math.max(stretch.fromMs, span.fromMs),
  toMs: Math.min(stretch.toMs, span.toMs),
})

/**
 * How a doorbell spent a span of time, by its own signed word. Linear in the edges of the stretches times their number: a few hundred.
 * @param records of one doorbell, whose signatures were checked, in any order; they may overlap where its clock was set
 * @param span UTC ms, the end not included
 */
export function watchedBetween(
  records: readonly DayRecord[],
  span: { readonly fromMs: number; readonly toMs: number },
): WatchedTime {
  const stretches = records
    .flatMap(({ latchkey }) => latchkey.watching)
    .map((stretch) => clipped(stretch, span))
    .filter(({ fromMs, toMs }) => fromMs < toMs)
  const edges = [...new Set([span.fromMs, ...stretches.flatMap(({ fromMs, toMs }) => [fromMs, toMs]), span.toMs])]
  edges.sort((a, b) => a - b)
  const time: Record<WatchState | 'unknown', number> = {
    on: 0,
    privacy: 0,
    'camera-lost': 0,
    stopped: 0,
    unknown: 0,
  }
  for (const [i, fromMs] of edges.slice(0, -1).entries()) {
    const said = new Set(stretches.filter((one) => one.fromMs <= fromMs && fromMs < one.toMs).map(({ state }) => state))
    time[LEAST_FIRST.find((state) => said.has(state)) ?? 'unknown'] += edges[i + 1]! - fromMs
  }
  return time
}
