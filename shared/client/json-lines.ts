import { concatBytes, fromUtf8 } from '../src/bytes/bytes.ts'
import { LatchkeyError } from '../src/errors.ts'
import type { Validator } from '../src/wire/schema.ts'
import { piecesOf } from './bounded-body.ts'
import { createIdleWatch } from './idle-watch.ts'
import { errorOf, type RelayClient } from './relay-client.ts'

/** The longest line of ours is a device's health, a few kilobytes. */
const MAX_LINE_BYTES = 65_536
/** The relay says something every 20 s; three times silent is a dead connection that nobody closed. */
const DEFAULT_IDLE_MS = 60_000
const LINE_FEED = 0x0a

/** How a stream of lines is read. */
export interface LineOptions<T> {
  readonly validator: Validator<T>
  /** Ends the reading, quietly. */
  readonly signal?: AbortSignal
  /** Silence after which the connection counts as dead; the beginning of the answer too. */
  readonly idleMs?: number
}

/** Cuts pieces at line feeds, wherever they were split; a line that does not end in time is refused. */
function createLineCutter(): { cut(piece: Uint8Array): Uint8Array[]; readonly isBetweenLines: boolean } {
  let begun: Uint8Array[] = []
  let begunBytes = 0
  const take = (part: Uint8Array) => {
    begunBytes += part.length
    if (begunBytes > MAX_LINE_BYTES)
      throw new LatchkeyError('MESSAGE_TOO_LARGE', `a line is longer than ${MAX_LINE_BYTES} bytes`)
    begun.push(part)
  }
  return {
    cut(piece) {
      const lines: Uint8Array[] = []
      let from = 0
      for (let end = piece.indexOf(LINE_FEED); end >= 0; end = piece.indexOf(LINE_FEED, from)) {
        take(piece.subarray(from, end))
        lines.push(concatBytes(...begun))
        begun = []
        begunBytes = 0
        from = end + 1
      }
      if (from < piece.length) take(piece.slice(from))
      return lines
    },
    get isBetweenLines() {
      return begunBytes === 0
    },
  }
}

function parseLine<T>(line: Uint8Array, validator: Validator<T>): T {
  let value: unknown
  try {
    value = JSON.parse(fromUtf8(line))
  } catch (cause) {
    throw new LatchkeyError('JSON_INVALID', 'a line of the stream is not JSON', { cause })
  }
  if (!validator.check(value)) throw new LatchkeyError('MESSAGE_INVALID', `line: ${validator.explain(value)}`)
  return value
}

async function* linesOf<T>(response: Response, validator: Validator<T>, touch: () => void): AsyncGenerator<T, void> {
  const cutter = createLineCutter()
  for await (const piece of piecesOf(response)) {
    touch()
    for (const line of cutter.cut(piece)) yield parseLine(line, validator)
  }
  if (!cutter.isBetweenLines) throw new LatchkeyError('UNAVAILABLE', 'the stream ended inside a line')
}

/**
 * Reads a stream of JSON lines (`GET /v1/events`) by `fetch`, because an `EventSource` cannot prove a key. Ends when the
 * relay ends it or `signal` fires; the connection is given up when the caller stops reading.
 * Untrusted: the answer.
 * @throws the problem's code | UNAVAILABLE (no answer, broken off, silent) | JSON_INVALID | MESSAGE_INVALID | MESSAGE_TOO_LARGE
 * @see spec/http.md
 */
export async function* readLines<T>(
  client: RelayClient,
  path: string,
  { validator, signal, idleMs = DEFAULT_IDLE_MS }: LineOptions<T>,
): AsyncGenerator<T, void> {
  using watch = createIdleWatch(idleMs)
  const either = signal ? AbortSignal.any([signal, watch.signal]) : watch.signal
  try {
    const response = await client.send('GET', path, { signal: either, timeoutMs: null })
    if (!response.ok) throw await errorOf(response)
    yield* linesOf(response, validator, watch.touch)
  } catch (cause) {
    if (signal?.aborted === true) return
    if (watch.signal.aborted) throw watch.signal.reason
    if (cause instanceof LatchkeyError) throw cause
    throw new LatchkeyError('UNAVAILABLE', 'the stream broke off', { cause })
  }
}
