import {
  clipManifest,
  type ClockStatement,
  concatBytes,
  digestOf,
  encodeBase64url,
  type ItemDescriptor,
  LatchkeyError,
  sealItem,
  type Seen,
} from '@latchkey/shared'
import type {
  BodyDigest,
  ClipEnd,
  ClipSink,
  ClipSpool,
  ClipStart,
  DeviceIdentity,
  Gap,
  PlainItem,
  SealingKeys,
  SpooledClip,
} from '../flow.ts'
import type { Clock } from '../kernel/clock.ts'
import { buildManifest, closeManifest, coveredUntilMs } from './clip-manifest.ts'

/** What the sealer needs of the rest of the house. */
export interface SealerOptions {
  readonly spool: ClipSpool
  readonly identity: DeviceIdentity
  /** Read at each clip's start: a clip is sealed to one keyset from end to end. */
  readonly keys: () => SealingKeys
  readonly clock: Clock
  readonly clockStatement: () => ClockStatement
  /** Newest verified checkpoint of the log. */
  readonly seen: () => Seen
  readonly software: string
  /** Called when a final manifest is durable; must resolve only when the clip's event is, too. */
  readonly announce: (clip: SpooledClip) => Promise<void>
}

interface OpenClip {
  readonly start: ClipStart
  readonly sequence: number
  readonly keys: SealingKeys
  readonly descriptors: ItemDescriptor[]
  readonly bodies: BodyDigest[]
  readonly gaps: Gap[]
  revision: number
  /** The init segment found no room: nothing after it could be played. */
  refused: boolean
}

/** clip → seal → spool. */
export interface Sealer extends ClipSink {
  /** Closes what a crash left open and announces finals that may not have been. To be called once, before recording. */
  recover(): Promise<void>
}

/** Builds the seal stage: plaintext goes in, only ciphertext and signed records come out, all of it in memory. */
export function createSealer(options: SealerOptions): Sealer {
  const { spool, clock } = options
  const { signer } = options.identity
  const open = new Map<string, OpenClip>()
  let sequence = 0

  async function keepRevision(state: OpenClip, descriptors: readonly ItemDescriptor[], final: ClipEnd | null) {
    const payload = buildManifest(
      { ...state, keyset: state.keys.keyset, revision: state.revision + 1, descriptors, final: finalOf(state, final) },
      {
        identity: options.identity,
        clock: options.clockStatement(),
        seen: options.seen(),
        software: options.software,
        nowMs: clock.nowMs(),
      },
    )
    const manifest = await clipManifest.encode(payload, signer)
    const { trigger, clip } = state.start
    const kept = await spool.putRevision(clip, { trigger, manifest, descriptors, bodies: state.bodies })
    state.revision++
    return kept
  }

  function finalOf(state: OpenClip, end: ClipEnd | null): { endMs: number; previous: string | null } | null {
    if (end === null) return null
    const covered = coveredUntilMs(state.start.startMs, state.descriptors)
    return { endMs: Math.max(Math.round(end.endMs), covered), previous: spool.head().digest }
  }

  function clipOf(clip: string): OpenClip {
    const state = open.get(clip)
    if (state === undefined) throw new LatchkeyError('INTERNAL', 'an item or end for a clip that is not open')
    return state
  }

  async function sealOne(state: OpenClip, item: PlainItem): Promise<void> {
    const sealed = sealItem(item.bytes, state.keys.recipients)
    const body = concatBytes(sealed.header, sealed.payload)
    const index = state.descriptors.length
    const descriptor: ItemDescriptor = {
      index,
      kind: item.kind,
      startMs: Math.round(item.startMs),
      durationMs: Math.round(item.durationMs),
      payloadSha256: digestOf(sealed.payload),
      payloadBytes: sealed.payload.length,
      keyCommitment: encodeBase64url(sealed.keyCommitment),
      plaintextCommitment: encodeBase64url(sealed.plaintextCommitment),
    }
    const { clip } = state.start
    // The item before the revision that names it: a crash between the two leaves an orphan, never a name without bytes.
    await spool.putItem(clip, index, body)
    state.bodies.push({ sha256: digestOf(body), sizeBytes: body.length })
    try {
      await keepRevision(state, [...state.descriptors, descriptor], null)
      state.descriptors.push(descriptor)
    } catch (error) {
      state.bodies.pop()
      throw error
    }
  }

  function noteMissing(state: OpenClip, item: PlainItem): void {
    if (item.kind === 'init') state.refused = true
    if (item.kind !== 'media' && item.kind !== 'audio') return
    const [startMs, endMs] = [Math.round(item.startMs), Math.round(item.startMs + item.durationMs)]
    const last = state.gaps.at(-1)
    if (last?.reason === 'disk-full' && last.endMs >= startMs) state.gaps.splice(-1, 1, { ...last, endMs })
    else state.gaps.push({ startMs, endMs, reason: 'disk-full' })
  }

  async function closeInterrupted(left: SpooledClip): Promise<SpooledClip> {
    const payload = closeManifest(left.payload, spool.head().digest, clock.nowMs())
    const manifest = await clipManifest.encode(payload, signer)
    const { trigger, descriptors, bodies } = left
    return spool.putRevision(left.clip, { trigger, manifest, descriptors, bodies })
  }

  async function announce(final: SpooledClip): Promise<void> {
    await options.announce(final)
    await spool.markAnnounced(final.clip)
  }

  return {
    async recover() {
      for (const left of spool.unfinished()) await closeInterrupted(left)
      for (const final of spool.unannounced()) await announce(final)
      sequence = spool.head().sequence
    },

    async start(start) {
      // A clip whose final manifest found no room is closed first: finals are signed in sequence order.
      for (const left of spool.unfinished()) if (!open.has(left.clip)) await announce(await closeInterrupted(left))
      sequence = Math.max(sequence, spool.head().sequence) + 1
      await spool.openClip(start.clip, sequence)
      const whole = {
        ...start,
        startMs: Math.round(start.startMs),
        monotonicStartMs: Math.round(start.monotonicStartMs),
      }
      const keys = options.keys()
      open.set(start.clip, {
        start: whole,
        sequence,
        keys,
        descriptors: [],
        bodies: [],
        gaps: [],
        revision: 0,
        refused: false,
      })
    },

    async item(clip, item) {
      const state = clipOf(clip)
      if (state.refused) return
      try {
        await sealOne(state, item)
      } catch (error) {
        if (!(error instanceof LatchkeyError) || error.code !== 'STORAGE_FULL') throw error
        noteMissing(state, item)
      }
    },

    async end(end) {
      const state = clipOf(end.clip)
      open.delete(end.clip)
      if (state.descriptors.length === 0) {
        sequence--
        return spool.abandonClip(end.clip)
      }
      const gaps = end.gaps.map((gap) => ({
        ...gap,
        startMs: Math.round(gap.startMs),
        endMs: Math.round(gap.endMs),
      }))
      state.gaps.push(...gaps)
      state.gaps.sort((a, b) => a.startMs - b.startMs)
      await announce(await keepRevision(state, state.descriptors, end))
    },
  }
}
