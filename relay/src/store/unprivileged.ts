import { LatchkeyError } from '@latchkey/shared'
import { readFile } from 'node:fs/promises'
import { runChild } from '../kernel/child-process.ts'

/** All that PostgreSQL's programs see of our environment: nothing. */
export const CHILD_ENV = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C', TZ: 'UTC' } as const

/** The user that programs run as when we are root: PostgreSQL refuses root. */
export interface Demotion {
  readonly uid: number
  readonly gid: number
  /** Keep CAP_DAC_READ_SEARCH, to reach a folder below parents that only root may enter. */
  readonly readSearch: boolean
}

/** Ids of `nobody`. @throws DEPENDENCY_MISSING when the machine has no such user */
export async function loadNobody(): Promise<Demotion> {
  const line = (await readFile('/etc/passwd', 'utf8')).split('\n').find((entry) => entry.startsWith('nobody:'))
  const [, , uid, gid] = line?.split(':') ?? []
  if (!uid || !gid)
    throw new LatchkeyError('DEPENDENCY_MISSING', 'this machine has no user "nobody" to run PostgreSQL as')
  return { uid: Number(uid), gid: Number(gid), readSearch: false }
}

/**
 * The command prefix that makes a program run as `as` (`null`: as ourselves), without a way back to privileges. With
 * `diesWithParent` the kernel sends it SIGINT when we end, however we end, so that no server is orphaned.
 */
export function demotion(as: Demotion | null, options: { diesWithParent?: boolean } = {}): string[] {
  const prefix = ['setpriv', '--no-new-privs']
  if (options.diesWithParent) prefix.push('--pdeathsig', 'INT')
  if (!as) return prefix
  prefix.push(`--reuid=${as.uid}`, `--regid=${as.gid}`, '--clear-groups')
  if (!as.readSearch) return [...prefix, '--inh-caps=-all', '--bounding-set=-all']
  // Without the securebit the change of user drops the capability, and PostgreSQL's own access check fails.
  const only = '-all,+dac_read_search'
  return [
    ...prefix,
    '--securebits=+no_setuid_fixup',
    `--inh-caps=${only}`,
    `--ambient-caps=${only}`,
    `--bounding-set=${only}`,
  ]
}

async function mayEnter(folder: string, as: Demotion): Promise<boolean> {
  const [command, ...args] = [...demotion(as), 'test', '-x', folder, '-a', '-r', folder]
  return (await runChild(command, args, { env: CHILD_ENV })).code === 0
}

/**
 * Decides what the unprivileged user needs to work in `folder`, which it must own: nothing, or CAP_DAC_READ_SEARCH when a
 * parent is closed to it.
 * @throws CONFIG_INVALID when it cannot get there either way
 */
export async function demotionFor(folder: string, nobody: Demotion): Promise<Demotion> {
  for (const readSearch of [false, true]) {
    const as = { ...nobody, readSearch }
    if (await mayEnter(folder, as)) return as
  }
  throw new LatchkeyError(
    'CONFIG_INVALID',
    `the user "nobody" cannot reach ${folder}: choose a state folder whose parents it may enter, such as /var/lib/latchkey`,
  )
}
