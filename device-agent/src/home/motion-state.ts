import type { Clock, Timer } from '../kernel/clock.ts'

/** Whether something moves, as a state that ends by itself. */
export interface MotionState {
  readonly isOn: boolean
  /** Something moves now. */
  move(): void
  /** Nothing does, or nobody looks. */
  end(): void
}

/** Without motion for this long it is over: less, and a visitor who waits makes it flicker. */
const QUIET_MS = 10_000

/** @param onChange told when it begins and when it ends */
export function createMotionState(clock: Clock, onChange: () => void): MotionState {
  let timer: Timer | null = null
  let isOn = false

  function set(next: boolean): void {
    timer?.cancel()
    timer = next ? clock.setTimer(QUIET_MS, () => set(false)) : null
    if (next === isOn) return
    isOn = next
    onChange()
  }

  return {
    get isOn() {
      return isOn
    },
    move: () => set(true),
    end: () => set(false),
  }
}
