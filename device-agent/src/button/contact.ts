import type { Clock, Timer } from '../kernel/clock.ts'

/** A contact that is dated by a kernel and settled here. */
export interface Contact {
  /** An edge as it came: closed or opened, at `monotonicMs`. */
  edge(closed: boolean, monotonicMs: number): void
  /** Forgets the edges that have not settled. */
  stop(): void
}

/**
 * Makes presses of the edges of a bouncing contact, as the kernel does where it can: a level counts once it has lasted
 * `settleMs`, so that neither bounce nor a spike on a long wire rings. A press is dated by its first edge.
 * @param onPress gets the monotonic time of that edge, `settleMs` after the last one
 * @see gpio-v2 uAPI, GPIO_V2_LINE_ATTR_ID_DEBOUNCE
 */
export function createContact(clock: Clock, settleMs: number, onPress: (monotonicMs: number) => void): Contact {
  let closed = false
  let timer: Timer | null = null
  let first: { readonly closed: boolean; readonly monotonicMs: number } | null = null

  function settle(now: boolean): void {
    // Two closings in a row: the opening between them was lost, and this is another press.
    const pressed = now && (!closed || first?.closed === true)
    const { monotonicMs } = first!
    closed = now
    first = null
    if (pressed) onPress(monotonicMs)
  }

  return {
    edge(now, monotonicMs) {
      first ??= { closed: now, monotonicMs }
      timer?.cancel()
      timer = clock.setTimer(settleMs, () => settle(now))
    },
    stop() {
      timer?.cancel()
      first = null
    },
  }
}
