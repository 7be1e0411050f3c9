import { concatBytes } from '../src/bytes/bytes.ts'
import { LatchkeyError } from '../src/errors.ts'

/**
 * The pieces of an answer as they come; the connection is given up when the reader stops early.
 * @throws whatever the connection throws
 */
export async function* piecesOf(response: Response): AsyncGenerator<Uint8Array, void> {
  if (response.body === null) return
  const reader: ReadableStreamDefaultReader<Uint8Array> = response.body.getReader()
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return
      yield value
    }
  } finally {
    // On a stream that has ended or failed there is nothing left to give up.
    await reader.cancel().catch(() => undefined)
  }
}

/**
 * A whole body, read no further than `maxBytes`: whoever answers does not decide how much memory that takes.
 * Untrusted: the answer.
 * @throws MESSAGE_TOO_LARGE | UNAVAILABLE when the connection broke
 */
export async function readBounded(response: Response, maxBytes: number): Promise<Uint8Array> {
  const pieces: Uint8Array[] = []
  let sizeBytes = 0
  try {
    for await (const piece of piecesOf(response)) {
      sizeBytes += piece.length
      if (sizeBytes > maxBytes)
        throw new LatchkeyError('MESSAGE_TOO_LARGE', `the answer is longer than ${maxBytes} bytes`)
      pieces.push(piece)
    }
  } catch (cause) {
    if (cause instanceof LatchkeyError) throw cause
    throw new LatchkeyError('UNAVAILABLE', 'the answer broke off', { cause })
  }
  return concatBytes(...pieces)
}
