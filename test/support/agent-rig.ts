import {
  type ClockStatement,
  createSigner,
  digestOf,
  encodeBase64url,
  generateIdentity,
  type Identity,
  type ItemDescriptor,
  LatchkeyError,
  randomBytes,
  type Signer,
  splitAgeFile,
  stored,
} from '@latchkey/shared'
import type { DeviceIdentity, PlainItem } from '../../device-agent/src/flow.ts'
import { type Failpoints, noFailpoints } from '../../device-agent/src/kernel/failpoint.ts'
import { createLog } from '../../device-agent/src/kernel/log.ts'
import { type Disk, plainDisk } from '../../device-agent/src/kernel/disk.ts'
import { type Clock, systemClock } from '../../device-agent/src/kernel/clock.ts'
import { openDiskOutbox, type Outbox } from '../../device-agent/src/link/disk-outbox.ts'
import type { ClockSource } from '../../device-agent/src/seal/clock-source.ts'
import { createSealer, type Sealer } from '../../device-agent/src/seal/sealer.ts'
import { type DiskSpool, openDiskSpool } from '../../device-agent/src/spool/disk-spool.ts'
import { createUploader, type UploadRelay } from '../../device-agent/src/upload/uploader.ts'

/** A clock statement for tests. */
export const TEST_CLOCK: ClockStatement = {
  source: 'none',
  offsetMs: 0,
  uncertaintyMs: 5_000,
  checkedMs: 1_700_000_000_000,
}
export const silentLog = createLog({ level: 'silent' })

/** A device that was paired, without the pairing. */
export interface TestDevice extends DeviceIdentity {
  readonly owner: Identity
}

export function createTestDevice(signer: Signer = createSigner(randomBytes(32))): TestDevice {
  const [deviceCertificate, boot] = [digestOf(randomBytes(8)), encodeBase64url(randomBytes(16))]
  return { signer, deviceCertificate, epoch: 1, boot, owner: generateIdentity() }
}

/** seal, spool and outbox joined as the agent joins them. */
export interface AgentRig extends AsyncDisposable {
  readonly spool: DiskSpool
  readonly outbox: Outbox
  readonly sealer: Sealer
  readonly dropped: string[]
}

export interface RigOptions {
  readonly folder: string
  readonly device: TestDevice
  readonly failpoints?: Failpoints
  readonly maximumBytes?: number
  readonly freeBytes?: () => Promise<number>
  readonly minimumFreeBytes?: number
  readonly clock?: Clock
  readonly disk?: Disk
  readonly onFull?: (full: boolean) => void
  readonly clockSource?: ClockSource
}

/** Opens the rig on `folder`, recovery included. */
export async function openAgentRig(options: RigOptions): Promise<AgentRig> {
  const { folder, device, failpoints = noFailpoints, clock = systemClock, disk = plainDisk } = options
  let makeRoom = (): Promise<void> => Promise.resolve()
  const dropped: string[] = []
  const outbox = await openDiskOutbox({
    path: `${folder}/outbox.log`,
    stamp: () => ({ boot: device.boot, monotonicMs: clock.monotonicMs(), clock: TEST_CLOCK }),
    maximumEvents: 10_000,
    makeRoom: () => makeRoom(),
    failpoints,
    disk,
  })
  const spool = await openDiskSpool({
    directory: `${folder}/spool`,
    maximumBytes: options.maximumBytes ?? 1 << 30,
    minimumFreeBytes: options.minimumFreeBytes ?? 0,
    freeBytes: options.freeBytes ?? (() => Promise.resolve(1 << 30)),
    onDropped: (clip) => dropped.push(clip),
    onFull: (full) => options.onFull?.(full),
    failpoints,
    disk,
  })
  makeRoom = spool.makeRoom
  const sealer = createSealer({
    spool,
    identity: device,
    keys: () => ({ keyset: device.deviceCertificate, recipients: [device.owner.recipient] }),
    clock,
    clockStatement: (moment) => options.clockSource?.about(moment) ?? TEST_CLOCK,
    isClockAwaited: () => options.clockSource?.isAwaited() ?? false,
    seen: () => null,
    software: 'latchkey-test/1',
    async announce(clip) {
      if (clip.sequence <= outbox.mark) return
      const { event, items } = clip.payload.latchkey
      const { clip: id, trigger, digest: manifest } = clip
      await outbox.append({ type: 'clip', event, clip: id, manifest, items, bytes: 1, trigger, atMs: 1 }, clip.sequence)
    },
  })
  await sealer.recover()
  return { spool, outbox, sealer, dropped, [Symbol.asyncDispose]: () => outbox[Symbol.asyncDispose]() }
}

/** What a scripted clip holds, by index: the plaintext says which clip and item it is. */
export function plainItem(clip: string, index: number, sizeBytes = 300): PlainItem {
  const bytes = Buffer.alloc(sizeBytes, `${clip}/${index} `)
  return {
    index,
    kind: index === 0 ? 'init' : 'media',
    startMs: 1_700_000_000_000 + index * 2_000,
    durationMs: index === 0 ? 0 : 2_000,
    bytes,
  }
}

/** Clips as the cutter would hand them over. `onItem` is called when the sink has taken an item. */
export async function recordClip(
  sealer: Sealer,
  clip: string,
  options: {
    items: number
    onStart?: () => void
    onItem?: (index: number) => void
    sizeBytes?: number
    startMs?: number
    monotonicStartMs?: number
  },
): Promise<void> {
  const event = encodeBase64url(randomBytes(16))
  const { startMs = 1_700_000_000_000, monotonicStartMs = 1 } = options
  await sealer.start({ clip, event, trigger: 'motion', triggerMs: startMs, startMs, monotonicStartMs })
  options.onStart?.()
  for (let index = 0; index < options.items; index++) {
    const item = plainItem(clip, index, options.sizeBytes)
    await sealer.item(clip, { ...item, startMs: item.startMs - 1_700_000_000_000 + startMs })
    options.onItem?.(index)
  }
  await sealer.end({ clip, endMs: startMs + options.items * 2_000, gaps: [] })
}

/** A 16-byte clip id, the same for the same `n`. */
export const clipId = (n: number): string => encodeBase64url(Uint8Array.of(...Array.from({ length: 16 }, () => n)))

/** What a relay in memory holds of a clip. */
export interface MemoryClip {
  readonly items: Map<number, Uint8Array>
  manifest: string | null
  open: boolean
  sequence: number
  previous: string | null
  digest: string
  descriptors: readonly ItemDescriptor[]
}

/** A relay in memory: signs for whatever is whole, and keeps its order. */
export interface MemoryRelay extends UploadRelay {
  readonly clips: Map<string, MemoryClip>
  readonly puts: string[]
}

export function createMemoryRelay(): MemoryRelay {
  const signer = createSigner(randomBytes(32))
  const clips = new Map<string, MemoryClip>()
  const puts: string[] = []
  const receipt = (kind: 'item' | 'manifest', clip: string, index: number | null, sha256: string): Promise<string> =>
    stored.encode(
      {
        iss: 'https://relay.example',
        aud: signer.urn,
        iat: 1,
        latchkey: { v: 1, kind, clip, index, sha256, receivedMs: 1 },
      },
      signer,
    )
  const clipOf = (clip: string): MemoryClip => {
    const held = clips.get(clip) ?? {
      items: new Map<number, Uint8Array>(),
      manifest: null,
      open: true,
      sequence: 0,
      previous: null,
      digest: '',
      descriptors: [],
    }
    clips.set(clip, held)
    return held
  }
  return {
    clips,
    puts,
    async putItem(clip, { index, body, payloadSha256 }) {
      if (digestOf(splitAgeFile(body).payload) !== payloadSha256) throw new LatchkeyError('ITEM_INVALID', 'torn')
      const held = clipOf(clip).items.get(index)
      if (held && digestOf(held) !== digestOf(body)) throw new LatchkeyError('ITEM_CONFLICT', 'another item')
      clipOf(clip).items.set(index, body)
      puts.push(`${clip}/${index}`)
      return receipt('item', clip, index, digestOf(body))
    },
    async putManifest({ clip, manifest, descriptors, digest, payload }) {
      const held = clipOf(clip)
      const missing = descriptors.find((descriptor) => !held.items.has(descriptor.index))
      if (missing) throw new LatchkeyError('MANIFEST_INVALID', 'names an item that is not here')
      const { open, sequence, previous } = payload.latchkey
      Object.assign(held, { manifest, open, sequence, previous, digest, descriptors })
      puts.push(`${clip}/manifest`)
      return receipt('manifest', clip, null, digest)
    },
    putDay: () => Promise.reject(new LatchkeyError('INTERNAL', 'no days here')),
  }
}

/** Uploads until nothing is left, or until `crashed` says that there is no point any more. */
export async function uploadAll(
  spool: DiskSpool,
  relay: UploadRelay,
  crashed: () => boolean = () => false,
): Promise<void> {
  await using uploader = createUploader({
    queue: spool,
    days: { days: () => [], keepDayReceipt: () => Promise.resolve() },
    relay,
    clock: systemClock,
    log: silentLog,
    random: () => 0.5,
    parallel: 2,
    retryBaseMs: 1,
  })
  for (let tries = 0; tries < 500 && !crashed(); tries++) if (await uploader.drained(10)) return
  throw new Error('upload did not end')
}
