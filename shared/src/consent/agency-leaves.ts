/** What a relay tells of those who ask, against the log that everybody sees. */
import { canonicalJson } from '../bytes/canonical-json.ts'
import type { VerifiedCheckpoint } from '../tlog/checkpoint.ts'
import { type Leaf, leafHourStartMs } from '../tlog/leaf.ts'
import { checkNamedLeaf, type LookedLeaf, type NamedLeaf } from '../tlog/log-watch.ts'
import type { ReadTile } from '../tlog/tile-reader.ts'
import type { AgencyEntry } from '../wire/http.ts'

/** The log as a phone holds it. */
export interface HeldLog {
  readonly held: VerifiedCheckpoint | null
  readonly readTile: ReadTile
}

/** `unseen`: the relay names a place that the log does not have; `contradicted`: the log says something else there. */
export type PublicLeafState = LookedLeaf | { readonly state: 'unseen' }

function saysSame({ index, ...agency }: AgencyEntry): NamedLeaf {
  const { uri, name, kind, status, keys, sinceMs: statusSinceMs, noticeUntilMs } = agency
  const data = canonicalJson({ uri, name, kind, status, keys, statusSinceMs, noticeUntilMs })
  return { index, isIt: (leaf) => leaf.type === 'agency' && canonicalJson(leaf.data) === data }
}

function beganNotice(agency: AgencyEntry, { noticeMs, nowMs }: { noticeMs: number; nowMs: number }): NamedLeaf {
  const isOldEnough = ({ hour }: Leaf): boolean => leafHourStartMs(hour) + noticeMs <= nowMs
  return {
    index: agency.noticeIndex,
    isIt: (leaf) => {
      if (leaf.type !== 'agency' || leaf.data.uri !== agency.uri) return false
      const logged = new Set(leaf.data.keys.map(({ x }) => x))
      return agency.keys.every(({ x }) => logged.has(x)) && isOldEnough(leaf)
    },
  }
}

/**
 * Is an agency in the log as the relay tells it, and have its keys been there for the notice period, so that everybody could
 * object?
 * Untrusted: `agency`, and what `readTile` answers.
 * @param given.noticeMs of the policy
 * @throws what `readTile` throws when it cannot read
 * @see spec/log.md, "Agencies"
 */
export async function checkAgencyInLog(
  agency: AgencyEntry,
  { held, readTile }: HeldLog,
  given: { readonly noticeMs: number; readonly nowMs: number },
): Promise<PublicLeafState> {
  const told = await checkNamedLeaf(saysSame(agency), held, readTile)
  return told.state === 'included' ? checkNamedLeaf(beganNotice(agency, given), held, readTile) : told
}
