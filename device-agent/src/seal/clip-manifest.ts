import {
  type ClipManifest,
  type ClockStatement,
  encodeDescriptor,
  encodeBase64url,
  hashLeaf,
  type ItemDescriptor,
  rootOfLeaves,
  type Seen,
} from '@latchkey/shared'
import type { ClipStart, DeviceIdentity, Gap } from '../flow.ts'

/** A clip while it is being sealed. */
export interface ManifestState {
  readonly start: ClipStart
  readonly sequence: number
  readonly keyset: string
  /** Revision to sign next. */
  readonly revision: number
  readonly descriptors: readonly ItemDescriptor[]
  readonly gaps: readonly Gap[]
  /** Null while the clip is open. */
  readonly final: { readonly endMs: number; readonly previous: string | null } | null
}

/** What stands around a clip when a revision is signed. */
export interface ManifestContext {
  readonly identity: DeviceIdentity
  readonly clock: ClockStatement
  readonly seen: Seen
  readonly software: string
  readonly nowMs: number
}

/** A manifest has room for 64 gaps; more are told as one stretch that covers the rest. */
const MAX_GAPS = 64

/** RFC 6962 root over the descriptors, base64url. */
export function itemsRootOf(descriptors: readonly ItemDescriptor[]): string {
  return encodeBase64url(rootOfLeaves(descriptors.map((descriptor) => hashLeaf(encodeDescriptor(descriptor)))))
}

type ManifestGaps = ClipManifest['latchkey']['gaps']

function boundedGaps(gaps: readonly Gap[]): ManifestGaps {
  if (gaps.length <= MAX_GAPS) return [...gaps] as ManifestGaps
  const rest = gaps.slice(MAX_GAPS - 1)
  const endMs = Math.max(...rest.map((gap) => gap.endMs))
  return [...gaps.slice(0, MAX_GAPS - 1), { ...rest[0]!, endMs }] as ManifestGaps
}

/** End of what the items cover, never before `startMs`. */
export function coveredUntilMs(startMs: number, descriptors: readonly ItemDescriptor[]): number {
  return Math.max(startMs, ...descriptors.map((descriptor) => descriptor.startMs + descriptor.durationMs))
}

/**
 * The manifest of one revision, unsigned. While the clip is open `endMs` is what the items cover so far.
 * @see spec/clip-manifest.md, protocol §4
 */
export function buildManifest(state: ManifestState, context: ManifestContext): ClipManifest {
  const { start, descriptors, final } = state
  const { identity } = context
  return {
    iss: identity.signer.urn,
    iat: Math.floor(context.nowMs / 1000),
    latchkey: {
      v: 1,
      deviceCertificate: identity.deviceCertificate,
      keyset: state.keyset,
      epoch: identity.epoch,
      clip: start.clip,
      event: start.event,
      sequence: state.sequence,
      previous: final?.previous ?? null,
      revision: state.revision,
      open: final === null,
      startMs: start.startMs,
      endMs: final?.endMs ?? coveredUntilMs(start.startMs, descriptors),
      clock: context.clock,
      boot: identity.boot,
      monotonicStartMs: start.monotonicStartMs,
      seen: context.seen,
      items: descriptors.length,
      itemsRoot: itemsRootOf(descriptors),
      gaps: boundedGaps(state.gaps),
      masks: start.masks ?? null,
      software: context.software,
    },
  }
}

/**
 * The final manifest of a clip whose recording was cut off: its last durable revision, closed at what its items cover.
 * Only what must change does, so that the revision extends the one before it.
 */
export function closeManifest(
  last: ClipManifest,
  around: { readonly previous: string | null; readonly clock: ClockStatement; readonly nowMs: number },
): ClipManifest {
  const { latchkey } = last
  const { previous, clock, nowMs } = around
  return {
    ...last,
    iat: Math.floor(nowMs / 1000),
    latchkey: { ...latchkey, previous, clock, revision: latchkey.revision + 1, open: false },
  }
}
