import {
  CompactJws,
  Count,
  createValidator,
  deviceCertificate,
  EpochMs,
  Exact,
  Jwk,
  keyset,
  LatchkeyError,
  Line,
  Origin,
  parseWith,
  utf8,
} from '@latchkey/shared'
import { Type, type Static } from 'typebox'
import { join } from 'node:path'
import { readFileOrNull, writeFileAtomic } from '../kernel/atomic-file.ts'
import { type Disk, plainDisk } from '../kernel/disk.ts'
import { durableSteps, type Failpoints, noFailpoints } from '../kernel/failpoint.ts'

/** Every place at which keeping keys and pairing can be interrupted. */
export const KEYS_FAILPOINTS: readonly string[] = [
  ...durableSteps('keys.device'),
  ...durableSteps('keys.epoch'),
  ...durableSteps('keys.pairing'),
]

const PairingState = Exact({
  v: Type.Literal(1),
  relay: Origin,
  /** Pinned when the device was paired. */
  relayJwk: Jwk,
  logVkey: Line(300),
  /** Pinned: keysets count only when they chain to it. */
  rootJwk: Jwk,
  deviceCertificate: CompactJws,
  epoch: Count,
  /** In force. Never replaced by an older version. */
  keyset: CompactJws,
  /** Signed by the root alone: may view, but not yet decide. */
  pending: Type.Union([Exact({ keyset: CompactJws, sinceMs: EpochMs }), Type.Null()]),
})
/** What a paired device knows of its household, and what it pinned. */
export type PairingState = Static<typeof PairingState>
const pairingState = createValidator(PairingState)

/** Where pairing is kept. */
export interface PairingStore {
  /** Null when unpaired. @throws CONFIG_INVALID when the file is damaged */
  load(): Promise<PairingState | null>
  save(state: PairingState): Promise<void>
  /** The epoch for the next pairing, kept before it is used: no two pairings of a device share one. */
  nextEpoch(): Promise<number>
}

/** Pairing state as two files of mode 0600 in `directory`, which exists. */
export function createPairingStore(
  directory: string,
  failpoints: Failpoints = noFailpoints,
  disk: Disk = plainDisk,
): PairingStore {
  const statePath = join(directory, 'pairing.json')
  const epochPath = join(directory, 'epoch')
  return {
    async load() {
      const bytes = await readFileOrNull(statePath)
      return bytes === null ? null : parseState(bytes)
    },
    save: (state) =>
      writeFileAtomic(statePath, utf8(JSON.stringify(state, null, 2)), { failpoints, disk, name: 'keys.pairing' }),
    async nextEpoch() {
      const before = await readFileOrNull(epochPath)
      const epoch = (before === null ? 0 : Number(Buffer.from(before).toString('utf8'))) + 1
      if (!Number.isSafeInteger(epoch)) throw new LatchkeyError('CONFIG_INVALID', 'the epoch file is damaged')
      await writeFileAtomic(epochPath, utf8(`${epoch}\n`), { failpoints, disk, name: 'keys.epoch' })
      return epoch
    },
  }
}

function parseState(bytes: Uint8Array): PairingState {
  try {
    const state = parseWith(pairingState, JSON.parse(Buffer.from(bytes).toString('utf8')), 'pairing state')
    keyset.parse(state.keyset)
    deviceCertificate.parse(state.deviceCertificate)
    return state
  } catch (cause) {
    throw new LatchkeyError('CONFIG_INVALID', 'the pairing state file is damaged: remove it and pair again', { cause })
  }
}
