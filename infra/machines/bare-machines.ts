/** `npm run machines`: does a newcomer's first hour work? Clean Debian 13 machines, one after the other. */
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { createMachine, NEWCOMER_BASE, prepareBase } from './debian-chroot.ts'
import { tryEvidence } from './evidence-trial.ts'
import { loadHostConfiguration } from './host-configuration.ts'
import { MACHINE_KINDS, type MachineKind } from './machine-kinds.ts'
import { createSite, type Outcome } from './machine-site.ts'
import { tryPackage } from './package-trial.ts'

const HELP = `npm run machines -- [options]
Makes clean Debian 13 machines in folders, clones the committed HEAD into each, and runs npm start and npm test there.
The package steps build the doorbell's package from the committed HEAD, install it on a machine with nothing else, run the
walkthrough with it, update it, remove it. The evidence step opens a bundle as the README says, on a machine with Debian's own
programs and nothing of this project. Needs root, mmdebstrap and git; package-arm64 on a PC also qemu-user-static.

  --only NAME   one machine: ${MACHINE_KINDS.map(({ name }) => name).join(', ')}
  --step NAME   one step: walkthrough, test, evidence, package, package-arm64 (default: all but the last, which is emulated)
  --deb FILE    package steps: try this package instead of building one
  --cache DIR   keep the base system and the logs there (default: a temporary folder)
  --keep        leave the machines in place`

const STEPS: Readonly<Record<string, string>> = {
  walkthrough: 'npm start -- --walkthrough --out /tmp/case && test -s /tmp/case/report.json',
  test: 'npm test',
}

function parseOptions(args: readonly string[]) {
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: { type: 'string' },
      step: { type: 'string' },
      cache: { type: 'string' },
      deb: { type: 'string' },
      keep: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  const kinds = MACHINE_KINDS.filter(({ name }) => values.only === undefined || values.only === name)
  const steps = Object.keys(STEPS).filter((name) => values.step === undefined || values.step === name)
  const packages = (['package', 'package-arm64'] as const).filter((name) =>
    values.step === undefined ? name === 'package' && values.only === undefined : values.step === name,
  )
  const evidence = values.step === undefined ? values.only === undefined : values.step === 'evidence'
  return { ...values, kinds, steps, packages, evidence }
}

function markdownOf(outcomes: readonly Outcome[]): string {
  const rows = outcomes.map(({ machine, step, passed, seconds }) => [
    machine,
    step,
    passed ? 'pass' : 'FAIL',
    `${seconds.toFixed(0)} s`,
  ])
  const head = ['machine', 'step', 'result', 'took']
  return [head, head.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n')
}

async function main(): Promise<number> {
  const { kinds, steps, packages, evidence, cache, deb, keep, help } = parseOptions(process.argv.slice(2))
  if (help || kinds.length === 0 || (steps.length + packages.length === 0 && !evidence)) {
    console.log(HELP)
    return help ? 0 : 2
  }
  if (process.getuid?.() !== 0 || !existsSync('/usr/bin/mmdebstrap')) {
    console.error('Making machines needs root, and: apt-get install -y --no-install-recommends mmdebstrap')
    return 1
  }
  const host = loadHostConfiguration()
  const folder = cache === undefined ? mkdtempSync(join(tmpdir(), 'latchkey-machines-')) : resolve(cache)
  mkdirSync(folder, { recursive: true })
  console.log(`Base system and logs: ${folder}; packages: ${host.mirror}`)
  const outcomes: Outcome[] = []
  const stop = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort())

  async function tryKind({ name, what, account, project, install }: MachineKind): Promise<void> {
    console.log(`${name}: ${what}`)
    const tarball = prepareBase(folder, host, NEWCOMER_BASE)
    const machine = createMachine(join(folder, name), { tarball, host, stop: stop.signal })
    const report = (outcome: Outcome) => void outcomes.push(outcome)
    try {
      const site = createSite(machine, { name, account, project, logs: folder, report })
      await install(site)
      for (const step of steps) await site.check(step, STEPS[step]!)
    } finally {
      if (!keep) machine.remove()
    }
  }

  const note = (outcome: Outcome) => void outcomes.push(outcome)
  if (steps.length > 0) for (const kind of kinds) await tryKind(kind)
  if (evidence) await tryEvidence({ folder, host, keep, stop: stop.signal, report: note })
  for (const name of packages) {
    const architecture = name === 'package' ? 'amd64' : 'arm64'
    const report = (outcome: Outcome) => void outcomes.push(outcome)
    await tryPackage({ name, architecture, deb: deb ?? null, folder, host, keep, stop: stop.signal, report })
  }
  const passed = outcomes.every((outcome) => outcome.passed)
  if (cache === undefined && passed && !keep) rmSync(folder, { recursive: true })
  console.log(`\n${markdownOf(outcomes)}`)
  return passed ? 0 : 1
}

try {
  process.exitCode = await main()
} catch (error) {
  console.error(error instanceof Error && error.name === 'AbortError' ? 'Stopped.' : error)
  process.exitCode = 1
}
