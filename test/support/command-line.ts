import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

const LATCHKEY = fileURLToPath(new URL('../../shared/bin/latchkey.ts', import.meta.url))

/** How a command ended. */
export interface Ended {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
}

/** A program in `cwd`, its environment ours plus `environment`, nobody at the keyboard. */
export function start(command: readonly string[], cwd: string, environment: NodeJS.ProcessEnv = {}): ChildProcess {
  const [file, ...args] = command as [string, ...string[]]
  return spawn(file, args, {
    cwd,
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
}

/** Waits for a program's end and gives what it said. */
export async function ended(child: ChildProcess): Promise<Ended> {
  const [stdout, stderr]: Buffer[][] = [[], []]
  child.stdout!.on('data', (chunk: Buffer) => stdout!.push(chunk))
  child.stderr!.on('data', (chunk: Buffer) => stderr!.push(chunk))
  const [status] = (await once(child, 'close')) as [number | null]
  return { status, stdout: Buffer.concat(stdout!).toString(), stderr: Buffer.concat(stderr!).toString() }
}

/** Any program, to its end. */
export const run = (command: readonly string[], cwd: string): Promise<Ended> => ended(start(command, cwd))

/** The real `latchkey`, run by the Node that runs the tests. */
export function startLatchkey(
  words: readonly string[],
  cwd: string,
  environment: NodeJS.ProcessEnv = {},
): ChildProcess {
  return start([process.execPath, LATCHKEY, ...words], cwd, environment)
}

/** The real `latchkey`, to its end. */
export function latchkey(words: readonly string[], cwd: string, environment: NodeJS.ProcessEnv = {}): Promise<Ended> {
  return ended(startLatchkey(words, cwd, environment))
}
