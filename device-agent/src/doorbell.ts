import { codeOf, encodeBase64url, randomBytes } from '@latchkey/shared'
import { type Button, createButton } from './button/button.ts'
import { createChime } from './button/chime.ts'
import { loadGpioProgram } from './button/gpiomon-program.ts'
import { inputProgram } from './button/input-key.ts'
import type { PressProgram } from './button/press-reader.ts'
import { type PressWatch, watchPresses } from './button/press-watch.ts'
import type { ButtonConfig } from './doorbell-config.ts'
import type { ButtonState, DoorEvent } from './flow.ts'
import type { Clock } from './kernel/clock.ts'
import type { Log } from './kernel/log.ts'

/** What the bell needs. */
export interface DoorbellOptions {
  readonly config: ButtonConfig
  readonly clock: Clock
  readonly log: Log
  readonly random: () => number
  /** Told of every ring before anything else happens; must not throw. */
  readonly onRing: (event: DoorEvent) => void
  /** Told when the contact is lost or found. */
  readonly onState: () => void
}

/** Records a ring that happened at `atMs`. */
export type RecordRing = (atMs: number) => DoorEvent

/** Contact, chime and whoever is to hear of a ring: there before pairing, and whatever camera, relay and disk do. */
export interface Doorbell extends AsyncDisposable {
  /** The simulated button. Null when it bounced. */
  press(): DoorEvent | null
  readonly state: ButtonState
  /** From now on a ring is recorded by this; null ends that. */
  attach(record: RecordRing | null): void
}

function programOf({ gpio, input }: ButtonConfig, clock: Clock): (() => Promise<PressProgram>) | null {
  if (gpio !== undefined) return () => loadGpioProgram(gpio, clock)
  if (input !== undefined) return () => Promise.resolve(inputProgram(input, clock))
  return null
}

/** Starts watching the contact at once, where there is one. */
export function createDoorbell(options: DoorbellOptions): Doorbell {
  const { config, clock, log, random, onRing, onState } = options
  const chime = config.chime && createChime({ ...config.chime, clock, log })
  let record: RecordRing | null = null

  const unrecorded: RecordRing = (atMs) => ({ event: encodeBase64url(randomBytes(16)), trigger: 'ring', atMs })

  function recorded(atMs: number): DoorEvent {
    try {
      return (record ?? unrecorded)(atMs)
    } catch (error) {
      log.error({ code: codeOf(error) }, 'a ring could not be recorded')
      return unrecorded(atMs)
    }
  }

  const button: Button = createButton(clock, (atMs) => {
    const event = recorded(atMs)
    onRing(event)
    chime?.play()
    log.info({ event: event.event }, 'somebody rings')
    return event
  })

  const prepare = programOf(config, clock)
  const watch: PressWatch | null =
    prepare && watchPresses({ prepare, onPress: (agoMs) => void button.press(agoMs), onState, clock, log, random })
  return {
    press: () => button.press(),
    get state() {
      return watch?.state ?? 'none'
    },
    attach(next) {
      record = next
    },
    [Symbol.asyncDispose]: async () => {
      await watch?.[Symbol.asyncDispose]()
    },
  }
}
