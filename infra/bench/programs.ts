import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** A file of the project, by its path from the root. */
export const projectFile = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url))

/** What a program printed. @throws with the end of its errors when it did not exit with 0 */
export function mustRun(program: string, args: readonly string[]): string {
  const { status, error, stdout, stderr } = spawnSync(program, args, { encoding: 'utf8' })
  if (error || status !== 0) throw new Error(`${program} failed: ${error?.message ?? stderr.slice(-2_000)}`)
  return stdout
}

/** A doorbell without an owner records nothing and costs nothing: no bench may measure one. @param folder of `npm start` */
export function assertPaired(folder: string): void {
  const words = ['status', '--json', '--config', join(folder, 'demo', 'agent.json')]
  const status = JSON.parse(mustRun(process.execPath, [projectFile('device-agent/src/main.ts'), ...words])) as {
    readonly pairing: { readonly paired: boolean }
  }
  if (!status.pairing.paired) throw new Error(`the doorbell in ${folder} has no owner`)
}
