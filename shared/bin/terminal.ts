import { createInterface } from 'node:readline/promises'
import type { ReadStream, WriteStream } from 'node:tty'
import type { Failure } from './failure.ts'

/** What a command says to people. Results go to stdout, everything else to stderr. */
export interface Terminal {
  /** One or more lines of result. */
  print(text: string): void
  /** A plain line about what happens. */
  note(text: string): void
  /** Work in progress: a line that rewrites itself, on a terminal only. */
  progress(text: string): void
  /** One line per failed check. */
  fail(failures: readonly Failure[]): void
  /** The answer, or `null` where nobody can be asked. */
  ask(question: string): Promise<string | null>
}

/** The three streams of a process. */
export interface Streams {
  readonly stdin: Pick<ReadStream, 'isTTY'> & NodeJS.ReadableStream
  readonly stdout: NodeJS.WritableStream
  readonly stderr: Pick<WriteStream, 'isTTY'> & NodeJS.WritableStream
}

const CLEAR_LINE = '\r\u001b[K'

/** Untrusted text must not move the cursor: control characters, line feeds aside, are shown as `?`. */
function printable(text: string): string {
  return text.replace(/[^\P{Cc}\n]|[\u202A-\u202E\u2066-\u2069]/gu, '?')
}

/** A terminal over the given streams. */
export function createTerminal({ stdin, stdout, stderr }: Streams): Terminal {
  let rewriting = false
  // A reader that had enough, such as head, must not end in a stack trace.
  for (const stream of [stdout, stderr]) stream.on('error', () => {})
  const line = (stream: NodeJS.WritableStream, text: string) => {
    if (rewriting) stderr.write(CLEAR_LINE)
    rewriting = false
    stream.write(`${printable(text)}\n`)
  }
  return {
    print: (text) => line(stdout, text),
    note: (text) => line(stderr, text),
    progress: (text) => {
      if (!stderr.isTTY) return
      stderr.write(CLEAR_LINE + printable(text).replaceAll('\n', ' '))
      rewriting = true
    },
    fail: (failures) => {
      for (const { code, file, message } of failures) line(stderr, `${code} ${file} ${message}`.replaceAll('\n', ' '))
    },
    ask: async (question) => {
      if (!stdin.isTTY) return null
      // The terminal itself edits the line, so that Ctrl-C stays a signal.
      const lines = createInterface({ input: stdin, output: stderr, terminal: false })
      try {
        return await Promise.race([
          lines.question(question),
          new Promise<string>((end) => lines.once('close', () => end(''))),
        ])
      } finally {
        lines.close()
      }
    },
  }
}
