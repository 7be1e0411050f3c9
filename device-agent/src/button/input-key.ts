import type { Clock } from '../kernel/clock.ts'
import { ageOf, type OnPress, type PressProgram, type PressReader } from './press-reader.ts'

/** A button that the kernel offers as a keyboard: the `gpio-key` overlay, or a USB button. */
export interface InputKey {
  /** `/dev/input/event0`, or better a name that stays: `/dev/input/by-path/…`. */
  readonly device: string
  /** Key code; any key when absent. */
  readonly key?: number
}

/** `struct input_event` on 64-bit Linux: seconds, microseconds, type, code, value. @see linux/input.h */
const EVENT_BYTES = 24
const EV_KEY = 1
const PRESSED = 1
const MAX_TYPE = 0x1f
const MAX_CODE = 0x2ff
const CAT = '/bin/cat'

interface InputEvent {
  readonly stampMs: number
  readonly type: number
  readonly code: number
  readonly value: number
}

/** Untrusted: 24 bytes at `at`. Null for what no kernel writes. */
function parseEvent(bytes: Buffer, at: number): InputEvent | null {
  const seconds = bytes.readBigUInt64LE(at)
  const microseconds = bytes.readBigUInt64LE(at + 8)
  const [type, code, value] = [bytes.readUInt16LE(at + 16), bytes.readUInt16LE(at + 18), bytes.readInt32LE(at + 20)]
  if (seconds >= 2n ** 40n || microseconds >= 1_000_000n || type > MAX_TYPE || code > MAX_CODE) return null
  return { stampMs: Number(seconds) * 1000 + Number(microseconds) / 1000, type, code, value }
}

/**
 * Reads the device's events. Releases and the repeats of a key held down are no presses. After bytes that are no event
 * it looks for the next one byte by byte: better a garbled second than a bell that is deaf until the next start.
 */
export function createInputReader({ key }: InputKey, clock: Clock, onPress: OnPress): PressReader {
  let rest = Buffer.alloc(0)
  let stopped = false

  function tell({ type, code, value, stampMs }: InputEvent): void {
    const isPress = type === EV_KEY && value === PRESSED && (key === undefined || code === key)
    // The device's stamps are of the wall clock; one from before the clock was set says nothing.
    if (isPress && !stopped) onPress(ageOf(stampMs, clock.nowMs()))
  }

  return {
    take(chunk) {
      const bytes = Buffer.concat([rest, chunk])
      let at = 0
      while (at + EVENT_BYTES <= bytes.length) {
        const event = parseEvent(bytes, at)
        if (event !== null) tell(event)
        at += event === null ? 1 : EVENT_BYTES
      }
      rest = bytes.subarray(at)
    },
    stop() {
      stopped = true
    },
  }
}

/**
 * A `cat` reads the device: node would need a thread of its pool for as long as nobody rings, and a child ends when the
 * device does.
 */
export function inputProgram(input: InputKey, clock: Clock): PressProgram {
  return {
    command: CAT,
    args: ['--', input.device],
    createReader: (onPress) => createInputReader(input, clock, onPress),
  }
}
