import { type ChildProcess, spawn } from 'node:child_process'
import { createWriteStream, existsSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { LatchkeyError } from '@latchkey/shared'

/** A relay or an agent that this launcher started. */
export interface ManagedProcess {
  readonly pid: number
  /** Resolves with the first output line that `match` turns into something; rejects when the process ends first. */
  waitFor<T>(match: (line: string) => T | null, timeoutMs: number): Promise<T>
  /** Calls back for every line, also those it has said already. */
  listen(onLine: (line: string) => void): void
  /** Resolves, once the process has ended, with a line that says how and where to read more. */
  readonly ended: Promise<string>
  /** SIGTERM, then SIGKILL when it does not end in time. Idempotent. */
  stop(): Promise<void>
}

/** One of our own programs. */
export interface ProgramOptions {
  /** For messages: "the relay". */
  readonly name: string
  /** Absolute path of the TypeScript file, or of a program that runs it elsewhere. */
  readonly script: string
  readonly args: readonly string[]
  /** For Node itself, where `script` is one of ours. */
  readonly nodeFlags?: readonly string[]
  /** Beside what this process has. */
  readonly environment?: Readonly<Record<string, string>>
  /** Where both its outputs go, for people to read. */
  readonly logFile: string
}

/** Everything this launcher started; disposing it stops the newest first, one after the other. */
export interface ProcessKeeper extends AsyncDisposable {
  start(options: ProgramOptions): ManagedProcess
  stopAll(): Promise<void>
}

const STOP_TIMEOUT_MS = 20_000
/** Lines that are kept for those who ask late. */
const MAX_LINES = 1000
const SETPRIV = ['/usr/bin/setpriv', '/bin/setpriv'].find((path) => existsSync(path))

/** Builds a keeper of no processes. */
export function createProcessKeeper(): ProcessKeeper {
  const started: ManagedProcess[] = []
  async function stopAll(): Promise<void> {
    for (const program of started.toReversed()) await program.stop()
  }
  return {
    start(options) {
      const program = startProgram(options)
      started.push(program)
      return program
    },
    stopAll,
    [Symbol.asyncDispose]: stopAll,
  }
}

/**
 * In a process group of its own, so that Ctrl-C reaches this launcher alone, which then stops the doorbell before the
 * relay. The kernel tells it to stop when the launcher ends, however it ends.
 */
function spawnProgram({ script, args, nodeFlags = [], environment }: ProgramOptions): ChildProcess {
  const line = script.endsWith('.ts') ? [process.execPath, ...nodeFlags, script, ...args] : [script, ...args]
  const [command, ...rest] = SETPRIV === undefined ? line : [SETPRIV, '--pdeathsig', 'TERM', ...line]
  return spawn(command!, rest, {
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
    env: { ...process.env, ...environment },
  })
}

/** Calls back for every line of both outputs and keeps them in a file; answers with the last line of standard error. */
function readLines(child: ChildProcess, logFile: string, onLine: (line: string) => void): () => string {
  const log = createWriteStream(logFile, { flags: 'a', mode: 0o600 })
  // A log that cannot be written (a full disk) must not end what it is about.
  log.on('error', () => {})
  let lastWords = ''
  for (const stream of [child.stdout!, child.stderr!]) {
    createInterface({ input: stream }).on('line', (line) => {
      if (stream === child.stderr && line !== '') lastWords = line
      // A pairing address holds a secret in its fragment: it is for the person who is asked to open it, not for a file.
      log.write(`${line.replace(/#v=1&\S+/, '#…')}\n`)
      onLine(line)
    })
  }
  child.once('close', () => log.end())
  return () => lastWords
}

function startProgram(options: ProgramOptions): ManagedProcess {
  const child = spawnProgram(options)
  const lines: string[] = []
  const listeners = new Set<(line: string) => void>()
  const lastWords = readLines(child, options.logFile, (line) => {
    lines.push(line)
    if (lines.length > MAX_LINES) lines.shift()
    for (const listener of listeners) listener(line)
  })
  let gone = false
  const ended = new Promise<string>((resolve) => {
    const tell = (how: string) => {
      gone = true
      const why = lastWords()
      resolve(`${options.name} ended (${how})${why === '' ? '' : `: ${why}`}\nits log: ${options.logFile}`)
    }
    child.once('close', (code, signal) => tell(signal ?? `exit ${code}`))
    child.once('error', (error) => tell(error.message))
  })

  function waitFor<T>(match: (line: string) => T | null, timeoutMs: number): Promise<T> {
    return new Promise((resolve, reject) => {
      const fail = (message: string) => finish(new LatchkeyError('UNAVAILABLE', message))
      const late = `${options.name} did not get ready in ${timeoutMs / 1000} s\nits log: ${options.logFile}`
      const timer = setTimeout(() => fail(late), timeoutMs)
      const finish = (error: Error | null, value?: T) => {
        clearTimeout(timer)
        listeners.delete(listener)
        if (error) reject(error)
        else resolve(value as T)
      }
      const listener = (line: string) => {
        const value = match(line)
        if (value !== null) finish(null, value)
      }
      listeners.add(listener)
      for (const line of [...lines]) listener(line)
      void ended.then(fail)
    })
  }

  let stopping: Promise<void> | undefined

  async function stopOnce(): Promise<void> {
    if (gone) return
    child.kill('SIGTERM')
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS)
    await ended
    clearTimeout(timer)
  }

  // A second signal would be taken for impatience and cut the first stop short.
  const stop = () => (stopping ??= stopOnce())
  const listen = (onLine: (line: string) => void): void => {
    for (const line of lines) onLine(line)
    listeners.add(onLine)
  }
  return { pid: child.pid ?? 0, waitFor, listen, ended, stop }
}
