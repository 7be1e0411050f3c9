import { codeOf, keyset, type Keyset, type KeysetList, parseListedKeyset } from '@latchkey/shared'
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
  readonly clock: Clock
  readonly log: Log
}

/** Keeps up with the household's members. */
export interface KeysetFollower extends AsyncDisposable {
  /** To whom to seal now. */
  keys(): SealingKeys
  /** In force now. */
  keyset(): Keyset
}

const LOOK_EVERY_MS = 10 * 60_000

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
    [Symbol.asyncDispose]: async () => {
      waker.stop()
      await running
    },
  }
}
