import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { eventually } from './poll.ts'

/** A real pseudo-terminal: what comes in is typed, what the program shows goes out. */
const PROGRAM = `
import fcntl, os, pty, select, struct, sys, termios
columns, rows = int(sys.argv[1]), int(sys.argv[2])
pid, master = pty.fork()
if pid == 0:
    os.execvp(sys.argv[3], sys.argv[3:])
fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack('HHHH', rows, columns, 0, 0))
typing = True
while True:
    ready, _, _ = select.select([master] + ([0] if typing else []), [], [])
    if master in ready:
        try:
            shown = os.read(master, 65536)
        except OSError:
            break
        if not shown:
            break
        os.write(1, shown)
    if 0 in ready:
        typed = os.read(0, 65536)
        if typed:
            os.write(master, typed)
        else:
            typing = False
status = os.waitpid(pid, 0)[1]
sys.exit(os.waitstatus_to_exitcode(status) % 256)
`

/** Somebody at a terminal. */
export interface PtySession extends AsyncDisposable {
  /** Everything shown so far, escape sequences included. */
  screen(): string
  /** Waits until `text` is shown behind what was waited for before. */
  sees(text: string | RegExp, timeoutMs?: number): Promise<string>
  type(text: string): void
  /** Types a line and presses Enter. */
  answer(line: string): void
  /** Resolves to the program's exit code. */
  ended(): Promise<number>
}

/** Runs a program in a pseudo-terminal of its own. */
export function startPty(
  command: readonly string[],
  { columns = 100, rows = 40, env }: { columns?: number; rows?: number; env: NodeJS.ProcessEnv },
): PtySession {
  const child = spawn('python3', ['-c', PROGRAM, String(columns), String(rows), ...command], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env,
  })
  let text = ''
  let seen = 0
  child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()))
  child.stdin.on('error', () => {})
  const exit = once(child, 'close') as Promise<[number | null]>
  return {
    screen: () => text,
    sees: async (wanted, timeoutMs = 30_000) => {
      const pattern = typeof wanted === 'string' ? wanted : new RegExp(wanted)
      return eventually(
        () => {
          const rest = text.slice(seen)
          const at = typeof pattern === 'string' ? rest.indexOf(pattern) : rest.search(pattern)
          if (at < 0) return null
          const found = typeof pattern === 'string' ? pattern : pattern.exec(rest)![0]
          seen += at + found.length
          return found
        },
        `${String(wanted)} at the terminal, which shows: ${text.slice(-600)}`,
        timeoutMs,
      )
    },
    type: (keys) => void child.stdin.write(keys),
    answer: (line) => void child.stdin.write(`${line}\r`),
    ended: async () => (await exit)[0] ?? -1,
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL')
      await exit
    },
  }
}
