import type { Readable } from 'node:stream'
import type { Clock } from '../kernel/clock.ts'

/** How a pipe is read. */
export interface PipeReaderOptions {
  readonly clock: Clock
  /** How long to let the pipe fill up between two reads, ms, asked each time; 0 takes what comes as it comes. */
  readonly restMs: () => number
}

/** Reads once it is read: the rest of what waited is here within this. */
const GATHER_MS = 8
/** More than this within that time, and more is waiting: the writer must not be held back. */
const BACKLOG_BYTES = 65_536

/**
 * What comes out of a pipe, in pieces, until it ends or breaks. Each time a process wakes up for its pipe costs more
 * than what it then does with a picture: with a rest, several pictures share one. The pipe is then read until it is
 * empty, for a writer that has to wait loses what it cannot keep.
 * Whoever takes the pieces slowly holds the writer back.
 */
export async function* readPipe(
  pipe: Readable,
  { clock, restMs }: PipeReaderOptions,
): AsyncGenerator<Buffer[], void, undefined> {
  let pieces: Buffer[] = []
  // Read anew where it matters: the compiler takes a variable for what it was set to last.
  const state = { ended: false }
  let wake = () => {}
  pipe.on('data', (piece: Buffer) => {
    pieces.push(piece)
    wake()
  })
  for (const event of ['end', 'close', 'error'])
    pipe.once(event, () => {
      state.ended = true
      wake()
    })

  async function somethingCame(): Promise<void> {
    if (pieces.length === 0 && !state.ended) await new Promise<void>((resolve) => (wake = resolve))
    wake = () => {}
  }

  async function gather(): Promise<void> {
    for (let cameBytes = Infinity; !state.ended && cameBytes > BACKLOG_BYTES;) {
      const before = pieces.length
      await clock.sleep(GATHER_MS)
      cameBytes = pieces.slice(before).reduce((sum, { length }) => sum + length, 0)
    }
  }

  while (!state.ended || pieces.length > 0) {
    const rest = restMs()
    if (rest > 0 && !state.ended) await clock.sleep(rest)
    pipe.resume()
    await somethingCame()
    if (rest > 0) await gather()
    pipe.pause()
    const taken = pieces
    pieces = []
    if (taken.length > 0) yield taken
  }
}
