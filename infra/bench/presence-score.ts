/**
 * The rule by which every motion detector is scored, the same for all. Written before any of them was adjusted; it is
 * not to be changed to suit a result.
 *
 * 1. A program's sightings that lie at most 3 s apart are one.
 * 2. Time is cut into tenths of a second. A tenth counts as visited when somebody is in the picture, as seen when a
 *    sighting covers it.
 * 3. Tenths within half a second of a visit's first or last moment count for and against nobody: labels made by hand
 *    are this uncertain.
 * 4. Precision = (visited and seen) ÷ seen; recall = (visited and seen) ÷ visited; F1 their harmonic mean. Over several
 *    videos the tenths are added up, so a long video weighs more than a short one.
 * 5. A visit that no sighting overlaps is missed. Latency = from the visit's first moment to the first sighting in it.
 *    A sighting that overlaps no visit, half a second around it included, is a false alarm.
 */
import type { Stretch } from './scenes/scene.ts'

/** What there was to see in a video, from `fromS` on: what lies before counts for nobody. */
export interface PresenceTruth {
  readonly fromS: number
  readonly seconds: number
  readonly visits: readonly Stretch[]
}

/** Tenths of a second and events, to be added up over videos. */
export interface PresenceCounts {
  readonly both: number
  readonly seen: number
  readonly visited: number
  readonly visits: number
  readonly missed: number
  readonly falseAlarms: number
  /** Of every visit that was seen. */
  readonly latenciesS: readonly number[]
}

/** Counts as shares. `null` where there was nothing to divide by. */
export interface PresenceScore {
  readonly precision: number | null
  readonly recall: number | null
  readonly f1: number | null
  readonly medianLatencyS: number | null
  readonly worstLatencyS: number | null
}

const JOIN_S = 3
const COLLAR_S = 0.5
const STEP_S = 0.1

/** Sightings in order, those that belong together as one. */
export function joinSightings(sightings: readonly Stretch[]): Stretch[] {
  const joined: Stretch[] = []
  for (const sighting of sightings.toSorted((a, b) => a.fromS - b.fromS)) {
    const last = joined.at(-1)
    if (last && sighting.fromS - last.toS <= JOIN_S)
      joined[joined.length - 1] = { fromS: last.fromS, toS: Math.max(last.toS, sighting.toS) }
    else joined.push(sighting)
  }
  return joined
}

const covers = (stretches: readonly Stretch[], timeS: number) =>
  stretches.some(({ fromS, toS }) => timeS >= fromS && timeS < toS)
const overlap = (a: Stretch, b: Stretch) => a.fromS < b.toS && b.fromS < a.toS
const isAtAnEdge = (visits: readonly Stretch[], timeS: number) =>
  visits.some(({ fromS, toS }) => Math.abs(timeS - fromS) < COLLAR_S || Math.abs(timeS - toS) < COLLAR_S)
const widened = ({ fromS, toS }: Stretch) => ({ fromS: fromS - COLLAR_S, toS: toS + COLLAR_S })

/** Holds what a program saw against what was there. */
export function countPresence(truth: PresenceTruth, sightings: readonly Stretch[]): PresenceCounts {
  const window = { fromS: truth.fromS, toS: truth.seconds }
  const joined = joinSightings(sightings).filter((sighting) => overlap(sighting, window))
  const visits = truth.visits.filter((visit) => visit.fromS >= truth.fromS)
  let [both, seen, visited] = [0, 0, 0]
  for (let step = Math.ceil(truth.fromS / STEP_S); (step + 0.5) * STEP_S < truth.seconds; step++) {
    const timeS = (step + 0.5) * STEP_S
    if (isAtAnEdge(visits, timeS)) continue
    const [isSeen, isVisited] = [covers(joined, timeS), covers(visits, timeS)]
    if (isSeen) seen++
    if (isVisited) visited++
    if (isSeen && isVisited) both++
  }
  const first = (visit: Stretch) => joined.find((sighting) => overlap(sighting, visit))
  const latenciesS = visits.flatMap((visit) => {
    const sighting = first(visit)
    return sighting ? [Math.max(0, sighting.fromS - visit.fromS)] : []
  })
  const missed = visits.length - latenciesS.length
  const falseAlarms = joined.filter((sighting) => !visits.some((visit) => overlap(sighting, widened(visit)))).length
  return { both, seen, visited, visits: visits.length, missed, falseAlarms, latenciesS }
}

/** The same counts over several videos. */
export function sumCounts(counts: readonly PresenceCounts[]): PresenceCounts {
  const sum = (key: Exclude<keyof PresenceCounts, 'latenciesS'>) =>
    counts.reduce((total, count) => total + count[key], 0)
  const [both, seen, visited] = [sum('both'), sum('seen'), sum('visited')]
  const [visits, missed, falseAlarms] = [sum('visits'), sum('missed'), sum('falseAlarms')]
  return { both, seen, visited, visits, missed, falseAlarms, latenciesS: counts.flatMap((count) => count.latenciesS) }
}

/** Counts → shares. */
export function scoreOf({ both, seen, visited, latenciesS }: PresenceCounts): PresenceScore {
  const share = (of: number) => (of === 0 ? null : both / of)
  const sorted = latenciesS.toSorted((a, b) => a - b)
  return {
    precision: share(seen),
    recall: share(visited),
    f1: seen + visited === 0 ? null : (2 * both) / (seen + visited),
    medianLatencyS: sorted[sorted.length >> 1] ?? null,
    worstLatencyS: sorted.at(-1) ?? null,
  }
}
