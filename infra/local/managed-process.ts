import { type ChildProcess, spawn } from 'node:child_process'
import { createWriteStream } from 'node:fs'
import { createInterface } from 'node:readline'

/** A relay or an agent that this launcher started. */
export interface ManagedProcess {
  readonly pid: number
  /** Resolves with the first output line that `match` turns into something; rejects when the process ends first. */
  waitFor<T>(match: (line: string) => T | null, timeoutMs: number): Promise<T>
  /** Resolves with the exit code once the process has ended. */
  readonly ended: Promise<number>
  /** SIGTERM, then SIGKILL when it does not end in time. */
  stop(): Promise<number>
}

const STOP_TIMEOUT_MS = 20_000

/**
 * Starts one of our own programs under the Node that runs this.
 * @param options.script file below the project's root
 * @param options.logFile where both its outputs go, for people to read
 */
export function startProcess(options: {
  name: string
  script: string
  args: readonly string[]
  logFile: string
}): ManagedProcess {
  const child: ChildProcess = spawn(process.execPath, [options.script, ...options.args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const log = createWriteStream(options.logFile, { flags: 'a', mode: 0o600 })
  const lines: string[] = []
  const listeners = new Set<(line: string) => void>()
  for (const stream of [child.stdout!, child.stderr!]) {
    createInterface({ input: stream }).on('line', (line) => {
      lines.push(line)
      // A pairing address holds a secret in its fragment: it is for the person who is asked to open it, not for a file.
      log.write(`${line.replace(/#v=1&\S+/, '#…')}\n`)
      for (const listener of listeners) listener(line)
    })
  }
  const ended = new Promise<number>((resolve) => {
    child.once('exit', (code, signal) => resolve(code ?? (signal === null ? 1 : 128)))
    child.once('error', () => resolve(127))
  })

  function waitFor<T>(match: (line: string) => T | null, timeoutMs: number): Promise<T> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => finish(new Error(`${options.name} did not get ready; see ${options.logFile}`)),
        timeoutMs,
      )
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
      void ended.then((code) => finish(new Error(`${options.name} ended with ${code}; see ${options.logFile}`)))
    })
  }

  async function stop(): Promise<number> {
    if (child.exitCode === null) child.kill('SIGTERM')
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS)
    const code = await ended
    clearTimeout(timer)
    return code
  }

  return { pid: child.pid ?? 0, waitFor, ended, stop }
}
