/** `latchkey-agent doctor` on machines where something is broken for real. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, copyFile, mkdir, writeFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { checkConfigFile } from '../../device-agent/src/commands/config.ts'
import { checkButton, checkChime } from '../../device-agent/src/commands/doctor/button.ts'
import { checkDisk, parseMount } from '../../device-agent/src/commands/doctor/disk.ts'
import type { Finding, Patient } from '../../device-agent/src/commands/doctor/finding.ts'
import { checkHome } from '../../device-agent/src/commands/doctor/home.ts'
import { checkClock, checkHeat, checkPower, checkService } from '../../device-agent/src/commands/doctor/machine.ts'
import { checkCamera, checkFfmpeg } from '../../device-agent/src/commands/doctor/media.ts'
import { checkBroker, checkLog, checkPairing, checkRelay } from '../../device-agent/src/commands/doctor/relay.ts'
import { createToolRunner } from '../../device-agent/src/commands/doctor/tools.ts'
import { type AgentConfig, parseAgentConfig } from '../../device-agent/src/config.ts'
import { systemClock } from '../../device-agent/src/kernel/clock.ts'
import { findFreePort } from '../../infra/local/port.ts'
import { createFakeRelay } from '../support/fake-relay.ts'
import { drawScene } from '../support/media-files.ts'
import { createTemporaryFolder } from '../support/temporary-folder.ts'
import { createMosquitto } from '../support/mosquitto.ts'

const MAIN = new URL('../../device-agent/src/main.ts', import.meta.url).pathname

let folder: Awaited<ReturnType<typeof createTemporaryFolder>>
let scene: string

beforeAll(async () => {
  folder = await createTemporaryFolder()
  scene = await drawScene(folder.path)
  await mkdir(`${folder.path}/data`, { mode: 0o700 })
  await mkdir(`${folder.path}/bin`)
})
afterAll(() => folder[Symbol.asyncDispose]())

function patientOf(changes: object = {}, more: Partial<Patient> = {}): Patient {
  const config: AgentConfig = parseAgentConfig({
    dataDir: `${folder.path}/data`,
    camera: { source: scene, name: 'Front door' },
    relay: { origin: 'https://relay.example' },
    ...changes,
  })
  const searchPath = process.env['PATH']!
  return {
    config,
    clock: systemClock,
    run: createToolRunner(`${folder.path}/bin`, systemClock),
    searchPath,
    ffmpegPath: undefined,
    running: false,
    sysPath: `${folder.path}/sys`,
    devicesPath: `${folder.path}/dev`,
    ...more,
  }
}

/** A program of the machine that says `text` and ends with `code`. */
async function tool(name: string, text: string, code = 0): Promise<void> {
  const path = `${folder.path}/bin/${name}`
  await writeFile(path, `#!/bin/sh\ncat <<'END'\n${text}\nEND\nexit ${code}\n`)
  await chmod(path, 0o755)
}

const verdictOf = async (finding: Promise<Finding> | Finding) => {
  const { verdict, text, fix } = await finding
  return { verdict, text, fix: fix ?? '' }
}

describe('what the doctor says of', () => {
  test('ffmpeg: the release, or the line that installs it', async () => {
    const { finding, ffmpeg } = await checkFfmpeg(patientOf())
    expect(finding.verdict).toBe('pass')
    expect(ffmpeg).not.toBeNull()
    const missing = await checkFfmpeg(patientOf({}, { searchPath: `${folder.path}/bin` }))
    const bundled = missing.ffmpeg !== null
    if (!bundled) expect(missing.finding).toMatchObject({ verdict: 'fail', fix: 'sudo apt-get install -y ffmpeg' })
    await tool('not-ffmpeg', 'something else')
    const wrong = await checkFfmpeg(patientOf({}, { ffmpegPath: `${folder.path}/bin/not-ffmpeg` }))
    expect(wrong.finding).toMatchObject({ verdict: 'fail', fix: 'sudo apt-get install -y ffmpeg' })
    await tool('old-ffmpeg', 'ffmpeg version 4.1 Copyright')
    expect((await checkFfmpeg(patientOf({}, { ffmpegPath: `${folder.path}/bin/old-ffmpeg` }))).finding.verdict).toBe(
      'warn',
    )
  })

  test('the camera: what it sends, or why it cannot be used', async () => {
    const { ffmpeg } = await checkFfmpeg(patientOf())
    const good = await verdictOf(checkCamera(patientOf({ camera: { source: scene, name: 'x', rate: 100 } }), ffmpeg))
    expect(good.text).toMatch(/^H\.264, \d+×\d+, \d+ pictures a second, /)
    expect(good.verdict).toMatch(/pass|warn/)
    const source = (text: string) => patientOf({ camera: { source: text, name: 'x' } })
    expect(await verdictOf(checkCamera(source(`${folder.path}/none.mp4`), ffmpeg))).toMatchObject({ verdict: 'fail' })
    const refused = await verdictOf(checkCamera(source(`rtsp://127.0.0.1:${await findFreePort()}/door`), ffmpeg))
    expect(refused).toMatchObject({ verdict: 'fail', text: 'the camera cannot be reached' })
    expect(await verdictOf(checkCamera(source('/dev/video99'), ffmpeg))).toMatchObject({ verdict: 'fail' })
    const busy = { ...source('/dev/video0'), running: true }
    expect(await verdictOf(checkCamera(busy, ffmpeg))).toMatchObject({ verdict: 'skip' })
    expect(await verdictOf(checkCamera(patientOf(), null))).toMatchObject({ verdict: 'skip' })
  })

  test('the disk: room, or what is in the way', async () => {
    const disk = (changes: object) => verdictOf(checkDisk(patientOf(changes)))
    expect(await disk({ spool: { minimumFreeBytes: 1 } })).toMatchObject({
      verdict: expect.stringMatching(/pass|warn/) as string,
    })
    expect(await disk({ spool: { minimumFreeBytes: 2 ** 50 } })).toMatchObject({
      verdict: 'fail',
      text: expect.stringContaining('to be left free') as string,
    })
    expect(await disk({ dataDir: `${folder.path}/missing` })).toMatchObject({
      verdict: 'fail',
      fix: 'sudo latchkey-agent setup',
    })
    expect(await disk({ dataDir: scene })).toMatchObject({
      verdict: 'fail',
      text: expect.stringContaining('no directory') as string,
    })
    // The kernel's own file systems take no file from anybody, root included.
    expect((await disk({ dataDir: '/proc/1' })).verdict).toMatch(/fail|skip/)
    await mkdir(`${folder.path}/open`, { mode: 0o755 })
    await chmod(`${folder.path}/open`, 0o755)
    expect(await disk({ dataDir: `${folder.path}/open` })).toMatchObject({
      verdict: 'fail',
      fix: `sudo chmod 700 ${folder.path}/open`,
    })
  })

  test('a mount: read-only by the mount or by the disk, the longest fitting, names with spaces', () => {
    const text = [
      '22 1 179:2 / / rw,noatime shared:1 - ext4 /dev/mmcblk0p2 rw',
      '30 22 8:1 / /mnt/my\\040disk rw - ext4 /dev/sda1 ro,errors=remount-ro',
      '31 22 8:2 / /mnt ro - vfat /dev/sdb1 rw',
    ].join('\n')
    expect(parseMount(text, '/var/lib/latchkey')).toMatchObject({
      point: '/',
      readOnly: false,
      device: '/dev/mmcblk0p2',
    })
    expect(parseMount(text, '/mnt/my disk/x')).toMatchObject({ point: '/mnt/my disk', readOnly: true })
    expect(parseMount(text, '/mnt/my diskette')).toMatchObject({ point: '/mnt', readOnly: true, type: 'vfat' })
    expect(parseMount('nonsense\n - ', '/')).toBeNull()
  })

  test('the clock: who keeps it, how far it is from the relay’s, and that 1970 is no time', async () => {
    const clock = (offsetMs: number | null, more: Partial<Patient> = {}) =>
      verdictOf(checkClock(patientOf({}, more), offsetMs))
    expect(await clock(0)).toMatchObject({ verdict: 'warn', fix: expect.stringContaining('set-ntp') as string })
    await tool('timedatectl', 'NTPSynchronized=yes')
    expect(await clock(400)).toMatchObject({ verdict: 'pass' })
    expect(await clock(8_000)).toMatchObject({ verdict: 'warn' })
    expect(await clock(-3_600_000)).toMatchObject({ verdict: 'fail' })
    expect(await clock(null, { clock: { ...systemClock, nowMs: () => 1_000 } })).toMatchObject({ verdict: 'fail' })
  })

  test('the relay: answers, refuses, has no name, is something else', async () => {
    await using relay = await createFakeRelay()
    const asked = async (origin: string) => verdictOf((await checkRelay(patientOf({ relay: { origin } }))).finding)
    expect(await asked(relay.origin)).toMatchObject({ verdict: 'pass' })
    expect(await asked(`http://127.0.0.1:${await findFreePort()}`)).toMatchObject({
      verdict: 'fail',
      text: 'cannot be used: it refuses the connection',
    })
    expect((await asked('https://relay.invalid')).verdict).toBe('fail')
    expect(await asked(relay.origin.replace('127.0.0.1', 'localhost'))).toMatchObject({ verdict: 'fail' })
    expect(await asked(relay.origin.replace('http:', 'https:').replace('127.0.0.1', 'localhost'))).toMatchObject({
      verdict: 'fail',
    })
  })

  test('pairing, broker and log of a device that is unpaired, damaged, or another user’s', async () => {
    const unpaired = await checkPairing(patientOf())
    expect(unpaired.finding).toMatchObject({ verdict: 'fail', text: 'not paired: nothing is recorded' })
    expect(await verdictOf(checkBroker(patientOf(), null))).toMatchObject({ verdict: 'skip' })
    expect(await verdictOf(checkLog(patientOf(), null))).toMatchObject({ verdict: 'skip' })
    await mkdir(`${folder.path}/damaged/keys`, { recursive: true })
    await writeFile(`${folder.path}/damaged/keys/pairing.json`, '{')
    const damaged = await checkPairing(patientOf({ dataDir: `${folder.path}/damaged` }))
    expect(damaged.finding).toMatchObject({ verdict: 'fail', fix: 'sudo latchkey-agent setup' })
  })

  test('home broker: none, away, one that refuses us, there', async () => {
    const user = { name: 'doorbell', password: 'right' }
    await using strict = await createMosquitto({ user })
    await using open = await createMosquitto()
    const [usernameFile, passwordFile] = [`${folder.path}/home.username`, `${folder.path}/home.password`]
    await writeFile(usernameFile, user.name)
    await writeFile(passwordFile, 'hunter2')
    const home = (section: object) => verdictOf(checkHome(patientOf({ home: section })))
    expect(await verdictOf(checkHome(patientOf()))).toMatchObject({ verdict: 'skip' })
    expect(await home({ broker: 'mqtt://127.0.0.1:9' })).toMatchObject({ verdict: 'fail' })
    const refused = await home({ broker: strict.url, usernameFile, passwordFile })
    expect(refused).toMatchObject({ verdict: 'fail' })
    expect(JSON.stringify(refused)).not.toContain('hunter2')
    expect(await home({ broker: open.url, usernameFile: '/nowhere' })).toMatchObject({ verdict: 'fail' })
    expect(await home({ broker: open.url })).toMatchObject({ verdict: 'warn' })
  })

  test('button and chime: none, missing, there', async () => {
    expect(await verdictOf(checkButton(patientOf()))).toMatchObject({ verdict: 'skip' })
    const input = (device: string) => verdictOf(checkButton(patientOf({ button: { input: { device } } })))
    expect(await input('/dev/input/none')).toMatchObject({ verdict: 'fail' })
    expect(await input('/dev/null')).toMatchObject({ verdict: 'pass' })
    expect(await verdictOf(checkButton(patientOf({ button: { gpio: { line: 'NO_SUCH_LINE' } } })))).toMatchObject({
      verdict: 'fail',
    })
    const gpio = (section: object) => verdictOf(checkButton(patientOf({ button: { gpio: section } })))
    const [named, placed] = [{ line: 'GPIO17' }, { chip: 'gpiochip4', offset: 17 }]
    for (const section of [named, placed])
      expect(await gpio(section)).toMatchObject({ verdict: 'fail', text: 'this machine has no GPIO chip' })
    await mkdir(`${folder.path}/dev`)
    for (const name of ['gpiochip10', 'gpiochip2', 'gpio', 'gpiomem']) await writeFile(`${folder.path}/dev/${name}`, '')
    expect(await gpio(placed)).toMatchObject({
      verdict: 'fail',
      text: 'gpiochip4 is not there; this machine has gpiochip2, gpiochip10',
      fix: expect.stringContaining('gpiodetect') as string,
    })
    expect(await gpio({ ...placed, chip: 'gpiochip2' })).toMatchObject({
      verdict: 'pass',
      text: expect.stringContaining('GPIO line gpiochip2 offset 17') as string,
    })
    expect(await gpio(named)).toMatchObject({
      verdict: 'fail',
      text: expect.stringContaining('is called GPIO17') as string,
    })
    // libgpiod 1.6 and 2 have different programs that say nearly the same.
    await tool('gpiofind', 'gpiochip10 17')
    await tool('gpioinfo', 'gpiochip10 17\t"GPIO17"\tinput')
    expect(await gpio(named)).toMatchObject({
      verdict: 'pass',
      text: expect.stringContaining('GPIO line GPIO17 (gpiochip10 offset 17)') as string,
    })
    const chime = (program: string) => verdictOf(checkChime(patientOf({ button: { chime: { command: [program] } } })))
    expect(await chime('/nowhere/aplay')).toMatchObject({ verdict: 'fail' })
    expect(await chime('/bin/sh')).toMatchObject({ verdict: 'pass' })
  })

  test('heat and power: a machine without sensors, a warm one, a hot one, too little voltage now and before', async () => {
    expect(await verdictOf(checkHeat(patientOf()))).toMatchObject({ verdict: 'skip' })
    const zone = `${folder.path}/sys/class/thermal/thermal_zone0`
    await mkdir(zone, { recursive: true })
    for (const [milli, verdict] of [
      ['48312\n', 'pass'],
      ['77000\n', 'warn'],
      ['91000\n', 'fail'],
    ] as const) {
      await writeFile(`${zone}/temp`, milli)
      expect(await verdictOf(checkHeat(patientOf()))).toMatchObject({ verdict })
    }
    expect(await verdictOf(checkPower(patientOf()))).toMatchObject({ verdict: 'skip' })
    for (const [bits, verdict] of [
      ['0x0', 'pass'],
      ['0x50000', 'warn'],
      ['0x50005', 'fail'],
      ['0x4', 'warn'],
    ] as const) {
      await tool('vcgencmd', `throttled=${bits}`)
      expect(await verdictOf(checkPower(patientOf()))).toMatchObject({ verdict })
    }
  })

  test('the service: absent, failed, stopped, not at boot, running', async () => {
    expect(await verdictOf(checkService(patientOf()))).toMatchObject({ verdict: 'skip' })
    const states = [
      ['failed', 'enabled', 'fail'],
      ['inactive', 'disabled', 'fail'],
      ['active', 'disabled', 'warn'],
      ['active', 'enabled', 'pass'],
    ] as const
    for (const [active, enabled, verdict] of states) {
      const path = `${folder.path}/bin/systemctl`
      await writeFile(path, `#!/bin/sh\n[ "$1" = is-active ] && echo ${active} && exit 3\necho ${enabled}\n`)
      await chmod(path, 0o755)
      expect(await verdictOf(checkService(patientOf()))).toMatchObject({ verdict })
    }
  })
})

test('as a program: one line each with the fix, no colour into a pipe, JSON when asked, and exit code 1', async () => {
  const path = `${folder.path}/agent.yml`
  await copyFile('/dev/null', path)
  const config = {
    dataDir: `${folder.path}/data`,
    camera: { source: `${folder.path}/none.mp4`, name: 'Front door' },
    relay: { origin: `http://127.0.0.1:${await findFreePort()}` },
  }
  await writeFile(path, JSON.stringify(config))
  expect(await checkConfigFile(path)).toEqual([])
  const doctor = async (...args: string[]) => {
    const child = spawn(process.execPath, [MAIN, 'doctor', '--config', path, ...args], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    let text = ''
    child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()))
    const [code] = (await once(child, 'close')) as [number]
    return { code, text }
  }
  const [plain, json] = await Promise.all([doctor(), doctor('--json')])
  expect(plain.code).toBe(1)
  expect(plain.text).toMatch(/relay +cannot be used: it refuses the connection\n +-> is the relay running\?/)
  expect(plain.text).not.toContain('\u001b')
  expect(plain.text).not.toContain('Front door')
  expect(json.code).toBe(1)
  const { ok, findings } = JSON.parse(json.text) as { ok: boolean; findings: Finding[] }
  expect(ok).toBe(false)
  expect(findings.map(({ check }) => check)).toEqual([
    ...['config', 'ffmpeg', 'camera', 'disk', 'clock', 'relay', 'pairing', 'broker', 'log', 'home', 'button', 'chime'],
    ...['heat', 'power', 'service'],
  ])
  expect(findings.filter(({ verdict, fix }) => (verdict === 'fail' || verdict === 'warn') && !fix)).toEqual([])
}, 60_000)
