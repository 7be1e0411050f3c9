import type { Arguments, Syntax } from './arguments.ts'
import type { Failure } from './failure.ts'
import type { Terminal } from './terminal.ts'

/** What a command may use of the machine besides files and the network. */
export interface World {
  readonly terminal: Terminal
  readonly nowMs: () => number
  /** `LATCHKEY_FFMPEG`, when set. */
  readonly ffmpegPath: string | undefined
  /** `PATH`. */
  readonly searchPath: string
  /** `latchkey <version>`, as it stands in manifests and receipts. */
  readonly software: string
  /** From now on the first signal only aborts this; the next one ends the process. */
  readonly untilStopped: () => AbortSignal
}

/** One command of the command line. */
export interface Command extends Syntax {
  /**
   * Does the work. @returns a line per failed check; none means success
   * @throws LatchkeyError: USAGE ends with status 2, every other code with status 1
   */
  run(given: Arguments, world: World): Promise<readonly Failure[]>
}

/** Nothing failed. */
export const PASSED: readonly Failure[] = []
