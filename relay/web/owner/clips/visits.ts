/** Rings and movements that were told before their clip came: the first thing that an owner wants to know. */
import type { HouseholdFact } from '@latchkey/shared'
import { nowMs } from '../../kernel/clock.ts'
import { createObservable, type Observable } from '../../kernel/observable.ts'
import type { FeedState } from './clip-feed.ts'
import { claimsOf } from './listed-clip.ts'

/** Somebody is at the door: the relay's word, until the clip with the doorbell's signature is here. */
export interface Visit {
  readonly event: string
  readonly reason: 'ring' | 'motion'
  readonly atMs: number
}

/** Visits without a clip. */
export interface Visits {
  readonly waiting: Observable<readonly Visit[]>
  take(fact: Extract<HouseholdFact, { type: 'event' }>): void
}

/** A clip that did not come by then may never come; the list says what is missing better than a promise. */
const PATIENCE_MS = 120_000
const MOST = 3

export function createVisits(feed: Observable<FeedState>): Visits {
  const waiting = createObservable<readonly Visit[]>([])
  const show = (visits: readonly Visit[]): void => {
    if (visits.length > 0 || waiting.value.length > 0) waiting.set(visits.slice(-MOST))
  }

  function drop(isOver: (visit: Visit) => boolean): void {
    const left = waiting.value.filter((visit) => !isOver(visit))
    if (left.length < waiting.value.length) show(left)
  }

  feed.listen(() => {
    const here = new Set(feed.value.clips.map((clip) => claimsOf(clip)?.event))
    drop(({ event, atMs }) => here.has(event) || atMs < nowMs() - PATIENCE_MS)
  })

  return {
    waiting,
    take({ event, atMs }) {
      if (event.type !== 'ring' && event.type !== 'motion') return
      if (feed.value.clips.some((clip) => claimsOf(clip)?.event === event.event)) return
      show([...waiting.value, { event: event.event, reason: event.type, atMs }])
    },
  }
}
