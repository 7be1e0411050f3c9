import { readdirSync, readFileSync } from 'node:fs'

/** A program that this process started. */
export interface ChildProgram {
  readonly pid: number
  /** As everybody on the machine can read it. */
  readonly commandLine: string
  /** What it was told besides, as root and its own user can read it. */
  readonly environment: string
  /** `R`, `S`, …; `Z` for one that ended and was not collected. */
  readonly state: string
}

/** The children of a process, of this one unless another is named, by `/proc`. */
export function childPrograms(of = process.pid): ChildProgram[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        const status = readFileSync(`/proc/${pid}/status`, 'utf8')
        if (/^PPid:\s+(\d+)/m.exec(status)?.[1] !== String(of)) return []
        const commandLine = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')
        const environment = readFileSync(`/proc/${pid}/environ`, 'utf8').replaceAll('\0', ' ')
        return [{ pid: Number(pid), commandLine, environment, state: /^State:\s+(\S)/m.exec(status)?.[1] ?? '' }]
      } catch {
        // It ended while we looked.
        return []
      }
    })
}

/** Command lines of our running children that read from a camera. */
export function runningIngests(): string[] {
  return childPrograms()
    .map(({ commandLine }) => commandLine)
    .filter((line) => /ffmpeg|rpicam-vid/.test(line))
}
