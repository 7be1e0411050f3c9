import type { DoorEvent } from '../flow.ts'
import type { Clock } from '../kernel/clock.ts'

/** The bell, whatever presses it: a contact, a key, a signal or a call. */
export interface Button {
  /**
   * Somebody rings. Null when pressed again within the bounce time: one ring, not two.
   * @param agoMs how long ago the press was, where a kernel has dated it; 0 for now
   */
  press(agoMs?: number): DoorEvent | null
}

/** Nobody rings twice in a quarter of a second; contacts and signals do. */
const BOUNCE_MS = 250

/** @param ring what a ring does; gets the time of the press, UTC ms by the device clock */
export function createButton(clock: Clock, ring: (atMs: number) => DoorEvent): Button {
  let lastMs = -Infinity
  return {
    press(agoMs = 0) {
      const pressedMs = clock.monotonicMs() - agoMs
      if (pressedMs - lastMs < BOUNCE_MS) return null
      lastMs = pressedMs
      return ring(Math.round(clock.nowMs() - agoMs))
    },
  }
}
