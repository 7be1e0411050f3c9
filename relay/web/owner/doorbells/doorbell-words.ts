/** How a doorbell is, in sentences. */
import type { ClipVerdict, DeviceLine } from '@latchkey/shared'
import { momentWords } from '../words/times.ts'
import { words } from '../words/words.ts'

/** Something to know of a doorbell; `wrong` when somebody should do something about it. */
export interface StateSentence {
  readonly text: string
  readonly wrong: boolean
}

const GIGABYTE = 1_000_000_000
const MEGABYTE = 1_000_000
const say = words.doorbells
const fine = (text: string): StateSentence => ({ text, wrong: false })
const wrong = (text: string): StateSentence => ({ text, wrong: true })

function bytesWords(bytes: number): string {
  return bytes < GIGABYTE ? say.megabytes(Math.ceil(bytes / MEGABYTE)) : say.gigabytes((bytes / GIGABYTE).toFixed(1))
}

/** Is it there? */
export function reachSentence({ available, availableMs, heardMs }: DeviceLine): StateSentence {
  if (available === 'online') return fine(say.online)
  if (available === null || availableMs === null) return fine(say.unheard)
  const heard = heardMs === null ? '' : ` ${say.heard(momentWords(heardMs))}`
  if (available === 'stopped') return fine(say.stopped(momentWords(availableMs)) + heard)
  return wrong(say.offline(momentWords(availableMs)) + heard)
}

function storageSentences({ health }: DeviceLine): StateSentence[] {
  if (health === null) return []
  const disk =
    health.storage === 'ok' ? fine(say.storage.ok(bytesWords(health.freeBytes))) : wrong(say.storage[health.storage])
  const waiting = health.spoolItems === 0 ? [] : [fine(say.waiting(health.spoolItems, bytesWords(health.spoolBytes)))]
  const dropped = health.droppedClips === 0 ? [] : [wrong(say.dropped(health.droppedClips))]
  return [disk, ...waiting, ...dropped]
}

function cameraSentence({ health }: DeviceLine): StateSentence[] {
  if (health === null) return []
  return [health.camera === 'camera-lost' ? wrong(say.camera['camera-lost']) : fine(say.camera[health.camera])]
}

/** What the doorbell says of itself and the relay passes on, most important first. */
export const stateSentences = (line: DeviceLine): readonly StateSentence[] => [
  ...cameraSentence(line),
  ...storageSentences(line),
]

/** What its own signed clips say: how many there are, what is missing between them, what they could not see. */
export function clipsSentences(verdicts: readonly ClipVerdict[]): readonly StateSentence[] {
  const genuine = verdicts.filter(({ isGenuine }) => isGenuine)
  if (genuine.length === 0) return [fine(say.noClips)]
  const missing = genuine.reduce((sum, one) => sum + (one.missing ? one.missing.last - one.missing.first + 1 : 0), 0)
  const gaps = genuine.filter(({ statement }) => statement!.manifest.payload.latchkey.gaps.length > 0).length
  return [
    fine(say.clips(genuine.length)),
    ...(missing > 0 ? [wrong(say.missing(missing))] : genuine.length > 1 ? [fine(say.unbroken)] : []),
    ...(gaps === 0 ? [] : [fine(say.gaps(gaps))]),
  ]
}
