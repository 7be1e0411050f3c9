/** This phone's own view of the public log: it only ever grows, and what was given here stands in it. */
import {
  codeOf,
  checkOwnLeaf,
  digestOf,
  encodeTilePath,
  findKeysetLabel,
  followLog,
  LatchkeyError,
  type Leaf,
  type LogFindingReason,
  logTrustOf,
  type NamedPolicy,
  openCheckpoint,
  type OwnLeaf,
  type OwnLeafState,
  readProvenLeaf,
  type ReadTile,
  type Seen,
  type Tile,
  type VerifiedCheckpoint,
} from '@latchkey/shared'
import type { Home } from '../household/home.ts'
import { anyoneClient } from '../household/relay-clients.ts'
import type { Database } from '../../kernel/database.ts'
import { nowMs } from '../../kernel/clock.ts'
import { createPublicLeaves, type PublicLeaves } from '../../kernel/public-leaves.ts'

/** A checkpoint that was refused, kept with the one that it contradicts: both are needed to show others. */
export interface LogEvidence {
  readonly reason: LogFindingReason
  readonly held: Uint8Array | null
  readonly refused: Uint8Array
  readonly atMs: number
}

/** What of it is kept. */
interface KeptLog {
  readonly v: 1
  /** The newest checkpoint that was verified, as signed. */
  readonly checkpoint: Uint8Array | null
  readonly evidence: readonly LogEvidence[]
  /** Every policy that was found in it, in its order. */
  readonly policies?: readonly NamedPolicy[]
}

/** The log as this phone follows it. */
export interface LogKeeper extends PublicLeaves {
  /** Takes the newest checkpoint if it extends the held one. @returns every reason ever to distrust the log */
  look(): Promise<readonly LogEvidence[]>
  /** What a consent says was seen; null before the first checkpoint. */
  seen(): Promise<Seen>
  /** Does it stand in the log, by this phone's own arithmetic? @throws UNAVAILABLE when the log cannot be read */
  check(leaf: OwnLeaf): Promise<OwnLeafState>
  /**
   * An entry of the log, proved under the checkpoint that this phone holds; null when what the relay shows there does not
   * prove itself. Untrusted: `index`.
   * @throws UNAVAILABLE when it cannot be read now; LOG_RANGE while no checkpoint covers it
   */
  leaf(index: number): Promise<Leaf | null>
  /**
   * Looks through every entry from `from` on, up to the checkpoint that this phone holds, for a keyset that the relay may hide.
   * @returns its index; null when there is none
   * @throws UNAVAILABLE; LOG_RANGE before the first checkpoint; LOG_PROOF_INVALID
   */
  findKeyset(label: string, from: number): Promise<number | null>
}

/** One phone follows one log. */
export const LOG_RECORD = 'log'
const keptOf = (record: unknown): KeptLog => (record as KeptLog | undefined) ?? { v: 1, checkpoint: null, evidence: [] }
const MAX_CHECKPOINT_BYTES = 16_384
/** 256 leaves of at most 64 KiB would be 16 MiB; ours have a few hundred bytes. */
const MAX_TILE_BYTES = 4 * 1024 * 1024
/** The first are kept: whoever repeats a lie cannot push them out. */
const MAX_EVIDENCE = 16

/** Anybody can send these, and a relay just behind another sends the second: neither proves anything. */
const HARMLESS: ReadonlySet<LogFindingReason> = new Set(['unsigned', 'smaller'])

/** The codes of a log that cannot show an entry now; whatever else it answers is no such entry. */
const NOT_NOW: ReadonlySet<string> = new Set(['UNAVAILABLE', 'LOG_RANGE'])

/** The same tile holds many leaves: it is read once. */
function rememberTiles(readTile: ReadTile): ReadTile {
  const read = new Map<string, ReturnType<ReadTile>>()
  return (tile) => {
    const path = encodeTilePath(tile)
    const reading = read.get(path) ?? readTile(tile)
    read.set(path, reading)
    return reading
  }
}

export function createLogKeeper(database: Database, home: Home): LogKeeper {
  const trust = logTrustOf({ logs: [home.logVkey], witnesses: [], quorum: 0 })
  const client = anyoneClient(home)
  const load = async () => keptOf(await database.load(LOG_RECORD))
  const heldOf = ({ checkpoint }: KeptLog): VerifiedCheckpoint | null =>
    checkpoint === null ? null : openCheckpoint(checkpoint, trust)
  const readTile = (tile: Tile) => client.bytes('GET', `/log/${encodeTilePath(tile)}`, { maxBytes: MAX_TILE_BYTES })

  async function newest(): Promise<VerifiedCheckpoint> {
    const held = heldOf(await load())
    if (held === null) throw new LatchkeyError('LOG_RANGE', 'this phone has seen no checkpoint yet')
    return held
  }

  /** Another tab may have looked meanwhile: the longer history stays, and all evidence. */
  async function keep({ raw, size }: VerifiedCheckpoint): Promise<void> {
    await database.update(LOG_RECORD, (record) => {
      const kept = keptOf(record)
      const checkpoint = (heldOf(kept)?.size ?? 0) > size ? kept.checkpoint : raw
      return { ...kept, checkpoint } satisfies KeptLog
    })
  }

  const publicLeaves = createPublicLeaves({
    log: async () => ({ held: heldOf(await load()), readTile: rememberTiles(readTile) }),
    knownPolicies: async () => (await load()).policies ?? [],
    remember: (policies) =>
      database.update(LOG_RECORD, (record) => {
        const now = keptOf(record)
        // Another tab may have found more meanwhile.
        return policies.length > (now.policies?.length ?? 0) ? ({ ...now, policies } satisfies KeptLog) : now
      }),
  })

  return {
    async look() {
      const kept = await load()
      const raw = await client.bytes('GET', '/log/checkpoint', { maxBytes: MAX_CHECKPOINT_BYTES })
      const step = await followLog(heldOf(kept), raw, { trust, readTile })
      if (step.kind === 'accepted') await keep(step.checkpoint)
      if (step.kind !== 'finding' || HARMLESS.has(step.reason)) return kept.evidence
      const found: LogEvidence = { reason: step.reason, held: step.held, refused: step.refused, atMs: nowMs() }
      await database.update(LOG_RECORD, (record) => {
        const now = keptOf(record)
        return { ...now, evidence: [...now.evidence, found].slice(0, MAX_EVIDENCE) } satisfies KeptLog
      })
      return [...kept.evidence, found]
    },
    async seen() {
      const held = heldOf(await load())
      return held && { origin: held.origin, size: held.size, sha256: digestOf(held.raw) }
    },
    async leaf(index) {
      const held = await newest()
      try {
        return await readProvenLeaf(index, held, readTile)
      } catch (error) {
        if (NOT_NOW.has(codeOf(error))) throw error
        return null
      }
    },
    findKeyset: async (label, from) =>
      findKeysetLabel(label, from, { held: await newest(), readTile: rememberTiles(readTile) }),
    check: async (leaf) => checkOwnLeaf(leaf, heldOf(await load()), { readTile, nowMs: nowMs() }),
    ...publicLeaves,
  }
}
