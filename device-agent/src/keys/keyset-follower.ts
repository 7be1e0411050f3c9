import {
  ack,
  codeOf,
  deviceCertificate,
  keyset,
  type Keyset,
  type KeysetList,
  LatchkeyError,
  parseListedKeyset,
  type ProposedKeyset,
  type Signer,
} from '@latchkey/shared'
import type { SealingKeys } from '../flow.ts'
import type { Clock } from '../kernel/clock.ts'
import type { Log } from '../kernel/log.ts'
import { createWaker } from '../kernel/waker.ts'
import { advanceKeyset, sealingKeysOf, settlePending } from './household-keys.ts'
import type { PairingState, PairingStore } from './pairing-state.ts'

/** What the follower needs. */
export interface KeysetFollowerOptions {
  readonly state: PairingState
  readonly store: PairingStore
  /** The household's keysets as the relay has them, in log order. Untrusted. @throws UNAVAILABLE and other codes */
  readonly fetchKeysets: () => Promise<KeysetList>
  /** The keyset that an owner signed and that waits for a button. Untrusted. @throws NOT_FOUND and other codes */
  readonly fetchProposal: () => Promise<ProposedKeyset>
  /** Hands over the press; resolves when the relay has published the keyset. @throws its refusals */
  readonly sendPress: (ack: string) => Promise<unknown>
  readonly signer: Signer
  readonly clock: Clock
  readonly log: Log
}

/** Keeps up with the household's members. */
export interface KeysetFollower extends AsyncDisposable {
  /** To whom to seal now. */
  keys(): SealingKeys
  /** In force now. */
  keyset(): Keyset
  /** The button was pressed once: three times within ten seconds mean yes to the phone that waits to be added. */
  press(): void
  /**
   * Somebody at the device says yes to the keyset that waits.
   * @returns it, once it is published
   * @throws NOT_FOUND when none waits; KEYSET_INVALID | SIGNATURE_INVALID when it does not follow by an owner of this household;
   *   UNAVAILABLE; STORAGE_FAILED
   */
  accept(): Promise<Keyset>
}

const LOOK_EVERY_MS = 10 * 60_000
/** Visitors ring once or twice; nobody adds a phone by ringing. */
const PRESSES = 3
const PRESSES_WITHIN_MS = 10_000
/** Who signed it stands at the door now, give or take two clocks. Older ones are signed anew. */
const PROPOSAL_LIFE_MS = 60 * 60_000

/**
 * Asks the relay for newer keysets, and takes only those that chain to the pinned root. A keyset is kept before it is used.
 */
export function createKeysetFollower(options: KeysetFollowerOptions): KeysetFollower {
  const { clock, log, store } = options
  const waker = createWaker(clock)
  let state = options.state

  async function adopt(next: PairingState): Promise<void> {
    if (next === state) return
    await store.save(next)
    state = next
    log.info({ version: keyset.parse(state.keyset).payload.latchkey.version }, 'the household changed its keys')
  }

  async function look(): Promise<void> {
    await adopt(settlePending(state, clock.nowMs()))
    const known = keyset.parse(state.keyset).payload.latchkey.version
    const { keysets } = await options.fetchKeysets()
    for (const listed of keysets) {
      const offered = parseListedKeyset(listed)
      if (offered.keyset.payload.latchkey.version > known) await adopt(advanceKeyset(state, offered, clock.nowMs()))
    }
  }

  /** Signed for what waits, if it would be in force by it: judged here before anybody hears of the press. */
  async function pressFor(proposal: ProposedKeyset): Promise<string> {
    const signed = keyset.parse(proposal.keyset)
    if (Math.abs(clock.nowMs() - signed.payload.iat * 1000) > PROPOSAL_LIFE_MS)
      throw new LatchkeyError('NOT_FOUND', 'what waits was signed too long ago')
    const certificate = deviceCertificate.parse(state.deviceCertificate)
    const latchkey = {
      v: 1 as const,
      keyset: signed.digest,
      deviceCertificate: certificate.digest,
      epoch: state.epoch,
    }
    const iat = Math.floor(clock.nowMs() / 1000)
    const raw = await ack.encode({ iss: options.signer.urn, iat, latchkey }, options.signer)
    const press = { ack: raw, deviceCertificate: certificate.raw }
    const listed = { keyset: signed.raw, index: 0, press, approvals: proposal.approvals }
    advanceKeyset(state, parseListedKeyset(listed), clock.nowMs())
    return raw
  }

  async function accept(): Promise<Keyset> {
    await look()
    const proposal = await options.fetchProposal()
    await options.sendPress(await pressFor(proposal))
    await look()
    return keyset.parse(proposal.keyset).payload
  }

  let presses: readonly number[] = []
  function press(): void {
    const now = clock.monotonicMs()
    presses = [...presses.filter((at) => now - at < PRESSES_WITHIN_MS), now]
    if (presses.length < PRESSES) return
    presses = []
    accept().catch((error: unknown) => log.info({ code: codeOf(error) }, 'the button was pressed for no keyset'))
  }

  async function run(): Promise<void> {
    while (!waker.isStopped()) {
      await look().catch((error: unknown) => log.info({ code: codeOf(error) }, 'no newer keyset was taken'))
      await waker.wait(LOOK_EVERY_MS)
    }
  }

  const running = run()
  return {
    keys: () => sealingKeysOf(state),
    keyset: () => keyset.parse(state.keyset).payload,
    press,
    accept,
    [Symbol.asyncDispose]: async () => {
      waker.stop()
      await running
    },
  }
}
