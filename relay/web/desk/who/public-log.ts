/** This desk's own view of the public log: it only ever grows, and the rules that a request is judged by stand in it. */
import {
  encodeTilePath,
  followLog,
  LatchkeyError,
  type LogTrust,
  type NamedPolicy,
  openCheckpoint,
  type Policy,
  type ReadTile,
  strayTemplates,
  type VerifiedCheckpoint,
} from '@latchkey/shared'
import type { Database } from '../../kernel/database.ts'
import { createPublicLeaves } from '../../kernel/public-leaves.ts'
import { loadRules } from '../../kernel/rules.ts'
import type { Investigator } from './investigator.ts'
import { anyoneClient } from './relay-clients.ts'
import { type Believed, loadBelieved } from './trust-file.ts'

/** What of it is kept. */
interface KeptLog {
  readonly v: 1
  /** The newest checkpoint that was verified, as signed. */
  readonly checkpoint: Uint8Array
  /** Every policy entry that was found under it, in its order. */
  readonly policies: readonly NamedPolicy[]
}

const RECORD = 'log'
const MAX_CHECKPOINT_BYTES = 16_384
/** 256 leaves of at most 16 KiB. */
const MAX_TILE_BYTES = 5 * 1024 * 1024

const keptOf = (record: unknown): KeptLog | null => (record as KeptLog | undefined) ?? null

/** Null to begin anew: whoever loads a trust file may name another log in it; the relay's own word may not. */
function openKept(kept: KeptLog | null, trust: LogTrust, from: Believed['from']): VerifiedCheckpoint | null {
  if (kept === null) return null
  try {
    return openCheckpoint(kept.checkpoint, trust)
  } catch (cause) {
    if (from === 'file') return null
    throw new LatchkeyError('CHECKPOINT_INVALID', 'the relay names another key of its log than before', { cause })
  }
}

/** The newest checkpoint that extends what is held. Anybody can send one that is unsigned or older: it changes nothing. */
async function look(
  held: VerifiedCheckpoint | null,
  raw: Uint8Array,
  how: { trust: LogTrust; readTile: ReadTile },
): Promise<VerifiedCheckpoint> {
  const step = await followLog(held, raw, how)
  if (step.kind !== 'finding') return step.checkpoint
  if (held !== null && (step.reason === 'unsigned' || step.reason === 'smaller')) return held
  throw new LatchkeyError(step.code, step.message)
}

/**
 * The rules in force, proved: every policy entry that the relay tells of stands in the log that this desk follows, none is
 * missing that it found before, and these are the ones that count after them.
 * Untrusted: what the relay answers.
 * @throws UNAVAILABLE | MESSAGE_INVALID; TRUST_INVALID without a log to believe; CHECKPOINT_INVALID | LOG_PROOF_INVALID when the
 *   log contradicts itself; POLICY_UNKNOWN when the relay's rules are not those of its log, or name other texts than this desk has
 * @see shared/spec/policy.md
 */
export async function loadProvenPolicy(database: Database, investigator: Investigator): Promise<Policy> {
  const anyone = anyoneClient(investigator)
  const { trust, from } = await loadBelieved(database, investigator)
  if (trust.log === null) throw new LatchkeyError('TRUST_INVALID', 'no log is named to look for the rules in')
  const rules = await loadRules(anyone)
  const kept = keptOf(await database.load(RECORD))
  const before = openKept(kept, trust.log, from)
  const readTile: ReadTile = (tile) => anyone.bytes('GET', `/log/${encodeTilePath(tile)}`, { maxBytes: MAX_TILE_BYTES })
  // After the list: what it tells of may be newer than the log as this desk held it.
  const raw = await anyone.bytes('GET', '/log/checkpoint', { maxBytes: MAX_CHECKPOINT_BYTES })
  const held = await look(before, raw, { trust: trust.log, readTile })
  let policies = before === null ? [] : (kept?.policies ?? [])
  const leaves = createPublicLeaves({
    log: async () => ({ held, readTile }),
    knownPolicies: async () => policies,
    remember: async (found) => void (policies = found),
  })
  const isProven = rules !== null && (await leaves.findPolicies(rules.told))
  await database.save(RECORD, { v: 1, checkpoint: held.raw, policies } satisfies KeptLog)
  if (!isProven) throw new LatchkeyError('POLICY_UNKNOWN', 'the rules that the relay tells are not those of its log')
  const [stray] = strayTemplates(rules.inForce)
  if (stray !== undefined)
    throw new LatchkeyError('POLICY_UNKNOWN', `the rules name other words by “${stray}” than this desk would show`)
  return rules.inForce
}
