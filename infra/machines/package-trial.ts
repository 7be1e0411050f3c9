/** The doorbell's package on a machine that has nothing else: built twice, installed, run, updated, removed, purged. */
import { spawn, spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createMachine, type Machine, prepareBase, ROOT } from './debian-chroot.ts'
import { enableArm64 } from './emulation.ts'
import type { HostConfiguration } from './host-configuration.ts'
import { createSite, type Outcome, type Site } from './machine-site.ts'
import { FORGED_UPDATES, writeVersions } from './package-versions.ts'
import { createSetupScene, setUpAtTerminal, tryWhatSetupWrote } from './setup-trial.ts'
import { startUpdateServer } from './update-server.ts'

const PROJECT = fileURLToPath(new URL('../../', import.meta.url))
const STATE = '/var/lib/latchkey'

/** Where and what is tried. */
export interface PackageTrial {
  readonly name: string
  readonly architecture: 'amd64' | 'arm64'
  /** A package that was built before; null builds it, twice. */
  readonly deb: string | null
  readonly folder: string
  readonly host: HostConfiguration
  readonly keep: boolean
  readonly stop: AbortSignal
  readonly report: (outcome: Outcome) => void
}

/** Steps that happen on this machine rather than on the one that is tried. @returns null when it failed */
async function onHost<T>(trial: PackageTrial, step: string, work: () => T | Promise<T>): Promise<T | null> {
  const started = performance.now()
  console.log(`  ${step}`)
  let result: T | null = null
  try {
    result = await work()
  } catch (error) {
    console.log(`    ${error instanceof Error ? error.message : 'failed'}`)
  }
  const passed = result !== null
  const seconds = (performance.now() - started) / 1000
  console.log(`    ${passed ? 'pass' : 'FAIL'} after ${seconds.toFixed(0)} s`)
  trial.report({ machine: trial.name, step, passed, seconds })
  return result
}

/** Builds the committed HEAD from a clone in `folder`, as somebody else would. @returns the package */
function buildIn(folder: string, { architecture }: PackageTrial): string {
  rmSync(folder, { recursive: true, force: true })
  const clone = join(folder, 'project')
  const run = (program: string, ...args: readonly string[]) => {
    const { status, stdout, stderr } = spawnSync(program, args, { encoding: 'utf8' })
    if (status !== 0) throw new Error(`${program} ${args[0]}: ${stderr.trim()}`)
    return stdout
  }
  run('git', 'clone', '--quiet', PROJECT, clone)
  // Building needs Node alone: no npm ci, no node_modules.
  const output = run(process.execPath, join(clone, 'infra/pi/build-deb.ts'), '--arch', architecture, '--out', folder)
  return /^\/.*\.deb$/m.exec(output)![0]
}

function buildTwice(trial: PackageTrial): string {
  const [one, other] = ['build-a', join('build-b', 'elsewhere')].map((name) => buildIn(join(trial.folder, name), trial))
  if (!readFileSync(one!).equals(readFileSync(other!))) throw new Error('two builds of one commit differ')
  rmSync(join(trial.folder, 'build-b'), { recursive: true })
  return one!
}

/** A program that runs the installed agent, as its account and at its own places, with the walkthrough's camera and relay. */
function writeDoorbell(machine: Machine, path: string): void {
  const text = `#!/bin/sh
# run --config FILE
set -eu
source=$(sed -n 's/.*"source": "\\(.*\\)".*/\\1/p' "$3")
cp "$source" '${machine.folder}/srv/door.mp4'
chmod 0644 '${machine.folder}/srv/door.mp4'
sed -e 's|"source": ".*"|"source": "/srv/door.mp4"|' -e 's|"dataDir": ".*"|"dataDir": "${STATE}"|' "$3" \\
  > '${machine.folder}/etc/latchkey/agent.yml'
exec unshare --mount sh -euc '
mount --make-rprivate /
mount -t proc proc "$1/proc"
mount --rbind /dev "$1/dev"
exec chroot --userspec=latchkey:latchkey "$1" /usr/bin/env -i PATH=/usr/bin:/bin HOME=${STATE} \\
  /usr/bin/latchkey-agent run --config /etc/latchkey/agent.yml' sh '${machine.folder}'
`
  writeFileSync(path, text, { mode: 0o755 })
}

function walkThrough(machine: Machine, { folder, name, stop }: PackageTrial): Promise<string> {
  const at = (part: string) => join(folder, `${name}-${part}`)
  writeDoorbell(machine, at('doorbell'))
  for (const part of ['case', 'data']) rmSync(at(part), { recursive: true, force: true })
  const paths = ['--out', at('case'), '--data', at('data'), '--doorbell', at('doorbell')]
  const args = [join(PROJECT, 'infra/local/start.ts'), '--walkthrough', ...paths]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'inherit', 'inherit'], signal: stop })
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', (code) => {
      if (code === 0) resolve(at('case'))
      else reject(new Error(`the walkthrough ended with ${code}; logs: ${at('data')}`))
    })
  })
}

const UNITS = ['agent.service', 'agent-update.service', 'agent-update.timer', 'agent-update-apply.service']
  .concat('agent-update-apply.timer', 'agent-update-recover.service')
  .map((name) => `/usr/lib/systemd/system/latchkey-${name}`)
  .join(' ')

async function tryInstalled(site: Site): Promise<void> {
  await site.check(
    'install',
    'apt-get update -qq && apt-get install -qq -y --no-install-recommends /srv/latchkey-agent.deb && ffmpeg -version >/dev/null',
  )
  await site.check('commands', 'latchkey-agent --help && latchkey-agent run --help && latchkey-agent config check')
  await site.check(
    'account',
    `getent passwd latchkey && test "$(stat -c '%U %a' ${STATE})" = "latchkey 700" && test ! -e /var/lib/latchkey-update`,
  )
  await site.check(
    'contents',
    'cd /usr/lib/latchkey && bin/node --version | grep ^v24. && for not in fastify pg aedes ffmpeg-static vitest; do test ! -e node_modules/$not; done && test ! -e relay',
  )
  await site.check(
    'units',
    `systemd-analyze verify --man=no ${UNITS} && systemd-analyze security --no-pager --offline=true --threshold=25 ${UNITS.split(' ')[0]}`,
  )
}

const updateFrom = (address: string, health: string) =>
  `latchkey-agent update apply --source ${address}/latchkey-agent-update.json --health '${health}' --health-seconds 8`
const update = (source: string, health: string) => updateFrom(`/srv/updates/${source}`, health)
const WORKS = 'latchkey-agent --help >/dev/null'
const isVersion = (version: string) =>
  `test "$(dpkg-query -W -f '\${Version} \${db:Status-Abbrev}' latchkey-agent)" = "${version} ii " && ${WORKS}`

/** Set up at a terminal by a person with a phone, and whether that was enough. The state folder is left empty. */
async function trySetup(site: Site, machine: Machine, trial: PackageTrial): Promise<void> {
  await using scene = await createSetupScene(join(trial.folder, `${trial.name}-setup`))
  const done = await onHost(trial, 'setup at a terminal', () => setUpAtTerminal(machine, scene))
  if (done === null) return
  await tryWhatSetupWrote(site)
  // The walkthrough that follows is another household's.
  await site.check('setup undone', `find ${STATE} -mindepth 1 -delete && rm /etc/latchkey/camera.address`)
}

/** The good update over real TLS: refused from a stranger, whole or not at all, and then installed. */
async function tryUpdatesOverTls(site: Site, machine: Machine, secrets: string): Promise<void> {
  await using server = await startUpdateServer({ folder: join(machine.folder, 'srv/updates'), secrets })
  cpSync(server.caFile, join(machine.folder, 'srv/authority.pem'))
  const trusting = (line: string) => `export NODE_EXTRA_CA_CERTS=/srv/authority.pem; ${line}`
  const refused = (path: string, words: string) =>
    `if ${updateFrom(`${server.origin}/${path}`, WORKS)} 2>/srv/said; then false; else cat /srv/said; grep -q '${words}' /srv/said && ${isVersion('0.1.0')}; fi`
  await site.check('update from a stranger', `unset NODE_EXTRA_CA_CERTS; ${refused('good', 'is not trusted here')}`)
  await site.check('update led to http', trusting(refused('away/good', 'is not followed')))
  await site.check('update cut off', trusting(refused('cut/good', 'broke off after')))
  await site.check('update good', trusting(`${updateFrom(`${server.origin}/good`, WORKS)} && ${isVersion('0.1.1')}`))
}

async function tryUpdates(site: Site, machine: Machine, secrets: string): Promise<void> {
  await site.check('own keys', `dpkg -i /srv/updates/base.deb && sha256sum /etc/latchkey/agent.yml > /srv/config`)
  for (const { name, code } of FORGED_UPDATES)
    await site.check(
      `update ${name}`,
      `if ${update(name, WORKS)} 2>/srv/said; then false; else cat /srv/said; grep -q ' ${code}: ' /srv/said && ${isVersion('0.1.0')}; fi`,
    )
  await tryUpdatesOverTls(site, machine, secrets)
  await site.check('update rollback', `latchkey-agent update rollback && ${isVersion('0.1.0')}`)
  await site.check('update refused', `! ${update('good', WORKS)} && ${isVersion('0.1.0')}`)
  await site.check('update retried', `${update('good', WORKS)} --retry && ${isVersion('0.1.1')}`)
  await site.check('update sick', `! ${update('sick', WORKS)} && ${isVersion('0.1.1')}`)
  await site.check(
    'update cut short',
    `! ${update('sick', 'kill -KILL $PPID')} --retry; dpkg-query -W -f '\${Version}' latchkey-agent | grep -qx 0.1.2 && sh /var/lib/latchkey-update/recover.sh && ${isVersion('0.1.1')} && test ! -e /var/lib/latchkey-update/recover.sh`,
  )
  await site.check('configuration kept', 'sha256sum --check /srv/config')
}

async function tryRemoval(site: Site): Promise<void> {
  await site.check(
    'remove',
    `apt-get remove -qq -y latchkey-agent && test ! -e /usr/lib/latchkey && test -e /etc/latchkey/agent.yml && test -e ${STATE}/keys`,
  )
  await site.check(
    'purge',
    `rm -rf /srv/* && apt-get purge -qq -y latchkey-agent && ! getent passwd latchkey && left=$(find / -xdev -iname '*latchkey*' -not -path '/var/log/*') && echo "$left" && test -z "$left"`,
  )
}

/** Tries the package of the committed HEAD; every step is reported. */
export async function tryPackage(trial: PackageTrial): Promise<void> {
  const { name, architecture, folder, host, stop, keep, report } = trial
  console.log(`${name}: the doorbell's package on a Debian 13 (${architecture}) with nothing else`)
  if (architecture === 'arm64') enableArm64()
  const built = trial.deb ?? (await onHost(trial, 'build twice, in two folders', () => buildTwice(trial)))
  if (built === null) return
  // Emulated, unpacking the dependencies takes a quarter of an hour: once is enough.
  const packages = architecture === 'arm64' ? ['ffmpeg', 'systemd'] : []
  const tarball = prepareBase(folder, host, { architecture, packages })
  const machine = createMachine(join(folder, name), { tarball, host, stop })
  try {
    const site = createSite(machine, { name, account: ROOT, project: '/', logs: folder, report })
    cpSync(built, join(machine.folder, 'srv/latchkey-agent.deb'))
    await tryInstalled(site)
    if (architecture === 'amd64') await trySetup(site, machine, trial)
    await onHost(trial, 'walkthrough with the installed doorbell', () => walkThrough(machine, trial))
    if (architecture === 'amd64') {
      mkdirSync(join(machine.folder, 'srv/updates'))
      await writeVersions(join(machine.folder, 'srv/updates'), built)
      await tryUpdates(site, machine, join(folder, `${name}-tls`))
    }
    await tryRemoval(site)
  } finally {
    if (!keep) machine.remove()
  }
}
