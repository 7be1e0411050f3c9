import type { CodedFrame, LumaFrame, MotionFinding } from '../flow.ts'
import type { ShotTag } from './ffmpeg-luma-decoder.ts'

/** A frame with the boxes it came in. */
export interface Shot {
  readonly frame: CodedFrame
  readonly fragment: readonly Uint8Array[]
}

/** Judges pictures in order of capture. */
export type Eye = (picture: LumaFrame) => MotionFinding

/** Why the decoder was woken. */
export type WakeReason = 'packets' | 'keyframe' | 'ring'

/** The gate's surroundings. */
export interface EcoGateOptions {
  /** Hands a frame to the decoder. */
  readonly decode: (shot: Shot, pass: number) => void
  /** Sees every picture that is decoded, in order of capture, each once; its findings are the detector's. */
  readonly look: Eye
  /** Sees the keyframes alone; only whether something stirs is asked of it. */
  readonly glance: Eye
  readonly onWake: (reason: WakeReason, atMs: number) => void
  readonly onSleep: (atMs: number) => void
}

/** Decides which frames are worth decoding. */
export interface EcoGate {
  /** A stream begins. */
  begin(): void
  /** The next frame in decode order. */
  take(shot: Shot): void
  /** A picture came out of the decoder. */
  picture(picture: LumaFrame, tag: ShotTag): void
  /** Something stirs: decodes the group that is coming in from its keyframe on, and everything after it. */
  wake(reason: WakeReason): void
  /** In eco, sleeps when nothing stirs; otherwise everything is decoded. */
  setEco(eco: boolean): void
  readonly awake: boolean
  /** Capture time at which a picture last showed something that stirs. */
  readonly stirredMs: number
}

/** Nothing has stirred for this long: back to keyframes. */
const QUIET_MS = 3000
/** The detector learns the scene from close pictures first. */
const LEARN_MS = 15_000
/** A picture sooner than this after the one before adds nothing: five per second. */
const MIN_INTERVAL_MS = 190
/** The group that comes in, the one before it, which a keyframe may ask for, and one more for a slow decoder. */
const GROUPS_KEPT = 3
/** What is kept is the clip ring's too; this bounds it when that one lets go. */
const MAX_KEPT_BYTES = 24 << 20

interface Group {
  readonly shots: Shot[]
  /** How many of them the decoder was given in this pass. */
  fed: number
  sizeBytes: number
}

function stirs({ moving, changedShare }: MotionFinding): boolean {
  return moving || changedShare > 0
}

/** Builds a gate that is awake and not in eco. */
export function createEcoGate({ decode, look, glance, onWake, onSleep }: EcoGateOptions): EcoGate {
  let groups: Group[] = []
  let eco = false
  let awake = true
  let pass = 0
  let startMs: number | undefined
  let newestMs = -Infinity
  let lookedMs = -Infinity
  let glancedMs = -Infinity
  let stirredMs = -Infinity

  function feed(group: Group, until = group.shots.length): void {
    while (group.fed < until) decode(group.shots[group.fed++]!, pass)
  }

  function keep(shot: Shot): Group | undefined {
    if (shot.frame.keyframe) groups.push({ shots: [], fed: 0, sizeBytes: 0 })
    const group = groups.at(-1)
    if (group === undefined) return undefined
    group.shots.push(shot)
    group.sizeBytes += shot.frame.data.length
    const kept = () => groups.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
    while (groups.length > GROUPS_KEPT || (groups.length > 1 && kept() > MAX_KEPT_BYTES)) groups.shift()
    return group
  }

  function wake(reason: WakeReason): void {
    stirredMs = Math.max(stirredMs, newestMs)
    if (!awake) {
      awake = true
      onWake(reason, newestMs)
    }
    const group = groups.at(-1)
    if (group !== undefined) feed(group)
  }

  /** The group before this keyframe was passed over, and the change began in it: decodes it after all. */
  function rewind(keyframeMs: number): boolean {
    const at = groups.findIndex(({ shots }) => shots[0]!.frame.captureMs === keyframeMs)
    const before = groups[at - 1]
    if (before === undefined || before.fed === before.shots.length) return false
    pass++
    const again = groups.slice(at - 1)
    for (const group of again) group.fed = 0
    if (!awake) {
      awake = true
      onWake('keyframe', keyframeMs)
    }
    again.forEach((group) => feed(group))
    return true
  }

  function glanceStirs(picture: LumaFrame): boolean {
    glancedMs = picture.captureMs
    const does = stirs(glance(picture))
    if (does) stirredMs = Math.max(stirredMs, picture.captureMs)
    return does
  }

  function judge(picture: LumaFrame): void {
    const { captureMs } = picture
    if (captureMs - lookedMs < MIN_INTERVAL_MS) return
    lookedMs = captureMs
    if (stirs(look(picture))) {
      stirredMs = Math.max(stirredMs, captureMs)
      if (eco && !awake) wake('keyframe')
    }
    const learnt = captureMs - (startMs ?? captureMs) >= LEARN_MS
    if (!eco || !awake || !learnt || captureMs - stirredMs < QUIET_MS) return
    awake = false
    onSleep(captureMs)
  }

  return {
    begin() {
      groups = []
      pass++
      awake = true
      startMs = undefined
      newestMs = lookedMs = glancedMs = stirredMs = -Infinity
    },
    take(shot) {
      const group = keep(shot)
      if (group === undefined) return
      startMs ??= shot.frame.captureMs
      newestMs = Math.max(newestMs, shot.frame.captureMs)
      feed(group, awake || !eco ? undefined : 1)
    },
    picture(picture, tag) {
      if (tag.pass !== pass) return
      if (tag.keyframe && picture.captureMs > glancedMs && glanceStirs(picture) && eco) {
        if (rewind(picture.captureMs)) return
        wake('keyframe')
      }
      judge(picture)
    },
    wake,
    setEco(next) {
      eco = next
      const group = groups.at(-1)
      if (eco || group === undefined) return
      awake = true
      feed(group)
    },
    get awake() {
      return awake
    },
    get stirredMs() {
      return stirredMs
    },
  }
}
