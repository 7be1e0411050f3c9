import { encodeBase64url, LatchkeyError, randomBytes } from '@latchkey/shared'
import type { BrokerLogins, Database, DeviceCaller, Queryable } from '../flow.ts'
import type { Clock } from '../kernel/clock.ts'
import type { Log } from '../kernel/log.ts'
import type { ControlCommand, MosquittoControl } from './mosquitto-control.ts'

/** As long as a login of the embedded broker; the device then asks for the next one. */
const LIFE_MS = 12 * 3_600_000
const PASSWORD_BYTES = 32
/** Logins ended in one run: each is a command, of about 20 ms. */
const MAX_PER_RUN = 500

const ALREADY_THERE = 'Client already exists'
const NOT_THERE = 'Client not found'

/** What of a device topic may be done is in the broker's own list of patterns, so nothing else may allow anything. */
const NOBODY_MAY = ['publishClientSend', 'publishClientReceive', 'subscribe', 'unsubscribe'].map((acltype) => ({
  acltype,
  allow: false,
}))

/** What it works with. */
export interface MosquittoLoginsParts {
  readonly database: Database
  readonly control: Pick<MosquittoControl, 'give' | 'isConnected' | 'isRefused'>
  readonly clock: Pick<Clock, 'nowMs'>
  readonly log: Log
  /** Is this certificate in force, and stays so until the transaction ends? */
  holdDevice(tx: Queryable, certificate: string): Promise<boolean>
}

/** Logins at a Mosquitto, which several relays may share. */
export interface MosquittoLogins extends BrokerLogins {
  /** Ends the logins whose time is over, or whose device was revoked. Idempotent; runs again and again. @returns how many */
  sweep(): Promise<number>
}

async function giveOrThrow(parts: MosquittoLoginsParts, command: ControlCommand): Promise<void> {
  const refusal = await parts.control.give(command)
  if (refusal !== null) throw new LatchkeyError('UNAVAILABLE', `the broker refused ${command.command}: ${refusal}`)
}

/** A new password for a login that may be there already, by another relay even. */
async function setPassword(parts: MosquittoLoginsParts, username: string, password: string): Promise<void> {
  const refusal = await parts.control.give({ command: 'createClient', username, password })
  if (refusal === null) return
  if (refusal !== ALREADY_THERE) throw new LatchkeyError('UNAVAILABLE', `the broker refused a login: ${refusal}`)
  await giveOrThrow(parts, { command: 'setClientPassword', username, password })
}

/** From now on the login is to end then. @throws CALLER_REFUSED for a device that was revoked meanwhile */
async function recordLogin(parts: MosquittoLoginsParts, caller: DeviceCaller, expiresMs: number): Promise<void> {
  await parts.database.transaction(async (tx) => {
    if (!(await parts.holdDevice(tx, caller.certificate)))
      throw new LatchkeyError('CALLER_REFUSED', 'the device was revoked')
    await tx.query(
      `INSERT INTO broker_logins (device, expires_ms) VALUES ($1, $2)
       ON CONFLICT (device) DO UPDATE SET expires_ms = excluded.expires_ms`,
      [caller.device, expiresMs],
    )
  })
}

/**
 * Sets the password while the row is held, so that no relay ends the old login behind the new one's back.
 * @throws CALLER_REFUSED for a device that was revoked meanwhile
 */
async function setRecorded(parts: MosquittoLoginsParts, device: string, password: string): Promise<void> {
  await parts.database.transaction(async (tx) => {
    const rows = await tx.query('SELECT 1 FROM broker_logins WHERE device = $1 AND expires_ms > $2 FOR UPDATE', [
      device,
      parts.clock.nowMs(),
    ])
    if (rows.length === 0) throw new LatchkeyError('CALLER_REFUSED', 'the device was revoked')
    await setPassword(parts, device, password)
  })
}

/** Ends a login while its row is held; one that another relay ends just now is left to it. */
async function endLogin({ database, control }: MosquittoLoginsParts, device: string, nowMs: number): Promise<number> {
  return database.transaction(async (tx) => {
    const due = await tx.query(
      'SELECT 1 FROM broker_logins WHERE device = $1 AND expires_ms <= $2 FOR UPDATE SKIP LOCKED',
      [device, nowMs],
    )
    if (due.length === 0) return 0
    const refusal = await control.give({ command: 'deleteClient', username: device })
    if (refusal !== null && refusal !== NOT_THERE)
      throw new LatchkeyError('UNAVAILABLE', `the broker refused to end a login: ${refusal}`)
    await tx.query('DELETE FROM broker_logins WHERE device = $1', [device])
    return 1
  })
}

/** One after the other: what holds a connection to the database while the broker thinks never holds them all. */
function createTurns(): <T>(work: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve()
  return (work) => {
    const mine = last.then(work)
    last = mine.catch(() => {})
    return mine
  }
}

/** Nobody may do anything but what the patterns allow: said at every start, and proof that this relay may give commands. */
async function assertCommand(parts: MosquittoLoginsParts): Promise<void> {
  try {
    await giveOrThrow(parts, { command: 'setDefaultACLAccess', acls: NOBODY_MAY })
  } catch (cause) {
    if (!parts.control.isRefused) throw cause
    const message = 'mosquitto: the broker does not let this relay in; look at username and passwordFile'
    throw new LatchkeyError('CONFIG_INVALID', message, { cause })
  }
}

/**
 * Logins that the relay gives out and takes back by Mosquitto's own commands. The row is written first: a login without a row
 * would never end. The broker's file keeps a hash of each password, and we keep nothing of it.
 * @throws UNAVAILABLE when the broker does not answer, or takes no commands · CONFIG_INVALID when it does not let us in
 */
export async function createMosquittoLogins(parts: MosquittoLoginsParts): Promise<MosquittoLogins> {
  const { database, control, clock, log } = parts
  await assertCommand(parts)
  const inTurn = createTurns()
  const sweep = async (): Promise<number> => {
    const nowMs = clock.nowMs()
    const due = await database.query<{ device: string }>(
      'SELECT device FROM broker_logins WHERE expires_ms <= $1 ORDER BY expires_ms LIMIT $2',
      [nowMs, MAX_PER_RUN],
    )
    let ended = 0
    for (const { device } of due) ended += await inTurn(() => endLogin(parts, device, nowMs))
    return ended
  }
  return {
    issue: async (caller) => {
      if (!control.isConnected) throw new LatchkeyError('UNAVAILABLE', 'the broker is away; ask again')
      const { device } = caller
      const expiresMs = clock.nowMs() + LIFE_MS
      const password = encodeBase64url(randomBytes(PASSWORD_BYTES))
      await recordLogin(parts, caller, expiresMs)
      await inTurn(() => setRecorded(parts, device, password))
      return { username: device, password, expiresMs }
    },
    end: async (tx, device) => {
      await tx.query('UPDATE broker_logins SET expires_ms = 0 WHERE device = $1', [device])
      // If the broker is away just now, the next run does it.
      tx.onCommit(() => void sweep().catch((error: unknown) => log.warn({ err: error }, 'broker.login-not-ended')))
    },
    sweep,
  }
}
