import type { AgentConfig } from '../../config.ts'
import type { Clock } from '../../kernel/clock.ts'

/** How one thing stands: `skip` when it does not exist here, or cannot be looked at now. */
export type Verdict = 'pass' | 'warn' | 'fail' | 'skip'

/** One line of the doctor. */
export interface Finding {
  readonly check: string
  readonly verdict: Verdict
  readonly text: string
  /** What to do about it, in words or as a command. */
  readonly fix?: string
}

/** How a small program of the machine ended; null when it is not there or took too long. */
export type RunTool = (name: string, args: readonly string[]) => Promise<{ code: number; stdout: string } | null>

/** What the doctor looks at. */
export interface Patient {
  readonly config: AgentConfig
  readonly clock: Clock
  /** Runs a program by its name, found on `PATH`. */
  readonly run: RunTool
  readonly searchPath: string
  readonly ffmpegPath: string | undefined
  /** An agent runs on this data directory and has the camera and the button. */
  readonly running: boolean
  /** Where the kernel tells of the machine; `/sys`. */
  readonly sysPath: string
  /** Where its devices are; `/dev`. */
  readonly devicesPath: string
}

/** Builds findings of one check. */
export const findingsOf = (check: string) => ({
  pass: (text: string): Finding => ({ check, verdict: 'pass', text }),
  skip: (text: string): Finding => ({ check, verdict: 'skip', text }),
  warn: (text: string, fix: string): Finding => ({ check, verdict: 'warn', text, fix }),
  fail: (text: string, fix: string): Finding => ({ check, verdict: 'fail', text, fix }),
})

const UNITS = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB']

/** `1.5 GiB`. */
export function sizeWords(bytes: number): string {
  const power = bytes < 1 ? 0 : Math.min(UNITS.length - 1, Math.floor(Math.log2(bytes) / 10))
  return `${(bytes / 1024 ** power).toFixed(power === 0 ? 0 : 1)} ${UNITS[power]!}`
}
