import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { codeOf } from '../../../../shared/src/errors.ts'
import {
  parseArea,
  parseCount,
  parseInterval,
  parseItems,
  parseOrigin,
  parsePair,
  parseTime,
} from '../../../../shared/bin/value-syntax.ts'

const refusal = (work: () => unknown): string => {
  try {
    work()
    return 'accepted'
  } catch (error) {
    return codeOf(error)
  }
}

describe('values on the command line', () => {
  it('degrees become the very microdegrees that were typed', () => {
    const micro = fc.integer({ min: -180_000_000, max: 180_000_000 })
    fc.assert(
      fc.property(micro, (value) => {
        const size = Math.abs(value)
        const text = `${value < 0 ? '-' : ''}${Math.floor(size / 1e6)}.${String(size % 1e6).padStart(6, '0')}`
        expect(parseArea(`${text},0 1,1 2,2`)[0]![0]).toBe(value)
      }),
      { seed: 1, numRuns: 500 },
    )
  })

  it.each(['1.1234567,2 3,4 5,6', '1;2 3,4 5,6', '1,2,3 3,4 5,6', '1e1,2 3,4 5,6', '1,2 3,4', ''])(
    'the area %j is refused',
    (text) => {
      expect(refusal(() => parseArea(text))).toBe('USAGE')
    },
  )

  it('times carry their offset into UTC', () => {
    expect(parseTime('2026-11-22T17:00:00+01:00')).toBe(Date.UTC(2026, 10, 22, 16))
    expect(parseInterval('2026-11-22T16:00Z/2026-11-22T17:00:00.5Z')).toEqual({
      startMs: Date.UTC(2026, 10, 22, 16),
      endMs: Date.UTC(2026, 10, 22, 17, 0, 0, 500),
    })
  })

  it.each(['2026-11-22', '2026-11-22T17:00:00', '22.11.2026 17:00', '2026-13-22T17:00:00Z', '1969-12-31T23:59:59Z'])(
    'the time %j is refused',
    (text) => {
      expect(refusal(() => parseTime(text))).toBe('USAGE')
    },
  )

  it('items are indexes and ranges', () => {
    expect(parseItems('default')).toBe('default')
    expect(parseItems('0-3,7')).toEqual([0, 1, 2, 3, 7])
    expect(['', '3-1', '-1', '1-', 'a', '99999'].map((text) => refusal(() => parseItems(text)))).toEqual(
      Array<string>(6).fill('USAGE'),
    )
  })

  it('an origin is scheme, host and port and nothing more', () => {
    expect(parseOrigin('http://127.0.0.1:8080')).toBe('http://127.0.0.1:8080')
    const refused = ['https://relay.example/', 'https://relay.example:443', 'ftp://relay.example', 'relay.example']
    expect(refused.map((text) => refusal(() => parseOrigin(text)))).toEqual(Array<string>(4).fill('USAGE'))
  })

  it('counts are whole and pairs have both halves', () => {
    expect(parseCount('30', '--days')).toBe(30)
    expect(parsePair('https://a.example=key=1.jwk', '--agency')).toEqual(['https://a.example', 'key=1.jwk'])
    const refused = [
      () => parseCount('0', 'n'),
      () => parseCount('1.5', 'n'),
      () => parsePair('=x', 'p'),
      () => parsePair('x=', 'p'),
    ]
    expect(refused.map(refusal)).toEqual(Array<string>(4).fill('USAGE'))
  })
})
