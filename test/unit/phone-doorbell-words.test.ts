/** What an owner reads of a doorbell: trouble is marked as such, and nothing else is. */
import type { DeviceLine, Health } from '@latchkey/shared'
import { expect, test } from 'vitest'
import { reachSentence, stateSentences } from '../../relay/web/owner/doorbells/doorbell-words.ts'
import { QUIET_HEALTH } from '../support/device-health.ts'

const lineOf = (change: Partial<DeviceLine>, health: Partial<Health> = {}): DeviceLine => ({
  type: 'device',
  device: 'AAAAAAAAAAAAAAAAAAAAAA',
  certificate: 'A'.repeat(43),
  available: 'online',
  availableMs: 1_800_000_000_000,
  heardMs: 1_800_000_000_000,
  health: { ...QUIET_HEALTH, ...health },
  healthMs: 1_800_000_000_000,
  ...change,
})
const troubles = (line: DeviceLine) => stateSentences(line).flatMap(({ text, wrong }) => (wrong ? [text] : []))

test('a doorbell that is well has no trouble to tell', () => {
  expect(reachSentence(lineOf({}))).toEqual({ text: 'Online', wrong: false })
  expect(troubles(lineOf({}))).toEqual([])
})

test.each<[Partial<Health>, RegExp]>([
  [{ camera: 'camera-lost' }, /camera is lost/],
  [{ storage: 'full' }, /disk is full/],
  [{ storage: 'read-only' }, /takes nothing any more/],
  [{ storage: 'missing' }, /not where it was/],
  [{ storage: 'failing' }, /failing/],
  [{ droppedClips: 2 }, /give 2 clips up/],
])('%j is one trouble', (health, told) => {
  const found = troubles(lineOf({}, health))
  expect(found).toHaveLength(1)
  expect(found[0]).toMatch(told)
})

test('what is chosen, or passes, is no trouble', () => {
  for (const camera of ['privacy', 'starting', 'stopped'] as const) expect(troubles(lineOf({}, { camera }))).toEqual([])
  const waiting = stateSentences(lineOf({}, { spoolItems: 3, spoolBytes: 2_500_000 }))
  expect(waiting.at(-1)).toEqual({ text: '3 pieces wait on it to be handed over (3 MB).', wrong: false })
})

test('one that cannot be reached says since when, and when it was last heard', () => {
  const { text, wrong } = reachSentence(lineOf({ available: 'offline' }))
  expect(wrong).toBe(true)
  expect(text).toMatch(/^Not to be reached since .*\. Last heard .*\.$/)
  expect(reachSentence(lineOf({ available: 'stopped' })).wrong).toBe(false)
  expect(reachSentence(lineOf({ available: null, availableMs: null, heardMs: null })).text).toBe('Not heard yet')
  expect(stateSentences(lineOf({ health: null, healthMs: null }))).toEqual([])
})
