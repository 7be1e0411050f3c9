import { encodeBase64url, randomBytes } from '@latchkey/shared'
import type { PrivacyFile } from './camera/disk-privacy.ts'
import type { Capture } from './capture.ts'
import type { CameraState, DoorEvent } from './flow.ts'
import type { Clock } from './kernel/clock.ts'

type StateListener = (state: CameraState, atMs: number) => void

/** What the switch stands between. */
export interface PrivacySwitchOptions {
  readonly file: PrivacyFile
  readonly clock: Clock
  /** Starts the sensor and everything behind it. */
  readonly start: (onState: StateListener) => Capture
  readonly onState: StateListener
  /** Somebody rang while nothing was watched. */
  readonly onEvent: (event: DoorEvent) => void
}

/** The capture of a paired device, which the household can switch off. */
export interface PrivacySwitch extends AsyncDisposable {
  /** Null while the sensor is off. */
  readonly capture: Capture | null
  readonly isPrivate: boolean
  /** Resolves when the source has ended or the switch was disposed; rejects when the source cannot be used. */
  readonly done: Promise<void>
  /** While private an event without a clip. */
  ring(atMs: number): DoorEvent
  /**
   * On: ends what is open, resolves when no process reads the camera any more and the choice is on the disk. Off: keeps
   * the choice first, then starts again. Calls take their turn.
   * @throws node's file system errors when the choice could not be kept; the camera is off then, until the next start
   */
  set(on: boolean): Promise<void>
  /** Ends what is open and starts again; does nothing while private. Takes its turn like `set`. */
  restart(): Promise<void>
}

/** Starts watching, unless the kept choice is not to. */
export function createPrivacySwitch(options: PrivacySwitchOptions): PrivacySwitch {
  const { file, clock } = options
  const settled = Promise.withResolvers<null>()
  const done = settled.promise.then(() => {})
  let isPrivate = file.on
  let capture: Capture | null = null
  let tail: Promise<unknown> = Promise.resolve()
  // Whoever does not ask is not punished.
  done.catch(() => {})

  function watch(): void {
    const started = options.start((state, atMs) => {
      if (isCurrent()) options.onState(state, atMs)
    })
    capture = started
    // The end of a capture that was switched off, or is being replaced, is not the end of watching.
    const isCurrent = (): boolean => capture === started && !isPrivate
    const unlessSwitchedOff = (settle: () => void) => {
      if (isCurrent()) settle()
    }
    started.done.then(
      () => unlessSwitchedOff(() => settled.resolve(null)),
      (error: unknown) => unlessSwitchedOff(() => settled.reject(error)),
    )
  }

  async function switchOff(): Promise<void> {
    const kept = file.on ? Promise.resolve() : file.keep(true)
    // Both at once: neither a slow disk nor a slow camera may hold back the other.
    kept.catch(() => {})
    if (!isPrivate) {
      isPrivate = true
      await capture?.stop('privacy')
      capture = null
      options.onState('privacy', clock.nowMs())
    }
    await kept
  }

  async function switchOn(): Promise<void> {
    if (file.on) await file.keep(false)
    if (!isPrivate) return
    isPrivate = false
    watch()
  }

  async function startAgain(): Promise<void> {
    if (isPrivate || capture === null) return
    const ending = capture
    capture = null
    options.onState('stopped', clock.nowMs())
    await ending.stop()
    watch()
  }

  function exclusive(change: () => Promise<void>): Promise<void> {
    const result = tail.then(change)
    tail = result.catch(() => {})
    return result
  }

  if (isPrivate) options.onState('privacy', clock.nowMs())
  else watch()
  return {
    get capture() {
      return capture
    },
    get isPrivate() {
      return isPrivate
    },
    done,
    ring(atMs) {
      if (capture !== null && !isPrivate) return capture.ring(atMs)
      const event: DoorEvent = { event: encodeBase64url(randomBytes(16)), trigger: 'ring', atMs }
      options.onEvent(event)
      return event
    },
    set: (on) => exclusive(on ? switchOff : switchOn),
    restart: () => exclusive(startAgain),
    async [Symbol.asyncDispose]() {
      await exclusive(async () => {
        await capture?.stop()
        settled.resolve(null)
      })
    },
  }
}
