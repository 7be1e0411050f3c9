import { expect, test } from 'vitest'
import {
  createClockSource,
  parseChronyTracking,
  parseTimedatectl,
  UNKNOWN_UNCERTAINTY_MS,
} from '../../device-agent/src/seal/clock-source.ts'
import type { Clock } from '../../device-agent/src/kernel/clock.ts'
import { createLeapingClock } from '../support/leaping-clock.ts'

const TRACKING =
  'C0A80001,192.168.0.1,3,1700000000.000000000,0.000250000,0.000001,0.000002,1.5,0.001,0.02,0.020000000,0.001500000,64.2,Normal'

test('chrony: offset, half the root delay and the root dispersion bound the error', () => {
  expect(parseChronyTracking(TRACKING)).toEqual({ source: 'ntp', offsetMs: 0, uncertaintyMs: 13 })
})

test('chrony that is not synchronised, or says something else, counts for nothing', () => {
  expect(parseChronyTracking(TRACKING.replace('Normal', 'Not synchronised'))).toBeNull()
  expect(parseChronyTracking('506 Cannot talk to daemon')).toBeNull()
  expect(parseChronyTracking(TRACKING.replace('0.020000000', 'x'))).toBeNull()
})

test('timedatectl counts only when it says yes', () => {
  expect(parseTimedatectl('Timezone=UTC\nNTPSynchronized=yes\n').reading).toMatchObject({ source: 'ntp' })
  expect(parseTimedatectl('NTPSynchronized=no\n')).toEqual({ reading: null, hasClient: false, rtcMs: null })
  expect(parseTimedatectl('NTP=yes\nRTCTimeUSec=Sun 2026-11-22 20:32:45 UTC\n')).toMatchObject({
    hasClient: true,
    rtcMs: Date.UTC(2026, 10, 22, 20, 32, 45),
  })
  expect(parseTimedatectl('RTCTimeUSec=n/a\n').rtcMs).toBeNull()
})

test('without either the configured uncertainty is claimed, and no source', async () => {
  const clock = createLeapingClock(1_700_000_000_000)
  const run = () => Promise.resolve(null)
  await using source = await createClockSource({ clock, run, fallbackUncertaintyMs: 4_321 })
  expect(source.statement()).toMatchObject({ source: 'none', offsetMs: 0, uncertaintyMs: 4_321 })
})

/** A machine that boots in 1970, and whose time service sets the clock when it is told to. */
function createLateMachine(startMs: number) {
  const state = { monotonicMs: 5_000, originMs: startMs, synchronised: false }
  const clock: Clock = {
    nowMs: () => state.originMs + state.monotonicMs,
    monotonicMs: () => state.monotonicMs,
    sleep: (_, signal) => new Promise((resolve) => signal?.addEventListener('abort', () => resolve(), { once: true })),
    setTimer: () => ({ cancel: () => {} }),
  }
  const run = (program: string) =>
    Promise.resolve(
      program === 'timedatectl' ? `NTP=yes\nNTPSynchronized=${state.synchronised ? 'yes' : 'no'}\n` : null,
    )
  const synchronise = (trueOriginMs: number) => Object.assign(state, { originMs: trueOriginMs, synchronised: true })
  return { state, clock, run, synchronise }
}

test('before the first synchronisation of a boot nothing is claimed, after it earlier times are corrected', async () => {
  const machine = createLateMachine(0)
  let settled = 0
  await using source = await createClockSource({
    ...machine,
    fallbackUncertaintyMs: 5_000,
    onSettled: () => settled++,
  })
  const clip = { atMs: machine.clock.nowMs(), monotonicMs: machine.clock.monotonicMs() }
  expect(source.isAwaited()).toBe(true)
  expect(await source.about(clip)).toMatchObject({
    source: 'none',
    offsetMs: 0,
    uncertaintyMs: UNKNOWN_UNCERTAINTY_MS,
  })
  machine.state.monotonicMs += 60_000
  const trueOriginMs = Date.UTC(2026, 10, 22)
  machine.synchronise(trueOriginMs)
  expect(await source.about(clip)).toMatchObject({ source: 'ntp', offsetMs: trueOriginMs, uncertaintyMs: 1_000 })
  expect([source.isAwaited(), settled]).toEqual([false, 1])
  // What is stamped from now on is right as it stands.
  const later = { atMs: machine.clock.nowMs(), monotonicMs: machine.clock.monotonicMs() }
  expect(await source.about(later)).toMatchObject({ source: 'ntp', offsetMs: 0 })
})

test('a step that a clip may span widens what is claimed, and a clock before the pairing claims nothing', async () => {
  const machine = createLateMachine(1_000_000)
  machine.synchronise(1_000_000)
  await using source = await createClockSource({ ...machine, fallbackUncertaintyMs: 5_000 })
  const clip = { atMs: machine.clock.nowMs(), monotonicMs: machine.clock.monotonicMs() }
  machine.synchronise(1_000_400)
  expect(await source.about(clip)).toMatchObject({ offsetMs: 400, uncertaintyMs: 1_400 })
  const none = { ...machine, run: () => Promise.resolve(null), fallbackUncertaintyMs: 5_000, notBeforeMs: 1e12 }
  await using early = await createClockSource(none)
  expect(early.statement()).toMatchObject({ source: 'none', uncertaintyMs: UNKNOWN_UNCERTAINTY_MS })
})

test('a battery-backed clock that agrees counts, for what the operator claims of it', async () => {
  const machine = createLateMachine(Date.UTC(2026, 10, 22))
  const shown = `NTP=yes\nNTPSynchronized=no\nRTCTimeUSec=Sun 2026-11-22 00:00:04 UTC\n`
  const run = (program: string) => Promise.resolve(program === 'timedatectl' ? shown : null)
  await using source = await createClockSource({ ...machine, run, fallbackUncertaintyMs: 5_000 })
  expect(source.statement()).toMatchObject({ source: 'rtc', uncertaintyMs: 5_000 })
  expect(source.isAwaited()).toBe(false)
})
