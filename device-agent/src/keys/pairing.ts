import {
  ack,
  checkPairingAnswer,
  codeOf,
  encodePairingUrl,
  encodeBase64url,
  hello,
  LatchkeyError,
  mailboxOf,
  PAIRING_LIFE_MS,
  PAIRING_TRIES,
  type PairingAnswer,
  type PairingOutcome,
  type PublicJwk,
  randomBytes,
  type Signer,
} from '@latchkey/shared'
import { createBackoff } from '../kernel/backoff.ts'
import type { Clock } from '../kernel/clock.ts'
import type { PairingState, PairingStore } from './pairing-state.ts'

/** The relay while the device is unpaired: nothing it says is believed beyond its own two keys. */
export interface PairingRelay {
  /** Its own signing key and its log's verifier key. @throws UNAVAILABLE | TRUST_INVALID */
  identity(): Promise<{ readonly jwk: PublicJwk; readonly logVkey: string }>
  putHello(mailbox: string, raw: string): Promise<void>
  /** Null while nobody has answered. Untrusted. */
  getAnswer(mailbox: string): Promise<PairingAnswer | null>
  putDone(mailbox: string, raw: string): Promise<void>
}

/** What pairing shows to the person at the terminal. */
export interface PairingDisplay {
  /** A new code is open until `untilMs` (device clock). The URL is a secret for the person who stands here. */
  onCode(url: string, untilMs: number): void
  /** Paired. The person compares the six digits with the phone's. */
  onPaired(digits: string): void
  /** An answer did not come from a reader of the code; `left` more and pairing pauses. */
  onWrongAnswer(left: number): void
  /** Pairing waits: the relay cannot be reached, or too many wrong answers came. */
  onPause(reason: 'relay-away' | 'too-many-wrong'): void
}

/** What pairing needs. */
export interface PairingOptions {
  readonly relay: PairingRelay
  /** Origin that both sides use. */
  readonly relayOrigin: string
  /** Origin of the page that the URL opens. */
  readonly pageOrigin: string
  /** The log key to hand on; null takes the one the relay names. */
  readonly logVkey: string | null
  readonly signer: Signer
  readonly store: PairingStore
  readonly clock: Clock
  readonly random: () => number
  readonly display: PairingDisplay
  readonly signal: AbortSignal
  /** Pause between two looks into the mailbox. Default 1,000. */
  readonly pollMs?: number
}

interface Session {
  readonly secret: Uint8Array
  readonly mailbox: string
  readonly hello: string
  readonly epoch: number
  readonly relayJwk: PublicJwk
  readonly logVkey: string
  readonly endsMonotonicMs: number
}

async function openSession(options: PairingOptions): Promise<Session> {
  const { signer, clock, relayOrigin } = options
  const identity = await options.relay.identity()
  const logVkey = options.logVkey ?? identity.logVkey
  const secret = randomBytes(32)
  const epoch = await options.store.nextEpoch()
  const raw = await hello.encode(
    {
      iss: signer.urn,
      iat: Math.floor(clock.nowMs() / 1000),
      cnf: { jwk: signer.jwk },
      latchkey: { v: 1, relay: relayOrigin, logVkey, nonce: encodeBase64url(randomBytes(32)), epoch },
    },
    signer,
  )
  const mailbox = mailboxOf(secret)
  const endsMonotonicMs = clock.monotonicMs() + PAIRING_LIFE_MS
  await options.relay.putHello(mailbox, raw)
  const invitation = { relay: relayOrigin, device: signer.thumbprint, logVkey, secret }
  options.display.onCode(encodePairingUrl(options.pageOrigin, invitation), clock.nowMs() + PAIRING_LIFE_MS)
  return { secret, mailbox, hello: raw, epoch, relayJwk: identity.jwk, logVkey, endsMonotonicMs }
}

/** The answer, when one came in time; null when the code's life ended. @throws PAIRING_FAILED | UNAVAILABLE */
async function awaitAnswer(options: PairingOptions, session: Session): Promise<PairingOutcome | null> {
  const { clock, relay, signal } = options
  while (!signal.aborted && clock.monotonicMs() < session.endsMonotonicMs) {
    const answer = await relay.getAnswer(session.mailbox)
    // Late is late, even when the relay held the answer back until now.
    if (answer !== null && clock.monotonicMs() < session.endsMonotonicMs)
      return checkPairingAnswer(session.secret, session.hello, answer)
    await clock.sleep(options.pollMs ?? 1_000, signal)
  }
  return null
}

async function complete(options: PairingOptions, session: Session, outcome: PairingOutcome): Promise<PairingState> {
  const state: PairingState = {
    v: 1,
    relay: options.relayOrigin,
    relayJwk: session.relayJwk,
    logVkey: session.logVkey,
    rootJwk: outcome.rootJwk,
    deviceCertificate: outcome.certificate.raw,
    epoch: session.epoch,
    keyset: outcome.keyset.raw,
    pending: null,
  }
  // Kept before it is acknowledged: a phone that sees `done` can rely on it.
  await options.store.save(state)
  const done = await ack.encode(
    {
      iss: options.signer.urn,
      iat: Math.floor(options.clock.nowMs() / 1000),
      latchkey: {
        v: 1,
        keyset: outcome.keyset.digest,
        deviceCertificate: outcome.certificate.digest,
        epoch: session.epoch,
      },
    },
    options.signer,
  )
  await sendDone(options, session, done)
  return state
}

async function sendDone(options: PairingOptions, session: Session, done: string): Promise<void> {
  const backoff = createBackoff({ baseMs: 1_000, maxMs: 10_000, random: options.random })
  while (!options.signal.aborted && options.clock.monotonicMs() < session.endsMonotonicMs) {
    try {
      await options.relay.putDone(session.mailbox, done)
      return
    } catch {
      await options.clock.sleep(backoff.nextDelayMs(), options.signal)
    }
  }
}

/**
 * Waits until the household has paired this device. A wrong answer burns its code at once (mailboxes are written once)
 * and five of them pause pairing for as long as a code lives; an expired code is replaced.
 * @returns the kept state, or null when `signal` aborted first
 * @see spec/pairing.md
 */
export async function runPairing(options: PairingOptions): Promise<PairingState | null> {
  const { clock, display, signal } = options
  const backoff = createBackoff({ baseMs: 1_000, maxMs: 30_000, random: options.random })
  let wrong = 0
  while (!signal.aborted) {
    try {
      const session = await openSession(options)
      const outcome = await awaitAnswer(options, session)
      backoff.reset()
      if (outcome === null) continue
      const state = await complete(options, session, outcome)
      display.onPaired(outcome.digits)
      return state
    } catch (error) {
      if (isBug(error)) throw error
      if (codeOf(error) !== 'PAIRING_FAILED') {
        display.onPause('relay-away')
        await clock.sleep(backoff.nextDelayMs(), signal)
        continue
      }
      wrong++
      display.onWrongAnswer(PAIRING_TRIES - wrong)
      if (wrong < PAIRING_TRIES) continue
      display.onPause('too-many-wrong')
      await clock.sleep(PAIRING_LIFE_MS, signal)
      wrong = 0
    }
  }
  return null
}

function isBug(error: unknown): boolean {
  return !(error instanceof LatchkeyError) || error.kind === 'fault' || error.code === 'STORAGE_FAILED'
}
