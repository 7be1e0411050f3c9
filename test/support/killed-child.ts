import { spawn } from 'node:child_process'
import { once } from 'node:events'

/**
 * Runs a script that writes one line per acknowledged deed and dies by SIGKILL, its own or, after `killAfter` lines, ours.
 * @returns the lines of deeds it acknowledged
 */
export async function runKilledChild(
  script: string,
  args: readonly string[],
  killAfter = Number.POSITIVE_INFINITY,
): Promise<string[]> {
  const child = spawn(process.execPath, [script, ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
  let output = ''
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString('utf8')
    if (output.split('\n').length > killAfter) child.kill('SIGKILL')
  })
  const [, signal] = (await once(child, 'close')) as [number | null, string | null]
  if (signal !== 'SIGKILL') throw new Error(`${script} ended without being killed`)
  return output.split('\n').slice(0, -1)
}
