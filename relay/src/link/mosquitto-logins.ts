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
  readonly control: Pick<MosquittoControl, 'give' | 'isRefused'>
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

/** A revocation may have come between the row and the broker's answer, and have found nothing to end there. */
async function assertStillRecorded(parts: MosquittoLoginsParts, device: string): Promise<void> {
  const rows = await parts.database.query('SELECT 1 FROM broker_logins WHERE device = $1 AND expires_ms > $2', [
    device,
    parts.clock.nowMs(),
  ])
  if (rows.length > 0) return
  await parts.control.give({ command: 'deleteClient', username: device })
  throw new LatchkeyError('CALLER_REFUSED', 'the device was revoked')
}

async function endLogin({ database, control }: MosquittoLoginsParts, device: string, nowMs: number): Promise<number> {
  const refusal = await control.give({ command: 'deleteClient', username: device })
  if (refusal !== null && refusal !== NOT_THERE)
    throw new LatchkeyError('UNAVAILABLE', `the broker refused to end a login: ${refusal}`)
  // Not one that was made anew meanwhile: its password is gone too, but its row tells the next run to look again.
  const gone = await database.query(
    'DELETE FROM broker_logins WHERE device = $1 AND expires_ms <= $2 RETURNING device',
    [device, nowMs],
  )
  return gone.length
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
  const { database, clock, log } = parts
  await assertCommand(parts)
  const sweep = async (): Promise<number> => {
    const nowMs = clock.nowMs()
    const due = await database.query<{ device: string }>(
      'SELECT device FROM broker_logins WHERE expires_ms <= $1 ORDER BY expires_ms LIMIT $2',
      [nowMs, MAX_PER_RUN],
    )
    let ended = 0
    for (const { device } of due) ended += await endLogin(parts, device, nowMs)
    return ended
  }
  return {
    issue: async (caller) => {
      const { device } = caller
      const expiresMs = clock.nowMs() + LIFE_MS
      const password = encodeBase64url(randomBytes(PASSWORD_BYTES))
      await recordLogin(parts, caller, expiresMs)
      await setPassword(parts, device, password)
      await assertStillRecorded(parts, device)
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
