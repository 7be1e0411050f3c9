import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DEFAULTS } from '../../config.ts'
import { createClockSource } from '../../seal/clock-source.ts'
import { type Finding, findingsOf, type Patient } from './finding.ts'

const clockFinding = findingsOf('clock')
const heat = findingsOf('heat')
const power = findingsOf('power')
const service = findingsOf('service')

const EARLIEST_MS = Date.UTC(2026, 0, 1)
/** Signed times say how sure they are; beyond this even that is no use. */
const BAD_OFFSET_MS = 60_000
const POOR_OFFSET_MS = 5_000
const SET_NTP = 'sudo timedatectl set-ntp true (package systemd-timesyncd or chrony)'

/** Who keeps the clock, and whether the relay's says the same. `relayMs`: the relay's clock minus ours. */
export async function checkClock({ clock, config, run }: Patient, relayOffsetMs: number | null): Promise<Finding> {
  if (clock.nowMs() < EARLIEST_MS)
    return clockFinding.fail('the clock stands years in the past', `no network time yet: ${SET_NTP}`)
  await using source = await createClockSource({
    clock,
    run: async (name, args) => {
      const result = await run(name, args)
      return result?.code === 0 ? result.stdout : null
    },
    fallbackUncertaintyMs: config.clock?.uncertaintyMs ?? DEFAULTS.uncertaintyMs,
  })
  const { source: kind, uncertaintyMs } = source.statement()
  const offMs = Math.abs(relayOffsetMs ?? 0)
  const beside = relayOffsetMs === null ? '' : `, ${(offMs / 1000).toFixed(0)} s from the relay’s`
  if (offMs > BAD_OFFSET_MS) return clockFinding.fail(`far off${beside}`, SET_NTP)
  if (kind === 'none')
    return clockFinding.warn(`nothing keeps it: records will say ±${uncertaintyMs / 1000} s${beside}`, SET_NTP)
  if (offMs > POOR_OFFSET_MS) return clockFinding.warn(`synchronised${beside}`, 'is the relay’s clock right?')
  return clockFinding.pass(`synchronised within ${uncertaintyMs} ms${beside}`)
}

const WARM_C = 75
const HOT_C = 85

/** The hottest sensor of the kernel. */
export async function checkHeat({ sysPath }: Patient): Promise<Finding> {
  const zones = await readdir(join(sysPath, 'class', 'thermal')).catch(() => [])
  const texts = await Promise.all(
    zones
      .filter((name) => name.startsWith('thermal_zone'))
      .map((name) => readFile(join(sysPath, 'class', 'thermal', name, 'temp'), 'latin1').catch(() => '')),
  )
  const degrees = texts.filter((text) => /^-?\d+\s*$/.test(text)).map((text) => Number(text) / 1000)
  if (degrees.length === 0) return heat.skip('this machine has no sensor')
  const hottest = Math.max(...degrees)
  const text = `${hottest.toFixed(0)} °C`
  if (hottest >= HOT_C) return heat.fail(text, 'it slows down or stops: give it air, shade or a heat sink')
  return hottest >= WARM_C ? heat.warn(text, 'give it air, shade or a heat sink') : heat.pass(text)
}

const UNDER_VOLTAGE_NOW = 1 << 0
const SLOWED_NOW = (1 << 1) | (1 << 2) | (1 << 3)
const UNDER_VOLTAGE_BEFORE = 1 << 16

/** What a Raspberry Pi's firmware says of its power supply. @see vcgencmd(1), get_throttled */
export async function checkPower({ run }: Patient): Promise<Finding> {
  const result = await run('vcgencmd', ['get_throttled'])
  const bits = /^throttled=0x([0-9a-f]{1,8})\s*$/i.exec(result?.stdout ?? '')?.[1]
  if (bits === undefined) return power.skip('only a Raspberry Pi tells (vcgencmd)')
  const state = parseInt(bits, 16)
  const supply = 'use the Pi’s own power supply and a short cable'
  if (state & UNDER_VOLTAGE_NOW) return power.fail('the voltage is too low now', supply)
  if (state & UNDER_VOLTAGE_BEFORE) return power.warn('the voltage was too low since the start', supply)
  if (state & SLOWED_NOW) return power.warn('the processor is slowed down', 'give it air, shade or a heat sink')
  return power.pass('enough voltage since the start')
}

/** Whether systemd starts the doorbell, now and at every boot. */
export async function checkService({ run, running }: Patient): Promise<Finding> {
  const [active, enabled] = await Promise.all([
    run('systemctl', ['is-active', 'latchkey-agent']),
    run('systemctl', ['is-enabled', 'latchkey-agent']),
  ])
  const [now, boot] = [active?.stdout.trim() ?? '', enabled?.stdout.trim() ?? '']
  if (now === '' || now === 'unknown' || boot === '' || boot === 'not-found')
    return running ? service.pass('the doorbell runs, not as a service') : service.skip('not installed as a service')
  if (now === 'failed') return service.fail('it failed', 'journalctl -u latchkey-agent -n 50')
  const start = 'sudo systemctl enable --now latchkey-agent'
  if (now !== 'active')
    return running ? service.warn('the doorbell runs, not as a service', start) : service.fail(`it is ${now}`, start)
  return boot === 'enabled'
    ? service.pass('it runs, and starts at every boot')
    : service.warn('it runs, and does not start at boot', start)
}
