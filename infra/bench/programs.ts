import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

/** A file of the project, by its path from the root. */
export const projectFile = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url))

/** What a program printed. @throws with the end of its errors when it did not exit with 0 */
export function mustRun(program: string, args: readonly string[]): string {
  const { status, error, stdout, stderr } = spawnSync(program, args, { encoding: 'utf8' })
  if (error || status !== 0) throw new Error(`${program} failed: ${error?.message ?? stderr.slice(-2_000)}`)
  return stdout
}
