import { expect, test } from 'vitest'
import { createClockSource, parseChronyTracking, parseTimedatectl } from '../../device-agent/src/seal/clock-source.ts'
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
  expect(parseTimedatectl('Timezone=UTC\nNTPSynchronized=yes\n')).toMatchObject({ source: 'ntp' })
  expect(parseTimedatectl('NTPSynchronized=no\n')).toBeNull()
})

test('without either the configured uncertainty is claimed, and no source', async () => {
  const clock = createLeapingClock(1_700_000_000_000)
  const run = () => Promise.resolve(null)
  await using source = await createClockSource({ clock, run, fallbackUncertaintyMs: 4_321 })
  expect(source.statement()).toMatchObject({ source: 'none', offsetMs: 0, uncertaintyMs: 4_321 })
})
