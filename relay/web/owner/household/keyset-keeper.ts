/** Follows the household's keysets from the pinned root: the relay lists them, and is not believed. */
import {
  followKeysets,
  isNewKeyset,
  type KeysetFinding,
  keysetList,
  type ListedKeyset,
  type LoggedKeyset,
} from '@latchkey/shared'
import type { RelayClient } from '@latchkey/shared/client'
import type { Database } from '../../kernel/database.ts'
import { nowMs } from '../../kernel/clock.ts'
import type { LogKeeper } from '../log/log-keeper.ts'
import { chainOf, type Home, withChain } from './home.ts'
import { memberClient } from './relay-clients.ts'

/** What was refused, and when: the proof of it, to show to others. */
export interface KeysetEvidence extends KeysetFinding {
  readonly atMs: number
}

interface KeptEvidence {
  readonly v: 1
  readonly evidence: readonly KeysetEvidence[]
}

/** What a look came to. */
export interface KeysetLook {
  /** The household with the keysets as they are known now; the same object when nothing changed. */
  readonly home: Home
  /** Every reason ever to distrust the relay about the household's phones. */
  readonly evidence: readonly KeysetEvidence[]
}

/** What it keeps of them. */
export const EVIDENCE_RECORD = 'keyset-evidence'
const MAX_EVIDENCE = 16

const withLeaf = async (listed: ListedKeyset, home: Home, log: LogKeeper): Promise<LoggedKeyset> => ({
  listed,
  leaf: isNewKeyset(chainOf(home), listed) ? await log.leaf(listed.index) : null,
})

/** What was ever found wrong. */
export async function loadKeysetEvidence(database: Database): Promise<readonly KeysetEvidence[]> {
  return ((await database.load(EVIDENCE_RECORD)) as KeptEvidence | undefined)?.evidence ?? []
}

async function keepEvidence(
  database: Database,
  findings: readonly KeysetFinding[],
): Promise<readonly KeysetEvidence[]> {
  const evidence = await loadKeysetEvidence(database)
  const isNew = ({ fault, refused, held }: KeysetFinding): boolean =>
    evidence.every((one) => one.fault !== fault || one.refused !== refused || one.held !== held)
  const news = findings.filter(isNew).map((finding) => ({ ...finding, atMs: nowMs() }))
  if (news.length === 0) return evidence
  const kept = [...evidence, ...news].slice(-MAX_EVIDENCE)
  await database.save(EVIDENCE_RECORD, { v: 1, evidence: kept } satisfies KeptEvidence)
  return kept
}

/**
 * Takes every newer keyset that the log holds and that follows from the pinned root; keeps what is wrong with the others.
 * Safe to repeat. The caller keeps the household.
 * @param parts.asker who asks the relay: this phone, unless the root does
 * @throws UNAVAILABLE | LOG_RANGE when relay or log cannot be read now; CALLER_REFUSED when this phone is no member (any more)
 */
export async function lookAtKeysets(
  { database, log, asker }: { readonly database: Database; readonly log: LogKeeper; readonly asker?: RelayClient },
  home: Home,
): Promise<KeysetLook> {
  const client = asker ?? (await memberClient(home))
  const { keysets } = await client.json('GET', '/v1/keysets', keysetList)
  if (keysets.some((listed) => isNewKeyset(chainOf(home), listed))) await log.look()
  const offered = await Promise.all(keysets.map((listed) => withLeaf(listed, home, log)))
  const before = chainOf(home)
  const { chain, findings } = followKeysets(before, offered, { root: home.rootJwk, nowMs: nowMs() })
  const evidence = await keepEvidence(database, findings)
  const isSame = chain.length === before.length && chain.every(({ standing }, i) => standing === before[i]!.standing)
  return { home: isSame ? home : withChain(home, chain), evidence }
}
