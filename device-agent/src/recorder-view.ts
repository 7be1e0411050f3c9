import type { ClockStatement } from '@latchkey/shared'
import { statfs } from 'node:fs/promises'
import type { NewestPicture } from './clip/newest-picture.ts'
import { type AgentConfig, DEFAULTS } from './config.ts'
import type { CameraState, WatchState } from './flow.ts'
import type { SpoolStatus } from './spool/disk-spool.ts'
import type { StorageState } from './spool/storage-watch.ts'
import type { WatchingView } from './watching.ts'

/** What records and sends, at this moment. */
export interface RecorderStatus extends WatchingView {
  readonly camera: CameraState
  /** The household switched the camera off. */
  readonly privacy: boolean
  readonly spool: SpoolStatus
  /** Events that the relay has not acknowledged. */
  readonly outboxEvents: number
  readonly connected: boolean
  /** The data disk; `full` when clips are given up for want of room. */
  readonly storage: StorageState
  /** Bytes written in the last 24 h, or since the start when that is later. */
  readonly writtenBytes: number
  /** Null before the device is paired. */
  readonly clock: ClockStatement | null
}

/** What `status` has no room for: for a person who looks. */
export interface RecorderView {
  readonly state: CameraState
  /** When `state` began, UTC ms; null before it was known. */
  readonly sinceMs: number | null
  readonly picture: NewestPicture | null
  readonly clock: ClockStatement
  readonly disk: { readonly freeBytes: number; readonly minimumFreeBytes: number } | null
  /** Release of the ffmpeg in use. */
  readonly ffmpeg: string
}

/** How much room the disk has; null when it does not answer, which must not hide the rest from who looks. */
export async function diskView(freeBytes: () => Promise<number>, config: AgentConfig): Promise<RecorderView['disk']> {
  const minimumFreeBytes = config.spool?.minimumFreeBytes ?? DEFAULTS.minimumFreeBytes
  const free = await freeBytes().catch(() => null)
  return free === null ? null : { freeBytes: free, minimumFreeBytes }
}

/** Of the disk under a directory. @throws node's file system errors */
export async function roomOf(directory: string): Promise<{ freeBytes: number; diskBytes: number }> {
  const { bavail, blocks, bsize } = await statfs(directory)
  return { freeBytes: bavail * bsize, diskBytes: blocks * bsize }
}

/** What a change of the camera is to the household; null for nothing yet. */
export const watchStateOf = (state: CameraState): WatchState | null => (state === 'starting' ? null : state)
