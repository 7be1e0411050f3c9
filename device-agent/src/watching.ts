import { codeOf } from '@latchkey/shared'
import { join } from 'node:path'
import { openPrivacyFile } from './camera/disk-privacy.ts'
import { loadFfmpeg } from './camera/ffmpeg-binary.ts'
import type { CameraTrouble } from './camera/camera-trouble.ts'
import type { DetectionStatus } from './camera/detection-feed.ts'
import type { CameraSource } from './camera/source.ts'
import { type StreamProfile, describeProfile, remarksOn } from './camera/stream-profile.ts'
import { type Capture, type CaptureOptions, createCapture } from './capture.ts'
import { DEFAULT_CLIP_CONFIG } from './clip/clip-cutter.ts'
import { createPosterMaker } from './clip/ffmpeg-poster.ts'
import type { NewestPicture } from './clip/newest-picture.ts'
import { createStillMaker } from './clip/still-maker.ts'
import { type AgentConfig, DEFAULTS } from './config.ts'
import type { Clock } from './kernel/clock.ts'
import type { Disk } from './kernel/disk.ts'
import type { Failpoints } from './kernel/failpoint.ts'
import type { Log } from './kernel/log.ts'
import { DEFAULT_MOTION_CONFIG } from './motion/motion-detector.ts'
import { createPrivacySwitch, type PrivacySwitch } from './privacy-switch.ts'

/** What watching takes of the agent. */
export interface WatchingContext {
  readonly config: AgentConfig
  readonly parts: { readonly searchPath?: string; readonly ffmpegPath?: string }
  readonly clock: Clock
  readonly log: Log
  readonly random: () => number
  readonly failpoints: Failpoints
  readonly source: CameraSource
  readonly disk: Disk
  /** What motion is looked for in, if not in the source. */
  readonly substream: CameraSource | undefined
}

/** Where what is seen goes, and who is told. */
export type WatchingOptions = Required<Pick<CaptureOptions, 'sink' | 'onState' | 'onEvent' | 'onFinding'>>

/** What is known of the stream. */
export interface WatchingView {
  /** How the recorded stream is coded, in numbers and words, with what can be better; null until it is measured. */
  readonly stream: (StreamProfile & { readonly description: string; readonly remarks: readonly string[] }) | null
  /** Why the camera shows nothing, in words; null while it does, and while nobody knows yet. */
  readonly trouble: CameraTrouble | null
  /** What is decoded to look for motion, and why; null while nothing is watched. */
  readonly detection: DetectionStatus | null
}

/** The view of a capture; of none while the camera is switched off. */
export function viewOf(capture: Capture | null): WatchingView {
  const profile = capture?.profile
  const words = profile && { description: describeProfile(profile), remarks: remarksOn(profile) }
  return {
    stream: profile && words ? { ...profile, ...words } : null,
    trouble: capture?.trouble ?? null,
    detection: capture?.detection ?? null,
  }
}

/** The media half, watching as configured unless it is switched off. */
export interface Watching extends PrivacySwitch {
  /** What the camera shows now. */
  readonly picture: NewestPicture | null
  /** That as JPEG, in memory. @throws UNAVAILABLE while it shows nothing */
  readonly still: () => Promise<Uint8Array>
  /** Release of the ffmpeg in use. */
  readonly ffmpeg: string
  /** Ends what is open and goes on by `config`, its source excepted; at once, or when the switch is next thrown. */
  reconfigure(config: AgentConfig): Promise<void>
}

/** What is done to pictures and sound beyond keeping them as they come: nobody should have to guess. */
function tellTreatment({ masks = {}, camera }: AgentConfig, log: Log): void {
  const masked = Object.keys(masks).length
  if (masked > 0)
    log.info({ masked }, 'masks: every picture is decoded, painted over and coded anew, which costs the processor')
  if (camera.audio === true) log.info('the sound is recorded too')
}

const SEARCH_PATH = '/usr/local/bin:/usr/bin:/bin'

/**
 * Starts the media half as the configuration describes it, behind the privacy switch.
 * @throws DEPENDENCY_MISSING without an ffmpeg, and node's file system errors
 */
export async function startWatching(context: WatchingContext, options: WatchingOptions): Promise<Watching> {
  const { parts, clock, log, random, failpoints, source, substream, disk } = context
  let { config } = context
  const { searchPath = SEARCH_PATH, ffmpegPath: configuredPath } = parts
  const ffmpeg = await loadFfmpeg({ searchPath, configuredPath, clock })
  const file = await openPrivacyFile(join(config.dataDir, 'events', 'privacy.json'), failpoints, disk)
  const guarded = createPrivacySwitch({
    file,
    clock,
    onState: options.onState,
    onEvent: options.onEvent,
    start: (onState) => {
      const { mode = DEFAULTS.motionMode, ...motion } = config.motion ?? {}
      tellTreatment(config, log)
      return createCapture({
        ...options,
        source,
        name: config.camera.name,
        ffmpeg,
        clock,
        random,
        motion: { ...DEFAULT_MOTION_CONFIG, ...motion },
        mode,
        ...(substream === undefined ? {} : { substream }),
        clip: { ...DEFAULT_CLIP_CONFIG, ...config.clip },
        staleMs: config.camera.staleMs ?? DEFAULTS.staleMs,
        hevc: config.camera.hevc ?? false,
        audio: config.camera.audio ?? false,
        masks: config.masks ?? {},
        onState,
        onStream(profile) {
          log.info({ stream: describeProfile(profile) }, 'camera stream')
          for (const remark of remarksOn(profile)) log.warn({ remark }, 'camera stream')
        },
        onTrouble: ({ code, text }) => log.warn({ code, reason: text }, 'the camera shows nothing'),
        onMode: ({ mode: now, because }) => log.info({ mode: now, because }, 'motion detection'),
        onFault: (error) => log.error({ code: codeOf(error) }, 'recording stumbled'),
      })
    },
  })
  const picture = () => guarded.capture?.picture ?? null
  return {
    get capture() {
      return guarded.capture
    },
    get isPrivate() {
      return guarded.isPrivate
    },
    get picture() {
      return picture()
    },
    done: guarded.done,
    ring: guarded.ring,
    set: guarded.set,
    restart: guarded.restart,
    still: createStillMaker(createPosterMaker(ffmpeg.path), picture),
    ffmpeg: `${ffmpeg.major}.${ffmpeg.minor}`,
    reconfigure(next) {
      config = next
      return guarded.restart()
    },
    [Symbol.asyncDispose]: () => guarded[Symbol.asyncDispose](),
  }
}
