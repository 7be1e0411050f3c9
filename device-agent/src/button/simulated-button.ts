import type { DoorEvent } from '../flow.ts'
import type { Clock } from '../kernel/clock.ts'

/** The bell. */
export interface Button {
  /** Somebody rings now. Null when pressed again within the bounce time: one ring, not two. */
  press(): DoorEvent | null
}

/** Nobody rings twice in a quarter of a second; contacts and signals do. */
const BOUNCE_MS = 250

/**
 * A button without hardware: pressed by a call or a signal.
 * @param ring starts or extends a clip
 */
export function createSimulatedButton(clock: Clock, ring: (atMs: number) => DoorEvent): Button {
  let lastMs = -Infinity
  return {
    press() {
      const now = clock.monotonicMs()
      if (now - lastMs < BOUNCE_MS) return null
      lastMs = now
      return ring(clock.nowMs())
    },
  }
}
