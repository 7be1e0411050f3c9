/** What a notification says, and when it makes no sound. */
import { FIRST_CHOICES, type SettingsChoices, utf8 } from '@latchkey/shared'
import { expect, test } from 'vitest'
import { doorNotice } from '../../relay/web/owner/push/door-notice.ts'

const DEVICE = 'AAAAAAAAAAAAAAAAAAAAAA'
const EVENT = 'AQEBAQEBAQEBAQEBAQEBAQ'
const said = { v: 1, type: 'ring', device: DEVICE, event: EVENT, atMs: 1_700_000_000_000 }
const choices: SettingsChoices = { ...FIRST_CHOICES, doors: [{ device: DEVICE, name: 'Back door', place: null }] }
const notice = (message: unknown, change: Partial<SettingsChoices> = {}) =>
  doorNotice(utf8(typeof message === 'string' ? message : JSON.stringify(message)), { ...choices, ...change })

test('a ring is named with its door and its time, movement likewise, a door without a name without one', () => {
  expect(notice(said)).toMatchObject({ title: 'Somebody rang', tag: `door/${EVENT}`, page: 'clips', silent: false })
  expect(notice(said).body).toMatch(/^Back door, \d\d:\d\d/)
  expect(notice({ ...said, type: 'motion' }).title).toBe('Somebody moved')
  expect(notice(said, { doors: [] }).body).toMatch(/^\d\d:\d\d/)
})

test('what is no message of a doorbell is shown as nothing more than that', () => {
  for (const message of [
    '',
    '{',
    'null',
    '[]',
    { ...said, v: 2 },
    { ...said, text: '<b>' },
    { ...said, type: 'consent' },
  ]) {
    const { title, body, tag } = notice(message)
    expect([title, tag]).toEqual(['Something happened at your door', 'door/unknown'])
    expect(body).toMatch(/^The message could not be read \([A-Z_]+\)\. Open Latchkey to look\.$/)
  }
})

test('in quiet hours it is shown and makes no sound', () => {
  expect(notice(said, { quiet: { fromMinute: 0, toMinute: 0 } }).silent).toBe(true)
  const now = new Date()
  const minute = now.getHours() * 60 + now.getMinutes()
  const around = (from: number, to: number) => ({
    fromMinute: (minute + from + 1_440) % 1_440,
    toMinute: (minute + to + 1_440) % 1_440,
  })
  expect(notice(said, { quiet: around(-5, 5) }).silent).toBe(true)
  expect(notice(said, { quiet: around(5, -5) }).silent).toBe(false)
})
