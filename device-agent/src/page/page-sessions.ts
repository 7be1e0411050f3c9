import { encodeBase64url, equalBytes, randomBytes, utf8 } from '@latchkey/shared'
import type { Clock } from '../kernel/clock.ts'

/** Browsers that showed a right code; known to this process only. */
export interface PageSessions {
  /** Starts a session for the address; the oldest goes when there are more than four. @returns the cookie's value */
  open(address: string): string
  /** Untrusted: both. Compares in constant time; using a session keeps it alive. */
  isOpen(token: string | undefined, address: string): boolean
  close(token: string | undefined): void
  /** Monotonic ms of the latest use of any session. */
  readonly usedMs: number
}

const MAX_SESSIONS = 4
const IDLE_MS = 30 * 60_000

interface Session {
  readonly token: string
  readonly address: string
  usedMs: number
}

/** Builds an empty set. */
export function createPageSessions(clock: Clock): PageSessions {
  let sessions: Session[] = []
  let usedMs = clock.monotonicMs()

  function find(token: string | undefined): Session | undefined {
    if (token === undefined) return undefined
    sessions = sessions.filter((session) => clock.monotonicMs() - session.usedMs < IDLE_MS)
    return sessions.find((session) => equalBytes(utf8(session.token), utf8(token)))
  }

  return {
    get usedMs() {
      return usedMs
    },
    open(address) {
      const token = encodeBase64url(randomBytes(32))
      usedMs = clock.monotonicMs()
      sessions = [...sessions, { token, address, usedMs }].slice(-MAX_SESSIONS)
      return token
    },
    isOpen(token, address) {
      const session = find(token)
      if (session?.address !== address) return false
      usedMs = session.usedMs = clock.monotonicMs()
      return true
    },
    close(token) {
      const session = find(token)
      sessions = sessions.filter((other) => other !== session)
    },
  }
}
