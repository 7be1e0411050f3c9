import { codeOf, encodeBase64url, randomBytes, type Signer } from '@latchkey/shared'
import { statfs } from 'node:fs/promises'
import { createButton } from './button/button.ts'
import { createChime } from './button/chime.ts'
import { loadGpioProgram } from './button/gpiomon-program.ts'
import { inputProgram } from './button/input-key.ts'
import type { PressProgram } from './button/press-reader.ts'
import { watchPresses } from './button/press-watch.ts'
import type { AgentConfig } from './config.ts'
import type { ButtonConfig } from './doorbell-config.ts'
import type { ButtonState, DoorEvent } from './flow.ts'
import type { KnownFacts } from './home/home.ts'
import { createHomeBroker } from './home-broker.ts'
import type { Clock } from './kernel/clock.ts'
import type { Log } from './kernel/log.ts'
import { type Recorder, SOFTWARE } from './recorder.ts'

/** What the bell takes of the agent. */
export interface DoorbellOptions {
  readonly config: AgentConfig
  readonly signer: Signer
  readonly clock: Clock
  readonly log: Log
  readonly random: () => number
}

/** The bell at this moment. */
export interface DoorbellStatus {
  readonly button: ButtonState
  /** Whether the household's broker is reached; null when there is none. */
  readonly home: boolean | null
}

/** Contact, chime and home broker: there before pairing, and whatever camera, relay and disk do. */
export interface Doorbell extends AsyncDisposable {
  /** The simulated button. Null when it bounced. */
  press(): DoorEvent | null
  status(): DoorbellStatus
  /** From now on a ring is recorded by `recorder`, and the home broker hears its news; null ends that. */
  attach(recorder: Recorder | null): void
}

/** What there is to tell at home of a device that is not paired. */
const UNPAIRED = { camera: 'starting', privacy: false, connected: false, clock: null } as const
const NO_CLIPS = { clips: 0, bytes: 0, droppedClips: 0 }

function programOf({ gpio, input }: ButtonConfig, clock: Clock): (() => Promise<PressProgram>) | null {
  if (gpio !== undefined) return () => loadGpioProgram(gpio, clock)
  if (input !== undefined) return () => Promise.resolve(inputProgram(input, clock))
  return null
}

async function freeBytesOf(directory: string): Promise<number | null> {
  const found = await statfs(directory).catch(() => null)
  return found && found.bavail * found.bsize
}

/** Starts watching the contact and connecting with the household's broker at once, where there are any. */
export function createDoorbell(options: DoorbellOptions): Doorbell {
  const { config, clock, log, random } = options
  const { button: buttonConfig = {}, home: homeConfig } = config
  let recorder: Recorder | null = null
  let forget: (() => void) | null = null

  async function facts(): Promise<KnownFacts> {
    const known = recorder?.status()
    const { camera, privacy, connected, clock: statement } = known ?? UNPAIRED
    const freeBytes = await freeBytesOf(config.dataDir)
    const [recording, button] = [recorder !== null, watch?.state ?? 'none']
    return {
      camera,
      privacy,
      spool: known?.spool ?? NO_CLIPS,
      uploading: connected,
      clock: statement,
      recording,
      button,
      freeBytes,
    }
  }

  function setPrivacy(on: boolean): void {
    const failed = (error: unknown) => log.error({ code: codeOf(error) }, 'privacy could not be switched as asked')
    void recorder?.setPrivacy(on).catch(failed)
  }

  const home =
    homeConfig && createHomeBroker({ ...options, config, home: homeConfig, software: SOFTWARE, facts, setPrivacy })
  const chime = buttonConfig.chime && createChime({ ...buttonConfig.chime, clock, log })

  const unrecorded = (atMs: number): DoorEvent => ({ event: encodeBase64url(randomBytes(16)), trigger: 'ring', atMs })

  function recorded(atMs: number): DoorEvent {
    try {
      return recorder?.ring(atMs) ?? unrecorded(atMs)
    } catch (error) {
      log.error({ code: codeOf(error) }, 'a ring could not be recorded')
      return unrecorded(atMs)
    }
  }

  const button = createButton(clock, (atMs) => {
    const event = recorded(atMs)
    home?.ring(event)
    chime?.play()
    log.info({ event: event.event }, 'somebody rings')
    return event
  })

  const prepare = programOf(buttonConfig, clock)
  const watch =
    prepare &&
    watchPresses({
      prepare,
      onPress: (agoMs) => void button.press(agoMs),
      onState: () => home?.wake(),
      clock,
      log,
      random,
    })
  return {
    press: () => button.press(),
    status: () => ({ button: watch?.state ?? 'none', home: home?.connected ?? null }),
    attach(next) {
      forget?.()
      recorder = next
      forget = next?.observe((news) => home?.news(news)) ?? null
      home?.wake()
    },
    [Symbol.asyncDispose]: async () => {
      await watch?.[Symbol.asyncDispose]()
      await home?.[Symbol.asyncDispose]()
    },
  }
}
