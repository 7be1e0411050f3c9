import canonicalize from 'canonicalize'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { fromHex, toHex, utf8 } from '../../shared/src/bytes/bytes.ts'
import { canonicalBytes, canonicalJson, parseCanonicalJson } from '../../shared/src/bytes/canonical-json.ts'
import { codeThrown, damagedCopies, valueOrCode } from '../support/damage.ts'
import vector from './jcs.json' with { type: 'json' }

const doubleOf = (hex: string) => new DataView(fromHex(hex).buffer).getFloat64(0)

describe('canonical JSON', () => {
  test('of the RFC 8785 sample is the published bytes', () => {
    const bytes = canonicalBytes(JSON.parse(vector.sample.input))
    expect(toHex(bytes)).toBe(vector.sample.outputHex)
    expect(parseCanonicalJson(bytes)).toEqual(JSON.parse(vector.sample.input))
    expect(codeThrown(() => parseCanonicalJson(utf8(vector.sample.input)))).toBe('JSON_NOT_CANONICAL')
  })

  test('sorts by UTF-16 code units, as the RFC shows', () => {
    const sorted = canonicalJson(JSON.parse(vector.sorting.input))
    const positions = vector.sorting.order.map((value) => sorted.indexOf(JSON.stringify(value)))
    expect(positions.every((position) => position > 0)).toBe(true)
    expect(positions).toEqual(positions.toSorted((a, b) => a - b))
  })

  test.each(vector.numbers as [string, string][])('writes the double %s as %s', (hex, text) => {
    expect(canonicalJson(doubleOf(hex))).toBe(text)
  })

  test.each(vector.refusedNumbers)('has no number %s', (hex) => {
    expect(codeThrown(() => canonicalJson(doubleOf(hex)))).toBe('JSON_INVALID')
  })

  test('agrees with the canonicalize package on arbitrary values', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 5, stringUnit: 'binary' }), (value) => {
        const text = canonicalJson(value)
        expect(text).toBe(canonicalize(value))
        expect(canonicalJson(parseCanonicalJson(utf8(text)))).toBe(text)
      }),
      { seed: 8785, numRuns: 500 },
    )
  })

  test.each([
    ['{"a":1,"a":1}', 'JSON_NOT_CANONICAL'],
    ['{"b":1,"a":1}', 'JSON_NOT_CANONICAL'],
    ['{"a": 1}', 'JSON_NOT_CANONICAL'],
    ['1.0', 'JSON_NOT_CANONICAL'],
    ['-0', 'JSON_NOT_CANONICAL'],
    ['"\\u0041"', 'JSON_NOT_CANONICAL'],
    ['"\\/"', 'JSON_NOT_CANONICAL'],
    ['{"__proto__":1}', null],
    ['"\\ud800"', 'JSON_INVALID'],
    ['1e400', 'JSON_INVALID'],
    ['\ufeff{}', 'JSON_INVALID'],
    ['', 'JSON_INVALID'],
    ['nul', 'JSON_INVALID'],
    [`${'['.repeat(40)}${']'.repeat(40)}`, 'JSON_INVALID'],
    ['['.repeat(100_000), 'JSON_INVALID'],
  ])('parsing %.40s gives %s', (text, code) => {
    expect(codeThrown(() => parseCanonicalJson(utf8(text)))).toBe(code)
  })

  test('cut or with a flipped bit is canonical again or refused with our code', () => {
    for (const { copy } of damagedCopies(fromHex(vector.sample.outputHex))) {
      const outcome = valueOrCode(() => parseCanonicalJson(copy))
      if ('value' in outcome) expect(canonicalBytes(outcome.value)).toEqual(copy)
      else expect(['JSON_INVALID', 'JSON_NOT_CANONICAL', 'ENCODING_INVALID']).toContain(outcome.code)
    }
  })
})
