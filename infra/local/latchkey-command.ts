import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { LatchkeyError } from '@latchkey/shared'

const PROGRAM = fileURLToPath(new URL('../../shared/bin/latchkey.ts', import.meta.url))

/**
 * Runs the `latchkey` command line as a person would and answers with what it printed.
 * @throws INTERNAL with its output when it did not exit with 0
 */
export function latchkey(...args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync(process.execPath, [PROGRAM, ...args], { encoding: 'utf8' })
  if (status !== 0) throw new LatchkeyError('INTERNAL', `latchkey ${args[0]} did not pass:\n${stdout}${stderr}`)
  return stdout
}
