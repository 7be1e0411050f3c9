import {
  Count,
  createValidator,
  DeviceEvent,
  digestOf,
  Exact,
  fromUtf8,
  Id16,
  LatchkeyError,
  parseWith,
  utf8,
} from '@latchkey/shared'
import { Type, type Static } from 'typebox'

/** First line of an outbox file. */
const HeaderLine = Exact({
  kind: Type.Literal('header'),
  v: Type.Literal(1),
  stream: Id16,
  /** Everything up to here was acknowledged when the file was written. */
  acknowledged: Count,
  /** Highest sequence ever given in this stream when the file was written. */
  last: Count,
  /** Newest clip sequence whose event was recorded. */
  mark: Count,
})
/** Every further line: one event. */
const EventLine = Exact({ kind: Type.Literal('event'), mark: Count, event: DeviceEvent })
const Line = Type.Union([HeaderLine, EventLine])
export type OutboxHeader = Static<typeof HeaderLine>
export type OutboxEvent = Static<typeof EventLine>
const line = createValidator(Line)

/** Enough of the hash to tell a torn line from a whole one. */
const CHECK_CHARACTERS = 12

/** Record → one line, with a check of its own. */
export function encodeOutboxLine(record: OutboxHeader | OutboxEvent): Uint8Array {
  const text = JSON.stringify(record)
  return utf8(`${digestOf(utf8(text)).slice(0, CHECK_CHARACTERS)} ${text}\n`)
}

/** What an outbox file holds up to its first bad line. */
export interface ParsedOutbox {
  readonly header: OutboxHeader
  readonly events: readonly OutboxEvent[]
  /** Bytes of the good lines. */
  readonly sizeBytes: number
  /** Whole lines stand after the bad one: not a torn end but a damaged disk. */
  readonly damaged: boolean
}

function parseLine(text: string): OutboxHeader | OutboxEvent | null {
  const [check, json] = [text.slice(0, CHECK_CHARACTERS), text.slice(CHECK_CHARACTERS + 1)]
  if (digestOf(utf8(json)).slice(0, CHECK_CHARACTERS) !== check) return null
  return parseWith<OutboxHeader | OutboxEvent>(line, JSON.parse(json), 'outbox line')
}

/**
 * An outbox file up to its first bad line: a crash while a line was written leaves such an end, and nothing in it was
 * ever published.
 * @throws MESSAGE_INVALID when the file has no header: not an outbox, or its start is lost
 */
export function parseOutbox(bytes: Uint8Array): ParsedOutbox {
  const records: (OutboxHeader | OutboxEvent)[] = []
  let sizeBytes = 0
  let damaged = false
  for (let end = bytes.indexOf(0x0a); end >= 0; end = bytes.indexOf(0x0a, sizeBytes)) {
    const record = parseLine(fromUtf8(bytes.subarray(sizeBytes, end)))
    if (record === null) {
      damaged = bytes.indexOf(0x0a, end + 1) >= 0
      break
    }
    records.push(record)
    sizeBytes = end + 1
  }
  const [header, ...events] = records
  if (header?.kind !== 'header' || events.some((record) => record.kind !== 'event'))
    throw new LatchkeyError('MESSAGE_INVALID', 'the outbox has no header')
  return { header, events: events as OutboxEvent[], sizeBytes, damaged }
}
