import { codeOf } from '@latchkey/shared'
import pg from 'pg'
import type { Queryable } from '../flow.ts'
import type { Clock } from '../kernel/clock.ts'
import type { Log } from '../kernel/log.ts'
import { databaseError, type PgTarget, poolConfig } from './pg-database.ts'

const CHANNEL = 'latchkey_households'
const RECONNECT_MS = 1_000
/** What is rung meanwhile goes out together: a notification of its own for each would put all commits of the database in one line. */
const COLLECT_MS = 10

/** How relays that share a database wake each other's listeners. */
export interface PgBell extends AsyncDisposable {
  /** The other relays hear of it soon; one that does not looks for itself at its next beat. Never throws. */
  ring(root: string): void
}

export interface PgBellParts {
  readonly target: PgTarget
  /** Where notifications are sent from. */
  readonly database: Queryable
  /** Of this relay: its own rings do not come back to it. */
  readonly instance: string
  readonly clock: Pick<Clock, 'sleep'>
  readonly log: Log
  /** Another relay rang. */
  onRing(root: string): void
  /** Rings may have been missed. */
  onGap(): void
}

class Bell implements PgBell {
  readonly #parts: PgBellParts
  readonly #stop = new AbortController()
  readonly #rung = new Set<string>()
  #client: pg.Client | null = null
  #sending: Promise<void> | null = null
  readonly #listening: Promise<void>

  constructor(parts: PgBellParts) {
    this.#parts = parts
    this.#listening = this.#listen()
  }

  ring(root: string): void {
    this.#rung.add(root)
    this.#sending ??= this.#send().finally(() => (this.#sending = null))
  }

  async #send(): Promise<void> {
    const { database, clock, instance, log } = this.#parts
    while (this.#rung.size > 0) {
      await clock.sleep(COLLECT_MS, this.#stop.signal)
      const roots = [...this.#rung]
      this.#rung.clear()
      const sql = 'SELECT pg_notify($1, $2 || root) FROM unnest($3::text[]) AS root'
      await database.query(sql, [CHANNEL, `${instance} `, roots]).catch((error: unknown) => {
        log.warn({ code: codeOf(error) }, 'bell.not-heard')
      })
    }
  }

  async #listen(): Promise<void> {
    const { clock, log, onGap } = this.#parts
    while (!this.#stop.signal.aborted) {
      try {
        await this.#listenOnce(onGap)
      } catch (error) {
        log.warn({ code: codeOf(databaseError(error)) }, 'bell.connection-lost')
      }
      await clock.sleep(RECONNECT_MS, this.#stop.signal)
    }
  }

  /** Returns when the connection is over. */
  async #listenOnce(onStart: () => void): Promise<void> {
    const client = new pg.Client({ ...poolConfig(this.#parts.target), keepAlive: true })
    const over = new Promise<void>((resolve) => {
      client.once('end', resolve)
      client.once('error', () => resolve())
    })
    this.#client = client
    try {
      await client.connect()
      client.on('notification', ({ payload }) => this.#hear(payload ?? ''))
      await client.query(`LISTEN ${CHANNEL}`)
      onStart()
      await over
    } finally {
      this.#client = null
      await client.end().catch(() => {})
    }
  }

  #hear(payload: string): void {
    const [instance, root] = payload.split(' ')
    if (instance !== this.#parts.instance && root) this.#parts.onRing(root)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
    await this.#client?.end().catch(() => {})
    await this.#listening
    await this.#sending
  }
}

/** Listens on a connection of its own, which is made anew when it breaks. */
export function createPgBell(parts: PgBellParts): PgBell {
  return new Bell(parts)
}
