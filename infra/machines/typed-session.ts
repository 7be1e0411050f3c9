/** Somebody at a terminal: reads what a program shows, and types. */
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { poll } from '../local/poll.ts'

/** A conversation with a program whose terminal is at the other end of two pipes. */
export interface TypedSession {
  /** Everything shown so far, escape sequences included. */
  screen(): string
  /** Waits until `wanted` is shown behind what was waited for before. @returns what matched @throws UNAVAILABLE */
  sees(wanted: RegExp): Promise<string>
  /** Types a line and presses Enter. */
  answer(line: string): void
  /** Resolves to the program's exit code. */
  ended(): Promise<number>
}

/** Nothing that is asked takes a person's computer longer, not even a busy one. */
const TIMEOUT_MS = 120_000
const LOOK_EVERY_MS = 50
const SHOWN_CHARACTERS = 600

/** @param child with pipes for standard input and output */
export function createTypedSession(child: ChildProcess): TypedSession {
  let text = ''
  let seen = 0
  const exit = once(child, 'close') as Promise<[number | null]>
  child.stdout!.on('data', (chunk: Buffer) => (text += chunk.toString()))
  child.stdin!.on('error', () => {})
  return {
    screen: () => text,
    async sees(wanted) {
      const look = () => {
        const found = wanted.exec(text.slice(seen))
        if (found === null) return Promise.resolve(null)
        seen += found.index + found[0].length
        return Promise.resolve(found[0])
      }
      const what = `${wanted} at the terminal`
      return poll(what, { everyMs: LOOK_EVERY_MS, timeoutMs: TIMEOUT_MS }, look).catch((cause: unknown) => {
        throw new Error(`${(cause as Error).message}; it shows: ${text.slice(-SHOWN_CHARACTERS)}`, { cause })
      })
    },
    answer: (line) => void child.stdin!.write(`${line}\r`),
    ended: async () => (await exit)[0] ?? -1,
  }
}
