/** A clip as the relay lists it. */
import {
  type ClipEntry,
  type ClipManifest,
  type ClipPlace,
  type ClipStatement,
  countingKeysets,
  type ItemDescriptor,
  type JudgeContext,
  parseClipEntry,
} from '@latchkey/shared'
import { chainOf, type Home } from '../household/home.ts'

/** Its papers, parsed. Nothing in them counts before the clip was judged. */
export interface ListedClip {
  readonly clip: string
  readonly cursor: number
  readonly descriptors: readonly ItemDescriptor[]
  /** Does an owner want it kept, by the newest that was heard? */
  readonly kept: boolean
  /** As the relay sent it. */
  readonly entry: ClipEntry
  /** `null` when the papers cannot even be read. */
  readonly statement: ClipStatement | null
}

/** What a clip's manifest claims. */
export type ClipClaims = ClipManifest['latchkey']

/** `null` when the papers cannot even be read. */
export const claimsOf = ({ statement }: ListedClip): ClipClaims | null => statement?.manifest.payload.latchkey ?? null

/** Where it says that it stands among its doorbell's. */
export function placeOf({ statement }: ListedClip): ClipPlace | null {
  if (statement === null) return null
  const { epoch, sequence } = statement.manifest.payload.latchkey
  return { device: statement.certificate.payload.latchkey.device, epoch, sequence }
}

/** When it began and ended by the best that its device knew of the time, UTC ms. */
export function timesOf({ startMs, endMs, clock }: ClipClaims): { startMs: number; endMs: number } {
  return { startMs: startMs + clock.offsetMs, endMs: endMs + clock.offsetMs }
}

/** Untrusted: `entry`. */
export const listedClipOf = (entry: ClipEntry): ListedClip => ({
  clip: entry.clip,
  cursor: entry.cursor,
  descriptors: entry.descriptors,
  kept: entry.kept,
  entry,
  statement: parseClipEntry(entry),
})

/** What this phone pins of its household, to judge clips by; what it remembers of them comes on top. */
export const judgeContextOf = (home: Home): JudgeContext => ({
  root: home.rootJwk,
  keysets: countingKeysets(chainOf(home)),
  seen: new Map(),
})
