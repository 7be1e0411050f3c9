import { randomBytes } from '@latchkey/shared'

/** How long to wait between attempts. */
export interface BackoffOptions {
  /** Mean of the first delay. */
  readonly baseMs: number
  /** No delay is longer. Default sixty of the first. */
  readonly maxMs?: number
  /** Uniform in [0, 1). */
  readonly random: () => number
}

/** Exponential delays with jitter for one thing that is retried. */
export interface Backoff {
  /** The next delay, ms: doubles from call to call, ±50 % so that many devices do not return in step. */
  nextDelayMs(): number
  /** Forgets the failures; to be called after success has lasted. */
  reset(): void
}

/** Uniform in [0, 1), from the one source of randomness. */
export function randomFraction(): number {
  return randomBytes(4).reduce((value, byte) => value * 256 + byte, 0) / 2 ** 32
}

/** Builds a {@link Backoff}: delays of about `baseMs`, 2 `baseMs`, 4 `baseMs` … `maxMs`. */
export function createBackoff({ baseMs, maxMs = 60 * baseMs, random }: BackoffOptions): Backoff {
  let failures = 0
  return {
    nextDelayMs() {
      const mean = Math.min(maxMs, baseMs * 2 ** Math.min(failures, 30))
      failures++
      return Math.min(maxMs, Math.round(mean * (0.5 + random())))
    },
    reset() {
      failures = 0
    },
  }
}
