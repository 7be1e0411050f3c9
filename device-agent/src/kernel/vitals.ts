import type { Clock, Timer } from './clock.ts'

/** What is measured of a running agent; times are monotonic. */
export interface VitalSigns {
  /** As the camera stage says. */
  readonly camera: string
  /** When the newest frame came; null before the first, and while nobody watches. */
  readonly newestFrameMs: number | null
  readonly nowMs: number
  /** As the data disk says; `ok` or why not. */
  readonly disk: string
  /** How long the oldest call has waited for the disk. */
  readonly diskWaitingMs: number
  /** How long the oldest piece of a clip has waited to be kept. */
  readonly clipWaitingMs: number
  /** How late the event loop ran its timers of late. */
  readonly loopLagMs: number
}

/** Whether the agent does its work. */
export interface Vitals {
  /** It sees, it can keep what it sees, and it answers. */
  readonly healthy: boolean
  /** It does not do its work and does not know it: starting it anew can help. What it does know it mends by itself. */
  readonly stuck: boolean
  /** What is wrong, one line each, for people. */
  readonly findings: readonly string[]
}

/** The camera stage notices silence itself, within seconds; that it has not is a fault of ours. */
const FRAME_AGE_LIMIT_MS = 60_000
const DISK_WAIT_LIMIT_MS = 30_000
/** With a disk that answers, a clip's longest step takes a second or two: after this it will never end. */
const CLIP_WAIT_LIMIT_MS = 60_000
/** Half of what a watchdog of 30 s allows. */
const LOOP_LAG_LIMIT_MS = 15_000
const seconds = (ms: number): string => `${Math.round(ms / 1000)} s`

/** Judges the signs. Pure. */
export function judgeVitals(signs: VitalSigns): Vitals {
  const { camera, newestFrameMs, nowMs, disk, diskWaitingMs, clipWaitingMs, loopLagMs } = signs
  const findings: string[] = []
  const frameAgeMs = newestFrameMs === null ? 0 : nowMs - newestFrameMs
  const blind = camera === 'on' && frameAgeMs > FRAME_AGE_LIMIT_MS
  const late = loopLagMs > LOOP_LAG_LIMIT_MS
  const slow = diskWaitingMs > DISK_WAIT_LIMIT_MS
  const jammed = clipWaitingMs > CLIP_WAIT_LIMIT_MS && !slow
  if (blind) findings.push(`no picture for ${seconds(frameAgeMs)} from a camera that counts as on`)
  if (late) findings.push(`the program stood still for ${seconds(loopLagMs)}`)
  if (camera === 'camera-lost' || camera === 'starting') findings.push(`the camera is ${camera}`)
  if (disk !== 'ok') findings.push(`the data disk is ${disk}`)
  if (jammed) findings.push(`a clip has waited ${seconds(clipWaitingMs)} to be kept`)
  if (slow) findings.push(`the data disk has not answered for ${seconds(diskWaitingMs)}`)
  return { healthy: findings.length === 0, stuck: blind || late || jammed, findings }
}

const TICK_MS = 5_000

/** Measures how late the event loop is: the worst of the last tick and the one under way. */
export function createLoopWatch(clock: Clock): { lagMs(): number } & Disposable {
  let dueMs = 0
  let worstMs = 0
  let timer: Timer
  const lateMs = (): number => Math.max(0, clock.monotonicMs() - dueMs)
  function wait(): void {
    dueMs = clock.monotonicMs() + TICK_MS
    timer = clock.setTimer(TICK_MS, () => {
      worstMs = lateMs()
      wait()
    })
  }
  wait()
  return { lagMs: () => Math.max(worstMs, lateMs()), [Symbol.dispose]: () => timer.cancel() }
}
