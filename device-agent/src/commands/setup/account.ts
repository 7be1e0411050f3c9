import { readFile } from 'node:fs/promises'

/** The user the service runs as. */
export interface Account {
  readonly name: string
  readonly uid: number
  readonly gid: number
}

/** As the package creates it. */
const SERVICE_USER = 'latchkey'

/** The service's user, when this process is root and there is such a user; null otherwise. */
export async function loadServiceAccount(): Promise<Account | null> {
  if (process.getuid?.() !== 0) return null
  const text = await readFile('/etc/passwd', 'utf8').catch(() => '')
  const fields = text
    .split('\n')
    .map((line) => line.split(':'))
    .find(([name]) => name === SERVICE_USER)
  const [uid, gid] = [Number(fields?.[2]), Number(fields?.[3])]
  return Number.isInteger(uid) && Number.isInteger(gid) ? { name: SERVICE_USER, uid, gid } : null
}

/**
 * Does `work` with the rights of `account`, so that what it creates is the service's own and no trap laid in its
 * directory is walked into as root; the process has its own rights again afterwards.
 */
export async function actAs<T>(account: Account | null, work: () => Promise<T>): Promise<T> {
  if (account === null) return work()
  const [uid, gid] = [process.geteuid!(), process.getegid!()]
  process.setegid!(account.gid)
  process.seteuid!(account.uid)
  try {
    return await work()
  } finally {
    process.seteuid!(uid)
    process.setegid!(gid)
  }
}
