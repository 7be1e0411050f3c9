import { readdirSync, readFileSync } from 'node:fs'

/** A program that this process started. */
export interface ChildProgram {
  readonly pid: number
  /** As everybody on the machine can read it. */
  readonly commandLine: string
  /** `R`, `S`, …; `Z` for one that ended and was not collected. */
  readonly state: string
}

/** This process's own children, by `/proc`. */
export function childPrograms(): ChildProgram[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        const status = readFileSync(`/proc/${pid}/status`, 'utf8')
        if (/^PPid:\s+(\d+)/m.exec(status)?.[1] !== String(process.pid)) return []
        const commandLine = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')
        return [{ pid: Number(pid), commandLine, state: /^State:\s+(\S)/m.exec(status)?.[1] ?? '' }]
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
