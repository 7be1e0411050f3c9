import { codeOf } from '@latchkey/shared'
import { join } from 'node:path'
import { openPrivacyFile } from './camera/disk-privacy.ts'
import { loadFfmpeg } from './camera/ffmpeg-binary.ts'
import type { CameraSource } from './camera/source.ts'
import { type CaptureOptions, createCapture } from './capture.ts'
import { DEFAULT_CLIP_CONFIG } from './clip/clip-cutter.ts'
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
}

/** Where what is seen goes, and who is told. */
export type WatchingOptions = Required<Pick<CaptureOptions, 'sink' | 'onState' | 'onEvent' | 'onFinding'>>

const SEARCH_PATH = '/usr/local/bin:/usr/bin:/bin'

/**
 * Starts the media half as the configuration describes it, behind the privacy switch.
 * @throws DEPENDENCY_MISSING without an ffmpeg, and node's file system errors
 */
export async function startWatching(context: WatchingContext, options: WatchingOptions): Promise<PrivacySwitch> {
  const { config, parts, clock, log, random, failpoints, source, disk } = context
  const { searchPath = SEARCH_PATH, ffmpegPath: configuredPath } = parts
  const ffmpeg = await loadFfmpeg({ searchPath, configuredPath, clock })
  const file = await openPrivacyFile(join(config.dataDir, 'events', 'privacy.json'), failpoints, disk)
  return createPrivacySwitch({
    file,
    clock,
    onState: options.onState,
    onEvent: options.onEvent,
    start: (onState) =>
      createCapture({
        ...options,
        source,
        name: config.camera.name,
        ffmpeg,
        clock,
        random,
        motion: { ...DEFAULT_MOTION_CONFIG, ...config.motion },
        clip: { ...DEFAULT_CLIP_CONFIG, ...config.clip },
        staleMs: config.camera.staleMs ?? DEFAULTS.staleMs,
        onState,
        onFault: (error) => log.error({ code: codeOf(error) }, 'recording stumbled'),
      }),
  })
}
