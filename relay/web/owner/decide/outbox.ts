/** Decisions that were signed here: kept before they are sent, so that a lost network loses none. */
import { codeOf, type ConsentSubmission, consentAccepted, type ErrorCode, LatchkeyError } from '@latchkey/shared'
import type { Home } from '../household/home.ts'
import type { Database } from '../../kernel/database.ts'
import { memberClient } from '../household/relay-clients.ts'
import { nowMs } from '../../kernel/clock.ts'

/** `stale`: it came too late to leave the time for taking it back, and has to be signed again. */
export type DecisionState = 'unsent' | 'sent' | 'stale' | 'refused' | 'dropped'

/** A signed decision as this phone keeps it. */
export interface KeptDecision {
  /** Of the consent. */
  readonly digest: string
  readonly submission: ConsentSubmission
  /** The words that were shown and signed. */
  readonly notice: string
  readonly agencyName: string
  readonly clip: string
  readonly request: string
  readonly signedMs: number
  readonly state: DecisionState
  /** When the relay had it, by this phone's own clock; nothing for those that were sent before this was kept. */
  readonly sentMs?: number
  /** Why the relay refused it. */
  readonly code: ErrorCode | null
}

const RECORD = 'decisions'

/** The decisions of this phone. */
export interface Outbox {
  list(): Promise<readonly KeptDecision[]>
  /** Keeps a decision, durable when this resolves; then {@link flush} sends it. */
  keep(decision: Omit<KeptDecision, 'state' | 'code' | 'sentMs'>): Promise<void>
  /** Sends what was not sent; answers with everything as it then stands. */
  flush(): Promise<readonly KeptDecision[]>
  /** Forgets one that never left the phone. @throws CONFLICT when it did */
  drop(digest: string): Promise<void>
}

/** @param home whose keys prove the sending */
export function createOutbox(database: Database, home: Home): Outbox {
  const list = async () => ((await database.load(RECORD)) as readonly KeptDecision[] | undefined) ?? []
  // One change after the other: two that read the same list would each lose the other's.
  let line: Promise<unknown> = Promise.resolve()
  function inLine<T>(work: () => Promise<T>): Promise<T> {
    const done = line.then(work)
    line = done.catch(() => {})
    return done
  }
  async function change(digest: string, next: Partial<KeptDecision>): Promise<void> {
    const decisions = await list()
    await database.save(
      RECORD,
      decisions.map((decision) => (decision.digest === digest ? { ...decision, ...next } : decision)),
    )
  }
  async function send({ digest, submission }: KeptDecision): Promise<void> {
    const asMember = await memberClient(home)
    try {
      await asMember.json('POST', '/v1/consents', consentAccepted, { json: submission, gzip: true })
      await change(digest, { state: 'sent', code: null, sentMs: nowMs() })
    } catch (error) {
      const code = codeOf(error)
      // Whatever may work later stays unsent.
      if (!(error instanceof LatchkeyError) || error.kind !== 'refuse') return
      await change(digest, { state: code === 'CONSENT_STALE' ? 'stale' : 'refused', code })
    }
  }
  return {
    list,
    keep: (decision) =>
      inLine(async () => {
        const known = (await list()).filter(({ digest }) => digest !== decision.digest)
        await database.save(RECORD, [...known, { ...decision, state: 'unsent', code: null }])
      }),
    flush: () =>
      inLine(async () => {
        for (const decision of await list()) if (decision.state === 'unsent') await send(decision)
        return list()
      }),
    drop: (digest) =>
      inLine(async () => {
        const found = (await list()).find((decision) => decision.digest === digest)
        if (found?.state === 'sent') throw new LatchkeyError('CONFLICT', 'it was sent already: revoke it instead')
        await change(digest, { state: 'dropped' })
      }),
  }
}
