import {
  answering,
  checkNextKeyset,
  keyset,
  type Keyset,
  type KeysetChange,
  LatchkeyError,
  parseRecipient,
  type PublicJwk,
  type Recipient,
  ROOT_DELAY_MS,
  type Signed,
} from '@latchkey/shared'
import type { SealingKeys } from '../flow.ts'
import type { PairingState } from './pairing-state.ts'

/** A keyset offered to the device, with what may stand behind it. */
export type OfferedKeyset = KeysetChange

function recipientsOf({ latchkey }: Keyset): Recipient[] {
  return [...latchkey.members.map((member) => member.recipient), latchkey.recovery]
}

/**
 * To whom the device seals: everybody of the keyset in force, and of a pending one, whose members may view already.
 * @see spec/keys.md
 */
export function sealingKeysOf(state: PairingState): SealingKeys {
  const inForce = keyset.parse(state.keyset)
  const pending = state.pending === null ? [] : recipientsOf(keyset.parse(state.pending.keyset).payload)
  return { keyset: inForce.digest, recipients: [...new Set([...recipientsOf(inForce.payload), ...pending])] }
}

/**
 * A pending keyset by the root alone comes into force 73 hours after this device first saw it, or at its own
 * `effectiveMs`, whichever is later: the device judges by its own eyes, not by a relay's word about when it was logged.
 */
export function settlePending(state: PairingState, nowMs: number): PairingState {
  if (state.pending === null) return state
  const { effectiveMs } = keyset.parse(state.pending.keyset).payload.latchkey
  const dueMs = Math.max(effectiveMs, state.pending.sinceMs + ROOT_DELAY_MS)
  return nowMs < dueMs ? state : { ...state, keyset: state.pending.keyset, pending: null }
}

function assertRecipients(signed: Signed<Keyset>): void {
  for (const recipient of recipientsOf(signed.payload)) parseRecipient(recipient)
}

/** A version above a pending one, by the owners in force, voids it: it is judged as their next step. */
function basisOf(state: PairingState, offered: Signed<Keyset>): Signed<Keyset> {
  const inForce = keyset.parse(state.keyset)
  if (state.pending === null) return inForce
  const pending = keyset.parse(state.pending.keyset)
  return offered.payload.latchkey.previous === pending.digest ? answering(inForce, pending) : inForce
}

/**
 * What the device knows after an offered keyset. The relay only carries it: it counts by its signatures alone.
 * Untrusted: `offered`.
 * @throws KEYSET_SUPERSEDED for a version the device has or has passed; KEYSET_FORK for another keyset of its own version;
 *   KEYSET_INVALID or SIGNATURE_INVALID when it does not follow from the one in force
 */
export function advanceKeyset(state: PairingState, offered: OfferedKeyset, nowMs: number): PairingState {
  const { keyset: next } = offered
  const newest = keyset.parse(state.pending?.keyset ?? state.keyset)
  if (next.digest === newest.digest) return state
  const { version } = next.payload.latchkey
  if (version < newest.payload.latchkey.version)
    throw new LatchkeyError('KEYSET_SUPERSEDED', 'the device never goes back a version')
  if (version === newest.payload.latchkey.version)
    throw new LatchkeyError('KEYSET_FORK', 'another keyset holds the version the device knows')
  // The 73 hours are counted from this device's first sight of it, in `settlePending`.
  const context = { root: state.rootJwk as PublicJwk, leafMs: next.payload.latchkey.effectiveMs - ROOT_DELAY_MS }
  const { findings, authority } = checkNextKeyset(basisOf(state, next), offered, context)
  if (findings[0]) throw new LatchkeyError(findings[0].code, findings[0].message)
  assertRecipients(next)
  return authority === 'root-pending'
    ? { ...state, pending: { keyset: next.raw, sinceMs: nowMs } }
    : { ...state, keyset: next.raw, pending: null }
}
