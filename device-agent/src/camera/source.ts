import { LatchkeyError } from '@latchkey/shared'

/** A recorded file that plays the camera. */
export interface FileSource {
  readonly kind: 'file'
  readonly path: string
  /** Starts again at its end, without a seam in time. Only at `rate` 1. */
  readonly loop: boolean
  /** 1: at its own pace, stamped as it plays. More: that much faster, stamped as if its end were now. */
  readonly rate: number
}

/** A network camera. */
export interface RtspSource {
  readonly kind: 'rtsp'
  /** `rtsp://` or `rtsps://`; a secret when it holds a user and password. */
  readonly url: string
}

/** A Linux video device. */
export interface V4l2Source {
  readonly kind: 'v4l2'
  /** E.g. `/dev/video0`. */
  readonly device: string
  readonly width: number
  readonly height: number
  readonly framesPerSecond: number
}

/** The camera of a Raspberry Pi. Tried with a program that behaves like `rpicam-vid`, not on hardware. */
export interface RpicamSource {
  readonly kind: 'rpicam'
  readonly width: number
  readonly height: number
  readonly framesPerSecond: number
}

/** Where the video comes from. */
export type CameraSource = FileSource | RtspSource | V4l2Source | RpicamSource

/** Pictures per second asked of cameras that let us choose: enough for a face, half the bytes of 30. */
const DEFAULT_FRAMES_PER_SECOND = 15

/** What is asked of cameras that let us choose, unless the operator says otherwise. */
export const CHOSEN_PICTURE = { width: 1280, height: 720, framesPerSecond: DEFAULT_FRAMES_PER_SECOND } as const

/**
 * The operator's one line → a source: a path, `rtsp://…`, `/dev/video…` or `rpicam`. Files play once, at their own pace.
 * Untrusted: `text`.
 * @throws CONFIG_INVALID without quoting `text`, which may hold a password
 */
export function parseCameraSource(text: string): CameraSource {
  if (/^rtsps?:\/\//i.test(text)) return { kind: 'rtsp', url: assertRtspUrl(text) }
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(text))
    throw new LatchkeyError('CONFIG_INVALID', 'camera: expected a file, rtsp://…, /dev/video… or rpicam')
  if (/^\/dev\/video\d+$/.test(text)) return { kind: 'v4l2', device: text, ...CHOSEN_PICTURE }
  if (text === 'rpicam') return { kind: 'rpicam', ...CHOSEN_PICTURE }
  if (text === '') throw new LatchkeyError('CONFIG_INVALID', 'camera: expected a file, got nothing')
  return { kind: 'file', path: text, loop: false, rate: 1 }
}

/** @throws CONFIG_INVALID for what could not stand in ffmpeg's own quoting */
function assertRtspUrl(url: string): string {
  if (!URL.canParse(url) || new URL(url).hostname === '' || /['\\\s\p{Cc}]/u.test(url))
    throw new LatchkeyError('CONFIG_INVALID', 'camera: not a URL; percent-encode special characters of the password')
  return url
}

/** Whether frames are lost for ever when nobody takes them: true for everything but files. */
export function isLive(source: CameraSource): boolean {
  return source.kind !== 'file'
}

/** Whether the source runs through recorded time faster than the clock. */
export function isReplay(source: CameraSource): boolean {
  return source.kind === 'file' && source.rate > 1
}

/** @throws CONFIG_INVALID when the parts of a source contradict each other */
export function assertCameraSource(source: CameraSource): void {
  if (source.kind === 'rtsp') assertRtspUrl(source.url)
  if (source.kind !== 'file') return
  if (!(source.rate >= 1)) throw new LatchkeyError('CONFIG_INVALID', 'camera: rate must be 1 or more')
  if (source.loop && source.rate > 1)
    throw new LatchkeyError('CONFIG_INVALID', 'camera: a file that loops has no end to count back from; use rate 1')
}
