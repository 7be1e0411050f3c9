/** CPU time of a running program and all it started, from /proc. */
import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'

const TICKS_PER_SECOND = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }))

interface ProcessTimes {
  readonly pid: number
  readonly parent: number
  /** Its own and those of its children that have ended. */
  readonly ticks: number
}

function readTimes(pid: number): ProcessTimes | null {
  try {
    // The program's name, in brackets, may hold anything; after it come plain fields, the third of the file first.
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)!.split(' ')
    const ticks = fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0)
    return { pid, parent: Number(fields[1]), ticks }
  } catch {
    // It has ended since the folder was listed.
    return null
  }
}

function everyProcess(): ProcessTimes[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name))
  return pids.flatMap((pid) => readTimes(Number(pid)) ?? [])
}

/** Seconds of CPU that process `pid` and everything below it have used so far, ended children included. */
export function cpuSecondsOf(pid: number): number {
  const all = everyProcess()
  const below = (at: number): number =>
    all.filter(({ parent }) => parent === at).reduce((sum, { pid: child }) => sum + below(child), 0) +
    (all.find((process) => process.pid === at)?.ticks ?? 0)
  return below(pid) / TICKS_PER_SECOND
}

/** The one process whose command line holds all of `words`. @throws when it is not exactly one */
export function findProcess(...words: readonly string[]): number {
  const found = everyProcess().filter(({ pid }) => {
    try {
      const line = readFileSync(`/proc/${pid}/cmdline`, 'utf8')
      return words.every((word) => line.includes(word))
    } catch {
      return false
    }
  })
  if (found.length !== 1) throw new Error(`${found.length} processes run ${words.join(' ')}`)
  return found[0]!.pid
}
