/** What a relay could tell from when it is asked: traces of visits, and the best guess that a single threshold gives. */
import type { Page, Request } from 'playwright-core'

/** One request of a visit, as the relay sees it. */
export interface Seen {
  /** Method, path without ids, length of the body. */
  readonly what: string
  /** After the visit's first request, ms. */
  readonly atMs: number
}

/** Everything that a page asked of an origin in one visit, in order. */
export type Trace = readonly Seen[]

/** A visit, and whether that was the case which must not be told. */
export interface Sample {
  readonly trace: Trace
  readonly isSo: boolean
}

const whatOf = (request: Request): string => {
  const { pathname, searchParams } = new URL(request.url())
  const path = pathname.replace(/[\w-]{22,}/g, '{}')
  return [request.method(), path, ...searchParams.keys(), request.postDataBuffer()?.length ?? 0].join(' ')
}

/** Follows what a page asks of `origin`. `take` ends one visit and begins the next. */
export function traceOf(page: Page, origin: string): { take(): Trace } {
  let seen: Request[] = []
  page.on('request', (request) => {
    if (request.url().startsWith(`${origin}/`)) seen.push(request)
  })
  return {
    take() {
      const visit = seen.map((request) => ({ what: whatOf(request), at: request.timing().startTime }))
      seen = []
      // What the network never began has no time: it was cut off by the next visit.
      const begun = visit.filter(({ at }) => at > 0).sort((a, b) => a.at - b.at)
      return begun.map(({ what, at }) => ({ what, atMs: at - begun[0]!.at }))
    },
  }
}

/** Numbers that a threshold can be laid on: how many, of each kind too, how long, when each came, and how long after another. */
function featuresOf(trace: Trace): ReadonlyMap<string, number> {
  const features = new Map([
    ['count', trace.length],
    ['length', trace.at(-1)?.atMs ?? 0],
  ])
  const counts = new Map<string, number>()
  trace.forEach(({ what, atMs }, i) => {
    const nth = (counts.get(what) ?? 0) + 1
    counts.set(what, nth)
    features.set(`${what} #${nth}`, atMs)
    features.set(`${what} #${nth}, after`, atMs - (trace[i - 1]?.atMs ?? 0))
    features.set(`count of ${what}`, nth)
  })
  return features
}

interface Guess {
  readonly feature: string
  readonly threshold: number
  /** What a value above the threshold means. */
  readonly above: boolean
}

const ABSENT = -1

type Row = { readonly features: ReadonlyMap<string, number>; readonly isSo: boolean }

const valueOf = ({ features }: Row, feature: string): number => features.get(feature) ?? ABSENT
const isRight = (row: Row, { feature, threshold, above }: Guess): boolean =>
  (valueOf(row, feature) > threshold === above) === row.isSo

/** The best threshold on one feature: one pass over the sorted values. */
function trainOn(rows: readonly Row[], feature: string): { readonly guess: Guess; readonly right: number } {
  const sorted = rows.toSorted((a, b) => valueOf(a, feature) - valueOf(b, feature))
  // Below everything: all lie above the threshold.
  let right = rows.filter(({ isSo }) => isSo).length
  const guessAt = (threshold: number, rightAbove: number) =>
    rightAbove * 2 >= rows.length
      ? { guess: { feature, threshold, above: true }, right: rightAbove }
      : { guess: { feature, threshold, above: false }, right: rows.length - rightAbove }
  let best = guessAt(Number.NEGATIVE_INFINITY, right)
  sorted.forEach((row, i) => {
    right += row.isSo ? -1 : 1
    const value = valueOf(row, feature)
    const isBetween = i + 1 < sorted.length && valueOf(sorted[i + 1]!, feature) > value
    const here = isBetween ? guessAt(value, right) : best
    if (here.right > best.right) best = here
  })
  return best
}

/**
 * Finds the feature and threshold that tell the samples of one half best apart, and tries them on the other half.
 * @returns the share of the other half that is told right: half of it is chance
 */
export function guessAnswers(samples: readonly Sample[]): { readonly accuracy: number; readonly feature: string } {
  const rows = samples.map(({ trace, isSo }) => ({ features: featuresOf(trace), isSo }))
  const [training, testing] = [rows.filter((_, i) => i % 2 === 0), rows.filter((_, i) => i % 2 === 1)]
  const names = new Set(rows.flatMap(({ features }) => [...features.keys()]))
  const trained = [...names].map((feature) => trainOn(training, feature))
  const { guess } = trained.reduce((best, one) => (one.right > best.right ? one : best))
  return { accuracy: testing.filter((row) => isRight(row, guess)).length / testing.length, feature: guess.feature }
}
