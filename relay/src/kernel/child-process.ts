import { spawn, type ChildProcess } from 'node:child_process'
import type { Readable } from 'node:stream'
import { createInterface } from 'node:readline'
import { LatchkeyError } from '@latchkey/shared'

/** How a child ended. */
export interface ChildExit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

/** A running child: its output is consumed line by line. */
export interface Child {
  readonly pid: number
  /** Settles once, after exit; never rejects. */
  readonly exited: Promise<ChildExit>
  /** False when it had already ended. */
  kill(signal: NodeJS.Signals): boolean
}

/** What a child inherits: nothing that is not listed here. */
export interface ChildOptions {
  readonly env: Readonly<Record<string, string>>
  readonly cwd?: string
  /** Called for each line on standard output or error; must not throw. */
  readonly onLine?: (line: string) => void
}

function onLines(stream: Readable, onLine: (line: string) => void): void {
  createInterface({ input: stream }).on('line', onLine)
}

function start(command: string, args: readonly string[], options: ChildOptions): Promise<ChildProcess> {
  // Its own session, so that Ctrl-C at a terminal reaches the relay alone, which then stops its children in order.
  const child = spawn(command, args, {
    env: options.env,
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  })
  return new Promise((resolve, reject) => {
    child.once('spawn', () => resolve(child))
    child.once('error', (cause) =>
      reject(new LatchkeyError('DEPENDENCY_MISSING', `cannot start ${command}: is it installed?`, { cause })),
    )
  })
}

/**
 * Starts a program. The only place of the relay that does.
 * @throws DEPENDENCY_MISSING when it cannot be started
 */
export async function spawnChild(command: string, args: readonly string[], options: ChildOptions): Promise<Child> {
  const child = await start(command, args, options)
  const exited = new Promise<ChildExit>((resolve) => child.once('close', (code, signal) => resolve({ code, signal })))
  const onLine = options.onLine ?? (() => {})
  onLines(child.stdout!, onLine)
  onLines(child.stderr!, onLine)
  return { pid: child.pid!, exited, kill: (signal) => child.kill(signal) }
}

/**
 * Runs a program to its end.
 * @returns its exit and the last 40 lines it wrote
 * @throws DEPENDENCY_MISSING when it cannot be started
 */
export async function runChild(
  command: string,
  args: readonly string[],
  options: Omit<ChildOptions, 'onLine'>,
): Promise<ChildExit & { readonly lines: readonly string[] }> {
  const lines: string[] = []
  const onLine = (line: string): void => {
    lines.push(line)
    if (lines.length > 40) lines.shift()
  }
  const child = await spawnChild(command, args, { ...options, onLine })
  return { ...(await child.exited), lines }
}
