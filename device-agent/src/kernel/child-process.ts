import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { getDefaultHighWaterMark, type Readable, setDefaultHighWaterMark, type Writable } from 'node:stream'
import { LatchkeyError } from '@latchkey/shared'
import type { Clock } from './clock.ts'

/** One program to run. Secrets never belong in `args`: every user of the machine can read them. */
export interface ChildOptions {
  /** Absolute path. */
  readonly command: string
  readonly args: readonly string[]
  readonly clock: Clock
  /** Beside `PATH` and the locale; never a secret. */
  readonly environment?: Readonly<Record<string, string>>
  /** `pipe` gives a writable `stdin`; the default is an empty input. */
  readonly stdin?: 'pipe' | 'ignore'
  /** Gives a second output, the program's file descriptor 3. */
  readonly secondOutput?: boolean
  /** False: nothing is read from its output before somebody asks, so that pauses in reading are pauses. Default true. */
  readonly readAhead?: boolean
  /** How long SIGTERM may take before SIGKILL. Default 2,000. */
  readonly graceMs?: number
}

/** How a child ended; a code of 0 says nothing about whether it did its work. */
export interface ChildExit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

/** A running program in a process group of its own. */
export interface Child extends AsyncDisposable {
  readonly pid: number
  readonly stdout: Readable
  /** File descriptor 3, when asked for. Untaken data holds the program back. */
  readonly secondOutput: Readable | undefined
  /** Present when asked for; errors on it (a reader that left) are already swallowed, `exited` tells the story. */
  readonly stdin: Writable | undefined
  /** Resolves when the process is gone and its pipes are closed; never rejects. */
  readonly exited: Promise<ChildExit>
  /** The last 4 KiB the program wrote to stderr. Untrusted; may quote the program's own arguments. */
  stderrTail(): string
  /** SIGTERM to the group, SIGKILL after the grace; resolves when it is gone. Idempotent. */
  stop(): Promise<ChildExit>
  /** SIGKILL to the group at once; resolves when it is gone. Idempotent. */
  kill(): Promise<ChildExit>
}

const STDERR_TAIL_BYTES = 4096
/** A fixed environment: ours may hold secrets, and a program must not behave by the shell that started the agent. */
const CHILD_ENVIRONMENT = { PATH: '/usr/local/bin:/usr/bin:/bin', LC_ALL: 'C' }
const SETPRIV = ['/usr/bin/setpriv', '/bin/setpriv'].find((path) => existsSync(path))

/**
 * Where `setpriv` (util-linux) exists, the kernel kills the child the moment this process dies, however it dies:
 * an ffmpeg whose reader is gone but whose camera is silent would otherwise live for ever.
 */
function withDeathSignal(command: string, args: readonly string[]): [string, readonly string[]] {
  return SETPRIV === undefined ? [command, args] : [SETPRIV, ['--pdeathsig', 'KILL', command, ...args]]
}

function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal)
  } catch {
    // ESRCH: the whole group is gone already, which is what was wanted.
  }
}

function keepTail(stream: Readable): () => string {
  let tail = Buffer.alloc(0)
  stream.on('data', (chunk: Buffer) => {
    tail = Buffer.concat([tail, chunk]).subarray(-STDERR_TAIL_BYTES)
  })
  return () => tail.toString('utf8')
}

/** Node takes the size of a pipe's buffer from this setting alone, when it makes the pipe. */
function withoutReadAhead<T>(make: () => T): T {
  const usualBytes = getDefaultHighWaterMark(false)
  setDefaultHighWaterMark(false, 1)
  try {
    return make()
  } finally {
    setDefaultHighWaterMark(false, usualBytes)
  }
}

function exitOf(child: ChildProcess): Promise<ChildExit> {
  return new Promise((resolve) => {
    child.once('close', (code, signal) => resolve({ code, signal }))
    child.once('error', () => resolve({ code: null, signal: null }))
  })
}

/**
 * Starts a program in its own process group, so that it can be ended together with whatever it starts.
 * @throws DEPENDENCY_MISSING when it cannot be started at all
 */
export function spawnChild(options: ChildOptions): Child {
  const {
    command,
    args,
    clock,
    environment,
    stdin = 'ignore',
    secondOutput = false,
    graceMs = 2000,
    readAhead = true,
  } = options
  const [file, argv] = withDeathSignal(command, args)
  const start = () =>
    spawn(file, argv, {
      detached: true,
      env: { ...environment, ...CHILD_ENVIRONMENT },
      stdio: [stdin, 'pipe', 'pipe', ...(secondOutput ? (['pipe'] as const) : [])],
    })
  const child = readAhead ? start() : withoutReadAhead(start)
  const exited = exitOf(child)
  const pid = child.pid
  if (pid === undefined || child.stdout === null || child.stderr === null)
    throw new LatchkeyError('DEPENDENCY_MISSING', `cannot start ${command}`)
  child.stdin?.on('error', () => {})
  child.stdout.on('error', () => {})
  const second = secondOutput ? (child.stdio[3] as Readable) : undefined
  second?.on('error', () => {})
  let gone = false
  child.once('exit', () => {
    gone = true
    // The program may have left children of its own behind, which would also hold its pipes open.
    signalGroup(pid, 'SIGKILL')
  })
  async function end(signal: NodeJS.Signals): Promise<ChildExit> {
    // Nobody reads any more: what is left in a pipe must not hold back `close`.
    child.stdout?.destroy()
    second?.destroy()
    child.stdin?.destroy()
    if (gone) return exited
    signalGroup(pid!, signal)
    const timer = clock.setTimer(graceMs, () => signalGroup(pid!, 'SIGKILL'))
    const exit = await exited
    timer.cancel()
    return exit
  }
  const stop = () => end('SIGTERM')
  return {
    pid,
    stdout: child.stdout,
    secondOutput: second,
    stdin: child.stdin ?? undefined,
    exited,
    stderrTail: keepTail(child.stderr),
    stop,
    kill: () => end('SIGKILL'),
    [Symbol.asyncDispose]: async () => {
      await stop()
    },
  }
}

/** Limits of a program that is run to its end. */
export interface RunOptions extends Omit<ChildOptions, 'stdin'> {
  readonly input?: Uint8Array
  /** More output than this is an error. */
  readonly maxOutputBytes: number
  /** A program still running after this is killed. */
  readonly timeoutMs: number
}

/** What a finished program left. */
export interface RunResult extends ChildExit {
  readonly stdout: Uint8Array
  readonly stderrTail: string
}

/**
 * Runs a program to its end within limits of time and output. Exit codes other than 0 are the caller's to judge.
 * @throws DEPENDENCY_MISSING when it cannot be started; UNAVAILABLE when it ran too long or wrote too much
 */
export async function runChild({ input, maxOutputBytes, timeoutMs, ...options }: RunOptions): Promise<RunResult> {
  await using child = spawnChild({ ...options, stdin: input === undefined ? 'ignore' : 'pipe' })
  let overrun = ''
  const timer = options.clock.setTimer(timeoutMs, () => {
    overrun = `took longer than ${timeoutMs} ms`
    void child.kill()
  })
  const chunks: Buffer[] = []
  let sizeBytes = 0
  child.stdout.on('data', (chunk: Buffer) => {
    sizeBytes += chunk.length
    if (sizeBytes <= maxOutputBytes) return void chunks.push(chunk)
    overrun = `wrote more than ${maxOutputBytes} bytes`
    void child.kill()
  })
  if (input !== undefined) child.stdin?.end(input)
  const exit = await child.exited
  timer.cancel()
  if (overrun !== '') throw new LatchkeyError('UNAVAILABLE', `${options.command} ${overrun}`)
  return { ...exit, stdout: Buffer.concat(chunks), stderrTail: child.stderrTail() }
}

const PROGRAM_TIMEOUT_MS = 5_000
const PROGRAM_OUTPUT_BYTES = 65_536

/** Runs small programs of the system by their names, within 5 s each: what they print, or null when missing or failed. */
export function createProgramRunner(clock: Clock): (name: string, args: readonly string[]) => Promise<string | null> {
  return async (name, args) => {
    const limits = { maxOutputBytes: PROGRAM_OUTPUT_BYTES, timeoutMs: PROGRAM_TIMEOUT_MS }
    const result = await runChild({ command: `/usr/bin/${name}`, args, clock, ...limits }).catch(() => null)
    return result?.code === 0 ? new TextDecoder().decode(result.stdout) : null
  }
}
