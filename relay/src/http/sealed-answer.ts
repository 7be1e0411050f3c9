import { LatchkeyError } from '@latchkey/shared'
import { Readable } from 'node:stream'
import type { ByteRange, SealedFile } from '../flow.ts'
import type { Answer } from './route.ts'

/**
 * `Range` of one part; null for none, or for what a server may ignore (another unit, several parts, malformed).
 * Untrusted: `header`.
 * @throws RANGE_INVALID when no byte of it exists
 * @see RFC 9110 §14.2
 */
export function parseRange(header: string | string[] | undefined, sizeBytes: number): ByteRange | null {
  const match = typeof header === 'string' ? /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header) : null
  if (!match || (match[1] === '' && match[2] === '')) return null
  const [from, to] = [match[1]!, match[2]!]
  const first = from === '' ? Math.max(0, sizeBytes - Number(to)) : Number(from)
  const last = from === '' || to === '' ? sizeBytes - 1 : Math.min(Number(to), sizeBytes - 1)
  if (from !== '' && to !== '' && Number(to) < first) return null
  if (first >= sizeBytes || first > last) throw new LatchkeyError('RANGE_INVALID', `the item has ${sizeBytes} bytes`)
  return { first, last }
}

/** The part of `header ‖ payload` that a range names, as a stream. */
async function* partOf(file: SealedFile, { first, last }: ByteRange): AsyncGenerator<Uint8Array> {
  const headerBytes = file.header.length
  if (first < headerBytes) yield file.header.subarray(first, Math.min(last + 1, headerBytes))
  if (last < headerBytes) return
  const payload = { first: Math.max(0, first - headerBytes), last: last - headerBytes }
  const whole = payload.first === 0 && payload.last === file.payloadBytes - 1
  yield* (await file.open(whole ? undefined : payload)) as AsyncIterable<Uint8Array>
}

/** The bytes of a range of a stream that can only be read from its start. */
export async function* sliceOf(chunks: AsyncIterable<Uint8Array>, range: ByteRange): AsyncGenerator<Uint8Array> {
  let at = 0
  for await (const chunk of chunks) {
    const [from, to] = [Math.max(0, range.first - at), Math.min(chunk.length, range.last + 1 - at)]
    if (from < to) yield chunk.subarray(from, to)
    at += chunk.length
    if (at > range.last) return
  }
}

/** Something of known size whose ranges can be read. */
export interface Ranged {
  readonly sizeBytes: number
  readonly mediaType: string
  read(range: ByteRange): AsyncIterable<Uint8Array>
}

/** The whole, or the range asked for. @throws RANGE_INVALID */
export function rangedAnswer(whole: Ranged, rangeHeader: string | string[] | undefined): Answer {
  const { sizeBytes } = whole
  const range = parseRange(rangeHeader, sizeBytes)
  const { first, last } = range ?? { first: 0, last: sizeBytes - 1 }
  return {
    status: range ? 206 : 200,
    stream: Readable.from(whole.read({ first, last }), { objectMode: false }),
    headers: {
      'content-type': whole.mediaType,
      'content-length': String(last - first + 1),
      'accept-ranges': 'bytes',
      ...(range ? { 'content-range': `bytes ${first}-${last}/${sizeBytes}` } : {}),
    },
  }
}

/** A sealed item, or the range asked for: an age file that anyone with the key opens. @throws RANGE_INVALID */
export function sealedAnswer(file: SealedFile, rangeHeader: string | string[] | undefined): Answer {
  const sizeBytes = file.header.length + file.payloadBytes
  const read = (range: ByteRange) => partOf(file, range)
  return rangedAnswer({ sizeBytes, mediaType: 'application/octet-stream', read }, rangeHeader)
}
