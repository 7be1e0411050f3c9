/**
 * Every datum that passes between the stages of the agent, types only. The folder names are the stations, in order:
 * camera → motion → clip → seal → spool → upload; link carries events, keys and button stand beside the line.
 */

/** How the recorded stream is coded: what an init segment needs. Only H.264 (`avc1`) in this version. */
export interface VideoFormat {
  readonly codec: 'h264'
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
  /** Capture time of this frame, UTC ms by the device clock (presentation order). */
  readonly captureMs: number
  /** The same instant on the boot's monotonic clock, ms. */
  readonly monotonicMs: number
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

/** What the detector says of one luma frame. */
export interface MotionFinding {
  readonly captureMs: number
  readonly moving: boolean
  /** Why: share of the picture that changed, the threshold in force, and where. */
  readonly changedShare: number
  readonly threshold: number
  readonly boxes: readonly Box[]
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
export type CameraState = 'starting' | 'on' | 'camera-lost' | 'stopped'
