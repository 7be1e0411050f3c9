import { type StreamProfile, hasVaryingKeyframes } from './stream-profile.ts'

/**
 * What is decoded for detection: `full` every picture, `eco` keyframes alone until something stirs, `auto` eco where
 * that sees as much as full does.
 */
export type DetectionMode = 'full' | 'eco' | 'auto'

/** The mode in force, and why it is not the cheaper one. */
export interface ModeDecision {
  readonly mode: 'full' | 'eco'
  /** In plain words; empty when there is nothing to explain. */
  readonly because: string
}

/** What is known when a mode is chosen. */
export interface ModeFacts {
  readonly asked: DetectionMode
  /** Undefined until it has been measured. */
  readonly profile: StreamProfile | undefined
  /** A recording played faster than time: there is no idle time to save. */
  readonly replay: boolean
  /** Share of the time, 0…1, that the decoder was awake for nothing. */
  readonly falseAwakeShare: number
}

/** Real keyframe intervals jitter by a frame or two. */
const SLACK_MS = 250
/** Up to here nothing is seen later than by decoding everything, but for this much. */
const AUTO_KEYFRAME_MS = 2000
/** Up to here what is seen late still finds its pre-roll. @see clip-cutter.ts */
const ECO_KEYFRAME_MS = 4000
/** Above this, waking up costs more than it saves. */
export const MAX_FALSE_AWAKE_SHARE = 0.2

const full = (because: string): ModeDecision => ({ mode: 'full', because })

/** Chooses between full and eco. */
export function decideMode({ asked, profile, replay, falseAwakeShare }: ModeFacts): ModeDecision {
  if (asked === 'full') return full('')
  if (asked === 'auto' && replay) return full('the recording is played faster than time')
  if (profile === undefined) return full('the stream is still being measured')
  if (profile.codec !== 'h264') return full('the stream is not H.264')
  if (profile.reorders) return full('the stream has B-frames')
  const limitMs = asked === 'eco' ? ECO_KEYFRAME_MS : AUTO_KEYFRAME_MS
  if (profile.keyframeMs.most > limitMs + SLACK_MS) {
    const seconds = (profile.keyframeMs.most / 1000).toFixed(1)
    const smart = hasVaryingKeyframes(profile) ? 'varying, ' : ''
    return full(`keyframes are ${smart}up to ${seconds} s apart; ${limitMs / 1000} s is the most`)
  }
  if (asked === 'auto' && falseAwakeShare > MAX_FALSE_AWAKE_SHARE)
    return full('the picture stirs too often without anything moving')
  return { mode: 'eco', because: '' }
}
