import { codeOf, LatchkeyError } from '@latchkey/shared'
import type { ButtonState } from '../flow.ts'
import { createBackoff } from '../kernel/backoff.ts'
import { type Child, spawnChild } from '../kernel/child-process.ts'
import type { Clock } from '../kernel/clock.ts'
import type { Log } from '../kernel/log.ts'
import { createWaker } from '../kernel/waker.ts'
import type { OnPress, PressProgram } from './press-reader.ts'

/** What the watch needs. */
export interface PressWatchOptions {
  /** Looks at the machine anew before every start. @throws when it cannot be started now */
  readonly prepare: () => Promise<PressProgram>
  readonly onPress: OnPress
  /** Told when it changes. */
  readonly onState: (state: ButtonState) => void
  readonly clock: Clock
  readonly log: Log
  readonly random: () => number
  /** Mean of the first pause after the contact was lost. Default 500. */
  readonly retryBaseMs?: number
}

/** The contact, watched until it is disposed. */
export interface PressWatch extends AsyncDisposable {
  readonly state: ButtonState
}

/** A bell that is deaf for longer than this has lost somebody. */
const MAX_RETRY_MS = 10_000
/** A program that lives this long has the contact: it fails at once when it cannot get it. */
const SETTLED_MS = 500
const HEALTHY_MS = 60_000

/** The last thing a program said, as one line that fits a log. Untrusted. */
function lastWords(text: string): string {
  const line = text.trim().split('\n').at(-1) ?? ''
  return line.replaceAll(/[^\x20-\x7e]/g, '?').slice(0, 160)
}

/** Reads a contact through a program for as long as it takes: a device that vanishes is looked for until it is back. */
export function watchPresses(options: PressWatchOptions): PressWatch {
  const { clock, log, onPress } = options
  const waker = createWaker(clock)
  const backoff = createBackoff({
    baseMs: options.retryBaseMs ?? 500,
    maxMs: MAX_RETRY_MS,
    random: options.random,
  })
  let state: ButtonState = 'starting'
  let child: Child | null = null

  function enter(next: ButtonState, reason?: string): void {
    if (next === state) return
    state = next
    if (next === 'lost') log.error({ reason }, 'the button cannot be read: nobody is heard ringing; trying again')
    else log.info('the button is watched')
    options.onState(next)
  }

  /** Resolves to what it said when the program has ended. */
  async function runOnce(): Promise<string> {
    const program = await options.prepare()
    if (waker.isStopped()) return ''
    const startedMs = clock.monotonicMs()
    const running = spawnChild({ command: program.command, args: program.args, clock })
    child = running
    const reader = program.createReader((agoMs) => {
      enter('watching')
      onPress(agoMs)
    })
    running.stdout.on('data', (chunk: Buffer) => reader.take(chunk))
    const settled = clock.setTimer(SETTLED_MS, () => enter('watching'))
    const { code, signal } = await running.exited
    settled.cancel()
    reader.stop()
    child = null
    if (clock.monotonicMs() - startedMs >= HEALTHY_MS) backoff.reset()
    return lastWords(running.stderrTail()) || `ended with ${signal ?? code}`
  }

  async function run(): Promise<void> {
    while (!waker.isStopped()) {
      const reason = await runOnce().catch((error: unknown) =>
        error instanceof LatchkeyError ? error.message : codeOf(error),
      )
      if (waker.isStopped()) return
      enter('lost', reason)
      await waker.wait(backoff.nextDelayMs())
    }
  }

  const running = run()
  return {
    get state() {
      return state
    },
    [Symbol.asyncDispose]: async () => {
      waker.stop()
      await child?.stop()
      await running
    },
  }
}
