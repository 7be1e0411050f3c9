/** The words of a notification, made in the worker: nothing of them was ever on a server. */
import {
  codeOf,
  doorPush,
  type DoorPush,
  fromUtf8,
  isQuietAt,
  LatchkeyError,
  type SettingsChoices,
} from '@latchkey/shared'
import { nowMs, utcOffsetMinutesAt } from '../../kernel/clock.ts'
import { minuteWords } from '../words/times.ts'
import { words } from '../words/words.ts'

/** What is shown, and which page a tap opens. */
export interface Notice {
  readonly title: string
  readonly body: string
  /** One of the same tag replaces another. */
  readonly tag: string
  readonly page: 'clips' | 'questions'
  readonly silent: boolean
}

/** Untrusted: `data`, though it was encrypted to this phone. @throws MESSAGE_INVALID | JSON_INVALID | ENCODING_INVALID */
function parseDoorPush(data: Uint8Array): DoorPush {
  let value: unknown
  try {
    value = JSON.parse(fromUtf8(data))
  } catch (cause) {
    throw new LatchkeyError('JSON_INVALID', 'the message is not JSON', { cause })
  }
  if (!doorPush.check(value)) throw new LatchkeyError('MESSAGE_INVALID', doorPush.explain(value))
  return value
}

const isQuiet = ({ quiet }: SettingsChoices): boolean => {
  const at = nowMs()
  const minutes = Math.floor(at / 60_000) + utcOffsetMinutesAt(at)
  return isQuietAt(quiet, ((minutes % 1_440) + 1_440) % 1_440)
}

/** What a doorbell said, with the name that this household gave its door. Untrusted: `data`. */
export function doorNotice(data: Uint8Array, choices: SettingsChoices): Notice {
  const say = words.push.notice
  const silent = isQuiet(choices)
  try {
    const { type, device, event, atMs } = parseDoorPush(data)
    const door = choices.doors.find((known) => known.device === device)?.name ?? null
    return { title: say[type], body: say.where(door, minuteWords(atMs)), tag: `door/${event}`, page: 'clips', silent }
  } catch (error) {
    // A browser that was written to must show something; this says no more than is known.
    return { title: say.unknown, body: say.unknownWhy(codeOf(error)), tag: 'door/unknown', page: 'clips', silent }
  }
}
