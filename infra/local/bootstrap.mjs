// The first thing `npm start`, `npm test` and the other scripts run. Plain JavaScript on purpose: it must run on
// whatever Node a bare machine has, before anything is installed. It installs what is missing, then hands over to the
// Node that package.json pins.
import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { constants } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..')
const modules = join(root, 'node_modules')
const stamp = join(modules, '.latchkey-lock')
const bin = join(modules, '.bin')
const pinnedNode = join(bin, 'node')

/** Task → what it runs, and the Debian programs it cannot do without: program → package. */
const FFMPEG = { ffmpeg: 'ffmpeg' }
const EVERYTHING = {
  ...FFMPEG,
  age: 'age',
  ceph: 'ceph-common',
  'ceph-mon': 'ceph-mon',
  'ceph-osd': 'ceph-osd',
  e2fsck: 'e2fsprogs',
  gpiomon: 'gpiod',
  ip: 'iproute2',
  losetup: 'mount',
  mosquitto: 'mosquitto',
  nginx: 'nginx-light',
  openssl: 'openssl',
  python3: 'python3',
  radosgw: 'radosgw',
  setpriv: 'util-linux',
  'systemd-notify': 'systemd',
  unzip: 'unzip',
  zip: 'zip',
  chromium: 'chromium',
  'chromium-headless-shell': 'chromium-headless-shell',
  git: 'git',
}
const TASKS = {
  start: { run: [join('infra', 'local', 'start.ts')], needs: { ...FFMPEG, setpriv: 'util-linux' } },
  test: { run: [join(bin, 'vitest'), 'run', '--config', join('test', 'vitest.config.ts')], needs: EVERYTHING },
  soak: { run: [join('infra', 'bench', 'soak.ts')], needs: EVERYTHING },
  bench: { run: [join('infra', 'bench', 'bench.ts')], needs: { ...EVERYTHING, motion: 'motion' } },
  machines: { run: [join('infra', 'machines', 'bare-machines.ts')], needs: { mmdebstrap: 'mmdebstrap', git: 'git' } },
  deb: {
    run: [join('infra', 'pi', 'build-deb.ts')],
    needs: { 'dpkg-deb': 'dpkg', git: 'git', gzip: 'gzip', tar: 'tar' },
  },
  check: { run: [join('infra', 'lint', 'check.ts')], needs: {} },
}

function fail(message) {
  process.stderr.write(`${message}\n`)
  process.exit(1)
}

function run(program, args, stdio = 'inherit') {
  const { status, error } = spawnSync(program, args, { cwd: root, stdio })
  if (error) fail(`cannot run ${program}: ${error.message}`)
  return status ?? 1
}

function lockHash() {
  return createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex')
}

function installPackages() {
  if (existsSync(stamp) && existsSync(pinnedNode) && readFileSync(stamp, 'utf8') === lockHash()) return
  process.stderr.write('Installing the npm packages (once)…\n')
  const npm = process.env.npm_execpath
  const args = ['ci', '--no-audit', '--no-fund', '--loglevel=error']
  const status = npm ? run(process.execPath, [npm, ...args]) : run('npm', args)
  if (status !== 0) fail('npm ci failed; the lines above say why')
  writeFileSync(stamp, lockHash())
}

function isInstalled(program) {
  const folders = (process.env.PATH ?? '').split(':').concat('/usr/bin', '/bin', '/usr/sbin')
  return folders.some((folder) => folder && existsSync(join(folder, program)))
}

/** ffmpeg may also come from LATCHKEY_FFMPEG or from the optional package ffmpeg-static. */
function isSatisfied(program) {
  if (program !== 'ffmpeg') return isInstalled(program)
  return (
    Boolean(process.env.LATCHKEY_FFMPEG) || existsSync(join(modules, 'ffmpeg-static', 'ffmpeg')) || isInstalled(program)
  )
}

function installPrograms(needs) {
  const missing = Object.keys(needs).filter((program) => !isSatisfied(program))
  if (missing.length === 0) return
  const packages = [...new Set(missing.map((program) => needs[program]))].join(' ')
  const line = `apt-get install -y --no-install-recommends ${packages}`
  if (process.getuid?.() !== 0 || !isInstalled('apt-get'))
    fail(`Missing: ${missing.join(', ')}. Install with:\n  sudo ${line}\nthen run this again.`)
  process.stderr.write(`Installing ${packages} from Debian's packages (once)…\n`)
  process.env.DEBIAN_FRONTEND = 'noninteractive'
  if (run('apt-get', ['update', '-qq']) !== 0) fail('apt-get update failed; the lines above say why')
  // Its hundred lines of progress say nothing; its errors come on the other stream.
  const quiet = ['ignore', 'ignore', 'inherit']
  if (run('apt-get', [...line.split(' ').slice(1), '-qq', '-o=Dpkg::Use-Pty=0'], quiet) !== 0) fail(`${line} failed`)
}

/**
 * Runs the task to its end. A terminal sends Ctrl-C to the task as well; what is sent to this process alone is passed on.
 * Where setpriv exists the kernel ends the task when this process is killed.
 */
function handOver(args) {
  const setpriv = ['/usr/bin/setpriv', '/bin/setpriv'].find((path) => existsSync(path))
  const line = [...(setpriv ? [setpriv, '--pdeathsig', 'TERM'] : []), pinnedNode, ...args]
  const child = spawn(line[0], line.slice(1), { cwd: root, stdio: 'inherit' })
  // vitest takes a second SIGINT for impatience; our own launcher takes it for the first.
  process.on('SIGINT', () => name === 'start' && child.kill('SIGINT'))
  for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
  child.once('error', (error) => fail(`cannot run ${line[0]}: ${error.message}`))
  child.once('exit', (code, signal) => process.exit(code ?? 128 + constants.signals[signal]))
}

const [name = '', ...rest] = process.argv.slice(2)
const task = TASKS[name]
if (!task) fail(`unknown task ${JSON.stringify(name)}; expected one of ${Object.keys(TASKS).join(', ')}`)
installPackages()
installPrograms(task.needs)
// node_modules/.bin first, so that everything started below runs the pinned Node too.
process.env.PATH = `${bin}:${process.env.PATH ?? ''}`
// Half the time of each of our programs is loading; Node keeps what it has compiled here, if it may.
process.env.NODE_COMPILE_CACHE ??= join(modules, '.cache', 'compiled')
handOver([...task.run, ...rest])
