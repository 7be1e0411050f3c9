import { LatchkeyError } from '@latchkey/shared'
import { createInterface } from 'node:readline/promises'
import { Writable } from 'node:stream'
import type { Terminal } from '../terminal.ts'

/** One of several answers. */
export interface Choice<T> {
  readonly value: T
  readonly label: string
}

/** What is wrong with an answer, or null. */
export type CheckAnswer = (answer: string) => string | null

/** A conversation with the person at the terminal, or with nobody: then only defaults answer. */
export interface Dialogue extends Disposable {
  /** Nobody is asked: defaults hold. */
  readonly unattended: boolean
  /** Aborts when the person wants to leave: Ctrl-C, or the end of the input. */
  readonly signal: AbortSignal
  /**
   * A line of text; the default by pressing Enter. What `check` refuses is asked for again.
   * @throws USAGE naming `option` when nobody is there and there is no default; UNAVAILABLE when the person left
   */
  ask(question: string, about: { option: string; fallback?: string; check?: CheckAnswer }): Promise<string>
  /** A line that is not shown while it is typed. Empty is an answer. @throws like {@link ask} */
  secret(question: string, about: { option: string }): Promise<string>
  confirm(question: string, fallback: boolean): Promise<boolean>
  /** One of `choices` by its number; the first is the default. @throws like {@link ask} */
  choose<T>(question: string, choices: readonly Choice<T>[], about: { option: string }): Promise<T>
}

/** What a person who left is told. */
export const LEFT = 'stopped'

/** Standard input and output as a dialogue. `unattended`: never ask. */
export function createDialogue(terminal: Terminal, { unattended }: { unattended: boolean }): Dialogue {
  const leaving = new AbortController()
  const { signal } = leaving
  let muted = false
  // What is typed is echoed here, by readline: a secret must not be.
  const output = new Writable({
    write(chunk: Buffer, _encoding, done) {
      if (!muted) process.stdout.write(chunk)
      done()
    },
  })
  const lines = unattended ? null : createInterface({ input: process.stdin, output, terminal: true })
  lines?.on('SIGINT', () => leaving.abort())
  lines?.on('close', () => leaving.abort())
  const onSignal = () => leaving.abort()
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, onSignal)

  async function line(prompt: string): Promise<string> {
    if (lines === null || signal.aborted) throw new LatchkeyError('UNAVAILABLE', LEFT)
    try {
      return (await lines.question(prompt, { signal })).trim()
    } catch (cause) {
      throw new LatchkeyError('UNAVAILABLE', LEFT, { cause })
    }
  }

  const prompt = (question: string, hint: string): string =>
    `${terminal.tone('strong', question)}${hint === '' ? '' : ` ${terminal.tone('faint', `[${hint}]`)}`}: `

  function unanswered(option: string): LatchkeyError {
    return new LatchkeyError('USAGE', `nobody to ask: give ${option}; see latchkey-agent setup --help`)
  }

  const dialogue: Dialogue = {
    unattended,
    signal,
    async ask(question, { option, fallback, check = () => null }) {
      for (;;) {
        if (unattended && fallback === undefined) throw unanswered(option)
        const answer = unattended ? fallback! : (await line(prompt(question, fallback ?? ''))) || (fallback ?? '')
        const finding = answer === '' ? 'an answer is needed' : check(answer)
        if (finding === null) return answer
        if (unattended) throw new LatchkeyError('USAGE', `${option}: ${finding}`)
        terminal.write(`  ${terminal.tone('bad', finding)}\n`)
      }
    },
    async secret(question, { option }) {
      if (unattended) throw unanswered(option)
      process.stdout.write(prompt(question, 'not shown'))
      muted = true
      try {
        return await line('')
      } finally {
        muted = false
        process.stdout.write('\n')
      }
    },
    async confirm(question, fallback) {
      if (unattended) return fallback
      for (;;) {
        const answer = (await line(prompt(question, fallback ? 'Y/n' : 'y/N'))).toLowerCase()
        if (answer === '') return fallback
        if (['y', 'yes'].includes(answer)) return true
        if (['n', 'no'].includes(answer)) return false
      }
    },
    async choose(question, choices, { option }) {
      if (unattended) throw unanswered(option)
      terminal.write(`${terminal.tone('strong', question)}\n`)
      choices.forEach(({ label }, i) => terminal.write(`  ${i + 1}  ${label}\n`))
      const isNumber = (answer: string) =>
        /^\d{1,3}$/.test(answer) && choices[Number(answer) - 1] !== undefined
          ? null
          : `a number from 1 to ${choices.length}`
      const answer = await dialogue.ask('Number', { option, fallback: '1', check: isNumber })
      return choices[Number(answer) - 1]!.value
    },
    [Symbol.dispose]() {
      for (const name of ['SIGINT', 'SIGTERM'] as const) process.off(name, onSignal)
      lines?.close()
    },
  }
  return dialogue
}
