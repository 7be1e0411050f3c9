/**
 * Every datum that passes between the stages of the agent, types only. The folder names are the stations, in order:
 * camera → motion → clip → seal → spool → upload; link carries events, keys and button stand beside the line.
 */
import type { ClipManifest, ClockStatement, ItemDescriptor, Recipient, Signer } from '@latchkey/shared'

/** A place in the picture: x and y in 0..1, from the left and from the top. */
export type Point = readonly [number, number]

/** Parts of the picture, by name, that are painted black before anything else sees it; the digest stands in manifests. */
export type Masks = Readonly<Record<string, { readonly points: readonly Point[] }>>

/** How the recorded stream is coded: what an init segment needs. */
export interface VideoFormat {
  readonly codec: 'h264' | 'h265'
  readonly width: number
  readonly height: number
  /** Units of `CodedFrame.ptsTicks` and `dtsTicks` per second. */
  readonly timescale: number
  /** The source's own fMP4 initialisation segment, `ftyp‖moov`, as ingested. */
  readonly init: Uint8Array
}

/** One coded frame as the camera delivered it: length-prefixed NAL units (ISO/IEC 14496-15), never altered. */
export interface CodedFrame {
  readonly data: Uint8Array
  readonly dtsTicks: number
  readonly ptsTicks: number
  readonly durationTicks: number
  readonly keyframe: boolean
  /** Frames between the one before and this one were sent and did not arrive. */
  readonly afterLoss?: boolean
  /** Capture time of this frame, UTC ms by the device clock (presentation order). */
  readonly captureMs: number
  /** The same instant on the boot's monotonic clock, ms. */
  readonly monotonicMs: number
}

/** How the sound is coded; exists only where recording it was asked for. */
export interface AudioFormat {
  readonly codec: 'aac'
  /** Units of `AudioFrame.dtsTicks` per second. */
  readonly timescale: number
  /** `ftyp‖moov` of a file with this track alone. */
  readonly init: Uint8Array
}

/** One coded piece of sound, some tens of milliseconds. */
export interface AudioFrame {
  readonly data: Uint8Array
  /** On the same clock as the frames of the picture, in units of its own. */
  readonly dtsTicks: number
  readonly durationTicks: number
  /** UTC ms by the device clock. */
  readonly captureMs: number
}

/** A whole group of pictures: first frame is a keyframe, in decode order. */
export interface Gop {
  readonly format: VideoFormat
  readonly frames: readonly CodedFrame[]
}

/** A luma picture for the detector. */
export interface LumaFrame {
  readonly width: number
  readonly height: number
  /** width × height bytes, row by row. */
  readonly luma: Uint8Array
  readonly captureMs: number
}

/** A rectangle in 0..1 of the picture. */
export interface Box {
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
}

/**
 * Why the detector found what it found: `visitor` and `close-visitor` (who fills much of the picture) move. Passed over
 * are `light` that changed, the camera's switch to or from `infrared`, what is `small`, what came and is `still` now, such as
 * a parcel, and what only the next pictures can tell: `unconfirmed`, or `settling` when nearly everything changed at once.
 */
export type FindingReason =
  | 'learning'
  | 'quiet'
  | 'visitor'
  | 'close-visitor'
  | 'light'
  | 'infrared'
  | 'small'
  | 'still'
  | 'unconfirmed'
  | 'settling'

/** What the detector says of one luma frame. */
export interface MotionFinding {
  readonly captureMs: number
  readonly moving: boolean
  readonly reason: FindingReason
  /** Share of the picture that changed and is not light, and the least share that counts. */
  readonly changedShare: number
  readonly threshold: number
  /** Where something moves, largest first. */
  readonly boxes: readonly Box[]
  /** Names of the `include` zones in which it does. */
  readonly zones: readonly string[]
}

export type Trigger = 'motion' | 'ring'

/** Something happens at the door: starts or extends a clip. */
export interface DoorEvent {
  /** 16 random bytes, base64url: shared by all clips of one event. */
  readonly event: string
  readonly trigger: Trigger
  readonly atMs: number
}

export type ItemKind = 'init' | 'media' | 'audioInit' | 'audio' | 'poster' | 'meta'

/** An item in the clear: exists in memory only, between clip and seal. */
export interface PlainItem {
  readonly index: number
  readonly kind: ItemKind
  readonly startMs: number
  readonly durationMs: number
  readonly bytes: Uint8Array
}

/** A stretch that should be in the clip and is not. */
export interface Gap {
  readonly startMs: number
  readonly endMs: number
  readonly reason: 'camera-lost' | 'frames-dropped' | 'disk-full' | 'privacy'
}

/** clip → seal: one clip begins. */
export interface ClipStart {
  /** 16 random bytes, base64url. */
  readonly clip: string
  readonly event: string
  readonly trigger: Trigger
  /** The moment that started the event. */
  readonly triggerMs: number
  readonly startMs: number
  readonly monotonicStartMs: number
  /** Digest of the masks that were painted over the picture; absent without any. */
  readonly masks?: string
}

/** clip → seal: one clip is complete; `items` is the number of `PlainItem`s handed over, poster and meta included. */
export interface ClipEnd {
  readonly clip: string
  readonly endMs: number
  readonly gaps: readonly Gap[]
}

/** Where the clip cutter hands over; calls are awaited in order, one clip at a time. */
export interface ClipSink {
  start(start: ClipStart): Promise<void>
  item(clip: string, item: PlainItem): Promise<void>
  end(end: ClipEnd): Promise<void>
}

/** What the camera stage reports of itself. */
export type CameraState = 'starting' | 'on' | 'camera-lost' | 'privacy' | 'stopped'

/** camera → clip, motion: what the camera stage tells, in order. */
export type CameraEvent =
  | { readonly kind: 'state'; readonly state: CameraState; readonly atMs: number }
  /** A stream begins; nothing of an earlier one continues in it. */
  | { readonly kind: 'format'; readonly format: VideoFormat }
  /** `fragment`: the same frame as the fMP4 boxes it came in, for a decoder. */
  | { readonly kind: 'frame'; readonly frame: CodedFrame; readonly fragment: readonly Uint8Array[] }
  /** Of the newest `format`'s stream; only where recording it was asked for. */
  | { readonly kind: 'audio'; readonly format: AudioFormat; readonly frame: AudioFrame }

/** Makes a JPEG of a keyframe; resolves `undefined` when that fails, which must not cost the clip. */
export type PosterMaker = (format: VideoFormat, keyframe: CodedFrame) => Promise<Uint8Array | undefined>

// --- seal → spool → upload: from here on everything is ciphertext or signed ---------------------------------------

/** What a whole sealed item (age header ‖ payload) must be, byte for byte. */
export interface BodyDigest {
  /** SHA-256, base64url. */
  readonly sha256: string
  readonly sizeBytes: number
}

/** One signed revision of a clip with all it names; the newest replaces the one before. */
export interface ClipRevision {
  readonly trigger: Trigger
  /** Compact JWS, `latchkey-clip+jwt`. */
  readonly manifest: string
  /** Index order; the manifest's `itemsRoot` covers exactly these. */
  readonly descriptors: readonly ItemDescriptor[]
  /** Index order, one per descriptor. */
  readonly bodies: readonly BodyDigest[]
}

/** A clip in the spool: its newest durable revision, parsed, and what the relay has of it. */
export interface SpooledClip extends ClipRevision {
  readonly clip: string
  readonly sequence: number
  readonly digest: string
  readonly payload: ClipManifest
  /** Items the relay has signed for. */
  readonly receipted: ReadonlySet<number>
  /** Newest revision the relay has signed for; 0 for none. */
  readonly receiptedRevision: number
}

/** The newest final manifest, whether or not it still lies in the spool. */
export interface ChainHead {
  /** 0 before the first clip. */
  readonly sequence: number
  readonly digest: string | null
}

/** seal → spool. When a call resolves, what it stored survives power loss. */
export interface ClipSpool {
  head(): ChainHead
  /** Clips that have a revision and no final one: after a crash, those to be finished. Sequence order. */
  unfinished(): readonly SpooledClip[]
  /** Finals whose `clip` event may not have been recorded. Sequence order. */
  unannounced(): readonly SpooledClip[]
  /** Clips that were opened and have no revision yet. */
  unnamed(): readonly string[]
  openClip(clip: string, sequence: number): Promise<void>
  /** Forgets a clip that never got a revision. */
  abandonClip(clip: string): Promise<void>
  /** Counts a clip of which nothing could be kept: one given up before it began. */
  missClip(): void
  /** @throws STORAGE_FULL when nothing is left that may go */
  putItem(clip: string, index: number, body: Uint8Array): Promise<void>
  /** Makes the revision the clip's newest. @throws STORAGE_FULL */
  putRevision(clip: string, revision: ClipRevision): Promise<SpooledClip>
  /** The clip's event is durable: from now on the clip may leave. */
  markAnnounced(clip: string): Promise<void>
}

/** spool → upload. */
export interface UploadQueue {
  /** Oldest first; clips with nothing durable yet are not in it. */
  clips(): readonly SpooledClip[]
  /** The item's whole body, compared with its recorded hash. @throws ITEM_INVALID when the disk lost it */
  readItem(clip: string, index: number): Promise<Uint8Array>
  /** Remembers a receipt that has been checked. */
  keepItemReceipt(clip: string, index: number, receipt: string): void
  /** The relay lost items it had signed for: forgets the receipts of those still here. False when there is none. */
  forgetItemReceipts(clip: string): boolean
  /** Keeps the receipts durably, then lets the items that `revision` names leave; a finished clip leaves whole. */
  keepManifestReceipt(clip: string, revision: number, receipt: string): Promise<void>
  /** Gives a clip up and counts it: its bytes are damaged. */
  dropClip(clip: string): Promise<void>
}

/** Days on their way to the relay. */
export interface DayQueue {
  /** Oldest first. */
  days(): readonly { readonly digest: string; readonly day: string; readonly salt: string }[]
  keepDayReceipt(digest: string): Promise<void>
}

/** An event before the outbox gives it its place in the stream. */
export type EventBody =
  | { readonly type: 'motion' | 'ring'; readonly event: string; readonly atMs: number }
  | {
      readonly type: 'clip'
      readonly event: string
      readonly clip: string
      readonly manifest: string
      readonly items: number
      readonly bytes: number
      readonly trigger: Trigger
      readonly atMs: number
    }
  | {
      readonly type: 'state'
      readonly state: WatchState | 'disk-full' | 'disk-lost' | 'disk-ok'
      readonly atMs: number
    }

/** Whether presses would be heard: `lost` while the contact cannot be read, `none` when only calls and signals ring. */
export type ButtonState = 'none' | 'starting' | 'watching' | 'lost'

/** What the camera was doing, as day records say it. */
export type WatchState = 'on' | 'privacy' | 'camera-lost' | 'stopped'

/** What is told, as it happens, to whoever watches the agent from beside the line. */
export type AgentNews =
  | { readonly kind: 'finding'; readonly finding: MotionFinding }
  | { readonly kind: 'door'; readonly event: DoorEvent }
  /** A JPEG of what happens, in the clear: for memory only, and for whom the owner names. */
  | { readonly kind: 'picture'; readonly jpeg: Uint8Array }
  | { readonly kind: 'watch'; readonly state: WatchState; readonly atMs: number }
  | {
      readonly kind: 'clip'
      readonly clip: string
      readonly event: string
      readonly trigger: Trigger
      readonly items: number
      readonly bytes: number
      /** First and last captured moment. */
      readonly startMs: number
      readonly endMs: number
      readonly atMs: number
    }
  /** The relay has signed for the whole clip. */
  | { readonly kind: 'uploaded'; readonly clip: string; readonly atMs: number }

/** Takes news at once and never throws; what it does with them must not hold up the recording. */
export type AgentObserver = (news: AgentNews) => void

/** Records an event durably; resolves when it survives power loss. */
export type RecordEvent = (body: EventBody) => Promise<void>

/** What the device knows of its clock, at this moment. */
export type StateClock = () => ClockStatement

/** What every signed record of a paired device says of itself. */
export interface DeviceIdentity {
  readonly signer: Signer
  readonly deviceCertificate: string
  readonly epoch: number
  /** 16 bytes, base64url. */
  readonly boot: string
}

/** To whom items are sealed at this moment, and which keyset says so. */
export interface SealingKeys {
  readonly keyset: string
  readonly recipients: readonly Recipient[]
}
