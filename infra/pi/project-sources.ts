/** The project's own files, as committed names with the contents of this checkout. */
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

/** The checkout this file lies in, with a slash at its end. */
export const PROJECT = fileURLToPath(new URL('../../', import.meta.url))

function git(...args: readonly string[]): string {
  const { status, stdout } = spawnSync('git', ['-C', PROJECT, ...args], { encoding: 'utf8', maxBuffer: 1 << 26 })
  if (status !== 0) throw new Error('the package is built from a git checkout of the project; git found none here')
  return stdout
}

/** What runs on the doorbell; documents, compiler settings and everything else stay. */
const AGENT_FILES = /^(?:device-agent\/(?:src\/|package\.json$)|shared\/(?:src|client|node)\/|shared\/package\.json$)/
const NOT_AT_RUN_TIME = /(?:\.d\.ts|\/tsconfig\.json|\.md)$/

/** Paths of the files of agent and shared sources, from the project's folder, sorted. */
export function agentSources(): string[] {
  const tracked = git('ls-files', '-z').split('\0')
  return tracked.filter((path) => AGENT_FILES.test(path) && !NOT_AT_RUN_TIME.test(path)).sort()
}

/** Where the sources stand. */
export interface Revision {
  readonly commit: string
  /** Tracked files differ from the commit. */
  readonly isChanged: boolean
  /** The commit's date, seconds since 1970. */
  readonly dateSeconds: number
}

/** The checkout's commit. @throws outside a git checkout */
export function currentRevision(): Revision {
  const [commit = '', date = ''] = git('log', '-1', '--format=%H %ct').trim().split(' ')
  return { commit, isChanged: git('status', '--porcelain', '--untracked-files=no') !== '', dateSeconds: Number(date) }
}
