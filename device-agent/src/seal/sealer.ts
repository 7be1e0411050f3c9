import {
  clipManifest,
  type ClockStatement,
  codeOf,
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
import type { Moment } from './clock-source.ts'

/** What the sealer needs of the rest of the house. */
export interface SealerOptions {
  readonly spool: ClipSpool
  readonly identity: DeviceIdentity
  /** Read at each clip's start: a clip is sealed to one keyset from end to end. */
  readonly keys: () => SealingKeys
  readonly clock: Clock
  /** What is known now of a time that was stamped earlier. */
  readonly clockStatement: (moment: Moment) => ClockStatement | Promise<ClockStatement>
  /** Is the clock about to be set? Final manifests wait for it, see `Sealer.date`. Default: no. */
  readonly isClockAwaited?: () => boolean
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
  /** The clip itself or its init segment could not be kept: nothing after it could be played. */
  refused: boolean
}

/** clip → seal → spool. */
export interface Sealer extends ClipSink {
  /** Closes what a crash left open and announces finals that may not have been. To be called once, before recording. */
  recover(): Promise<void>
  /** The same for what the disk refused, once it is back; recording goes on meanwhile. */
  mend(): Promise<void>
  /**
   * Finishes the clips that wait for the clock: each final manifest states by how much its times are off. To be called
   * when the clock is set, when it will not be soon, and before the end.
   */
  date(): Promise<void>
}

/** The disk's fault, not ours: the clip tells of it, and recording goes on. */
function isStorageError(error: unknown): boolean {
  if (error instanceof LatchkeyError) return error.code === 'STORAGE_FULL' || error.code === 'STORAGE_FAILED'
  return error instanceof Error && 'errno' in error
}

/** Builds the seal stage: plaintext goes in, only ciphertext and signed records come out, all of it in memory. */
export function createSealer(options: SealerOptions): Sealer {
  const { spool, clock } = options
  const { signer } = options.identity
  const open = new Map<string, OpenClip>()
  /** Ended while the clock was awaited; in order. */
  const undated: { readonly state: OpenClip; readonly end: ClipEnd }[] = []
  let sequence = 0
  let tail: Promise<unknown> = Promise.resolve()
  /** Finals are signed one after the other: each names the one before. */
  function exclusive<T>(change: () => Promise<T>): Promise<T> {
    const result = tail.then(change)
    tail = result.catch(() => {})
    return result
  }

  async function keepRevision(state: OpenClip, descriptors: readonly ItemDescriptor[], final: ClipEnd | null) {
    const payload = buildManifest(
      { ...state, keyset: state.keys.keyset, revision: state.revision + 1, descriptors, final: finalOf(state, final) },
      {
        identity: options.identity,
        clock: await statementOf(state.start.startMs, state.start.monotonicStartMs),
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

  async function statementOf(atMs: number, monotonicMs: number): Promise<ClockStatement> {
    return options.clockStatement({ atMs, monotonicMs })
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

  function noteMissing(state: OpenClip, item: PlainItem, error: unknown): void {
    if (item.kind === 'init') state.refused = true
    if (item.kind !== 'media' && item.kind !== 'audio') return
    const reason = codeOf(error) === 'STORAGE_FULL' ? 'disk-full' : 'frames-dropped'
    const [startMs, endMs] = [Math.round(item.startMs), Math.round(item.startMs + item.durationMs)]
    const last = state.gaps.at(-1)
    if (last?.reason === reason && last.endMs >= startMs) state.gaps.splice(-1, 1, { ...last, endMs })
    else state.gaps.push({ startMs, endMs, reason })
  }

  /** What the disk refused at the end of a clip is done as after a crash: its last manifest, or its disappearance. */
  async function finishLeft(): Promise<void> {
    const mine = new Set([...open.keys(), ...undated.map(({ end }) => end.clip)])
    for (const left of spool.unfinished()) if (!mine.has(left.clip)) await announce(await closeInterrupted(left))
    for (const clip of spool.unnamed()) if (!mine.has(clip)) await spool.abandonClip(clip)
  }

  /** True when the disk took it. */
  async function openOnDisk({ clip }: ClipStart): Promise<boolean> {
    try {
      await finishLeft()
      await spool.openClip(clip, Math.max(sequence, spool.head().sequence) + 1)
    } catch (error) {
      if (!isStorageError(error)) throw error
      return false
    }
    sequence = Math.max(sequence, spool.head().sequence) + 1
    return true
  }

  async function begin(start: ClipStart): Promise<void> {
    const opened = await openOnDisk(start)
    const [startMs, monotonicStartMs] = [Math.round(start.startMs), Math.round(start.monotonicStartMs)]
    open.set(start.clip, {
      start: { ...start, startMs, monotonicStartMs },
      sequence: opened ? sequence : 0,
      keys: options.keys(),
      descriptors: [],
      bodies: [],
      gaps: [],
      revision: 0,
      refused: !opened,
    })
  }

  async function closeInterrupted(left: SpooledClip): Promise<SpooledClip> {
    const { boot, startMs, monotonicStartMs, clock: last } = left.payload.latchkey
    // Of another boot nothing is known but what was stated then.
    const stated = boot === options.identity.boot ? await statementOf(startMs, monotonicStartMs) : last
    const around = { previous: spool.head().digest, clock: stated, nowMs: clock.nowMs() }
    const payload = closeManifest(left.payload, around)
    const manifest = await clipManifest.encode(payload, signer)
    const { trigger, descriptors, bodies } = left
    return spool.putRevision(left.clip, { trigger, manifest, descriptors, bodies })
  }

  async function abandon({ start, sequence: given, refused }: OpenClip): Promise<void> {
    if (refused) spool.missClip()
    if (given === sequence) sequence--
    await spool.abandonClip(start.clip).catch((error: unknown) => {
      // A clip that the disk refused was never opened; one whose end it refuses goes when it is back.
      if (codeOf(error) !== 'NOT_FOUND' && !isStorageError(error)) throw error
    })
  }

  async function finish(state: OpenClip, end: ClipEnd): Promise<void> {
    open.delete(end.clip)
    if (state.descriptors.length === 0) return abandon(state)
    if (undated.length > 0 || options.isClockAwaited?.()) undated.push({ state, end })
    else await close(state, end)
  }

  async function finishUndated(): Promise<void> {
    for (const { state, end } of undated.splice(0)) await close(state, end)
  }

  async function close(state: OpenClip, end: ClipEnd): Promise<void> {
    const gaps = end.gaps.map((gap) => ({
      ...gap,
      startMs: Math.round(gap.startMs),
      endMs: Math.round(gap.endMs),
    }))
    state.gaps.push(...gaps)
    state.gaps.sort((a, b) => a.startMs - b.startMs)
    await announce(await keepRevision(state, state.descriptors, end))
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

    date: () => exclusive(finishUndated),
    mend: () =>
      exclusive(async () => {
        await finishLeft()
        for (const final of spool.unannounced()) await announce(final)
      }),

    start: (start) => exclusive(() => begin(start)),

    async item(clip, item) {
      const state = clipOf(clip)
      if (state.refused) return
      try {
        await sealOne(state, item)
      } catch (error) {
        if (!isStorageError(error)) throw error
        noteMissing(state, item, error)
      }
    },

    end: (end) => exclusive(() => finish(clipOf(end.clip), end)),
  }
}
