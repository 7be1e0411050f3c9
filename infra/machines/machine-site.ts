/** A machine that is being set up and tried: commands with their outcome. */
import { spawnSync } from 'node:child_process'
import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Account, type Machine, ROOT } from './debian-chroot.ts'

const PROJECT = fileURLToPath(new URL('../../', import.meta.url))

/** What one step on one machine showed. */
export interface Outcome {
  readonly machine: string
  readonly step: string
  readonly passed: boolean
  readonly seconds: number
}

/** Where steps run. */
export interface Site {
  /** @throws with the end of its output when the line fails */
  asRoot(line: string): Promise<void>
  /** Lays the committed HEAD anew, as a newcomer has it: nothing uncommitted, nothing installed. */
  clone(): void
  /** Runs a line in the project's folder and notes whether it ended as expected: with 0, unless told. */
  check(step: string, line: string, expected?: (code: number, output: string) => boolean): Promise<void>
}

function lastLines(file: string, count: number): string {
  const lines = readFileSync(file, 'utf8').trimEnd().split('\n').slice(-count)
  return lines.map((line) => `    | ${line}`).join('\n')
}

function cloneInto(folder: string): void {
  rmSync(folder, { recursive: true, force: true })
  const args = ['clone', '--quiet', '--no-hardlinks', PROJECT, folder]
  const { status, stderr } = spawnSync('git', args, { encoding: 'utf8' })
  if (status !== 0) throw new Error(`git clone failed: ${stderr.trim()}`)
}

/**
 * @param options.project where the project lies on the machine
 * @param options.logs folder for one log file per step
 * @param options.report receives every outcome
 */
export function createSite(
  machine: Machine,
  options: { name: string; account: Account; project: string; logs: string; report: (outcome: Outcome) => void },
): Site {
  const { name, account, project, logs, report } = options
  const logOf = (step: string) => join(logs, `${name}-${step.replaceAll(' ', '-')}.log`)

  return {
    async asRoot(line) {
      const log = logOf('setup')
      if ((await machine.run(ROOT, line, log)) !== 0) throw new Error(`${line}\nfailed:\n${lastLines(log, 20)}`)
    },
    clone() {
      cloneInto(join(machine.folder, project))
      machine.give(project, account)
    },
    async check(step, line, expected = (code) => code === 0) {
      const log = logOf(step)
      rmSync(log, { force: true })
      console.log(`  ${step}: ${line}`)
      const started = performance.now()
      const code = await machine.run(account, `cd ${project} && { ${line}; }`, log)
      const seconds = (performance.now() - started) / 1000
      const passed = expected(code, readFileSync(log, 'utf8'))
      console.log(`    ${passed ? 'pass' : `FAIL (exit code ${code})`} after ${seconds.toFixed(0)} s; ${log}`)
      if (!passed) console.log(lastLines(log, 30))
      report({ machine: name, step, passed, seconds })
    },
  }
}
