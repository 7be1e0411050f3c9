import {
  concatBytes,
  Count,
  createValidator,
  DeviceEvent,
  digestOf,
  Exact,
  fromUtf8,
  Id16,
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

/** Of a rewritten file, written at once. */
const PIECE_BYTES = 65_536

/** Records → the bytes of a file, in pieces of some 64 KiB, each made when it is asked for. */
export function* encodeOutboxPieces(records: Iterable<OutboxHeader | OutboxEvent>): Generator<Uint8Array> {
  let lines: Uint8Array[] = []
  let sizeBytes = 0
  for (const record of records) {
    const bytes = encodeOutboxLine(record)
    lines.push(bytes)
    sizeBytes += bytes.length
    if (sizeBytes < PIECE_BYTES) continue
    yield concatBytes(...lines)
    lines = []
    sizeBytes = 0
  }
  if (lines.length > 0) yield concatBytes(...lines)
}

/** What an outbox file holds. */
export interface ParsedOutbox {
  /** Null when the disk lost it. */
  readonly header: OutboxHeader | null
  readonly events: readonly OutboxEvent[]
  /** Bytes of the good lines before the first bad one. */
  readonly sizeBytes: number
  /** Lines that were whole once are lost: not a torn end but a damaged disk. */
  readonly damaged: boolean
}

/** Null for a line that is not as it was written. */
function parseLine(bytes: Uint8Array): OutboxHeader | OutboxEvent | null {
  const [check, json] = [bytes.subarray(0, CHECK_CHARACTERS), bytes.subarray(CHECK_CHARACTERS + 1)]
  if (digestOf(json).slice(0, CHECK_CHARACTERS) !== Buffer.from(check).toString('latin1')) return null
  return parseWith<OutboxHeader | OutboxEvent>(line, JSON.parse(fromUtf8(json)), 'outbox line')
}

/**
 * What of an outbox file is whole, line by line. A crash while a line was written leaves a bad one at the end, and nothing
 * in it was ever published; a bad one with others behind it is the disk's doing, and costs that one alone.
 * @throws MESSAGE_INVALID for a line of another version of this program
 */
export function parseOutbox(bytes: Uint8Array): ParsedOutbox {
  const events: OutboxEvent[] = []
  let header: OutboxHeader | null = null
  let sizeBytes = 0
  let damaged = false
  let isWhole = true
  for (let start = 0, end = bytes.indexOf(0x0a); end >= 0; start = end + 1, end = bytes.indexOf(0x0a, start)) {
    const record = parseLine(bytes.subarray(start, end))
    damaged ||= !isWhole
    if (record === null) isWhole = false
    else if (record.kind === 'event') events.push(record)
    else header = record
    if (isWhole) sizeBytes = end + 1
  }
  return { header, events, sizeBytes, damaged: damaged || header === null }
}
