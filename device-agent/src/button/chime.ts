import { codeOf } from '@latchkey/shared'
import { runChild } from '../kernel/child-process.ts'
import type { Clock } from '../kernel/clock.ts'
import type { Log } from '../kernel/log.ts'

/** A program that makes the ring heard in the house. */
export interface ChimeOptions {
  /** Absolute path and arguments; no shell reads them. */
  readonly command: readonly string[]
  /** It is ended after this. Default 10,000. */
  readonly timeoutMs?: number
  readonly clock: Clock
  readonly log: Log
}

/** The chime. */
export interface Chime {
  /** Starts the program and returns at once, whatever becomes of it. One that still sounds is not doubled. */
  play(): void
}

/** A long melody. */
export const DEFAULT_CHIME_TIMEOUT_MS = 10_000
const MAX_OUTPUT_BYTES = 65_536

/** A chime that never delays a ring and never fails one. */
export function createChime({ command, timeoutMs = DEFAULT_CHIME_TIMEOUT_MS, clock, log }: ChimeOptions): Chime {
  let sounds = false
  const [path, ...args] = command as [string, ...string[]]

  async function run(): Promise<void> {
    const { code, signal } = await runChild({ command: path, args, clock, timeoutMs, maxOutputBytes: MAX_OUTPUT_BYTES })
    if (code !== 0) log.error({ exit: signal ?? code }, 'the chime failed: run its command by hand to see why')
  }

  return {
    play() {
      if (sounds) return
      sounds = true
      run()
        .catch((error: unknown) => log.error({ code: codeOf(error) }, 'the chime failed'))
        .finally(() => {
          sounds = false
        })
    },
  }
}
