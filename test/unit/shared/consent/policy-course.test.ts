import {
  digestOfJson,
  type LoggedPolicy,
  nextRules,
  NO_RULES,
  type Policy,
  type PolicyEffect,
  rulesAfter,
  rulesInForceAt,
} from '@latchkey/shared'
import { expect, test } from 'vitest'
import { loadPolicy } from '../../../support/synthetic-parties.ts'

const us = loadPolicy()
const NOTICE_HOURS = 14 * 24
const loose: Policy = { ...us, requestsPerCase: 3 }
const looser: Policy = { ...us, requestsPerCase: 4 }
const strict: Policy = { ...us, requestsPerCase: 1 }

/** A log that holds nothing but these, each at its hour. */
const logOf = (...entries: readonly (readonly [policy: Policy | null, hour: number])[]): LoggedPolicy[] =>
  entries.map(([policy, hour], i) => ({
    digest: digestOfJson(policy ?? 'nobody shows it'),
    index: 10 * i,
    hour,
    policy,
  }))

function effectsOf(log: readonly LoggedPolicy[]): PolicyEffect[] {
  let state = NO_RULES
  return log.map((entry) => {
    const next = nextRules(state, entry)
    state = next.state
    return next.effect
  })
}
const inForce = (log: readonly LoggedPolicy[]) => rulesAfter(log).inForce?.policy
const announced = (log: readonly LoggedPolicy[]) => rulesAfter(log).announced?.policy

test('the first rules count at once, and so do stricter ones', () => {
  const log = logOf([us, 1], [strict, 1])
  expect(effectsOf(log)).toEqual(['in-force', 'in-force'])
  expect([0, 1, 10, 11, 1_000].map((index) => rulesInForceAt(log, index)?.policy ?? null)).toEqual([
    null,
    us,
    us,
    strict,
    strict,
  ])
})

test('looser rules are announced, and count from a second entry after the whole notice', () => {
  const log = logOf([us, 1], [loose, 5], [loose, 5 + NOTICE_HOURS + 1])
  expect(effectsOf(log)).toEqual(['in-force', 'announced', 'in-force'])
  expect(rulesAfter(log.slice(0, 2)).announced).toMatchObject({
    index: 10,
    fromHour: 5 + NOTICE_HOURS + 1,
    looser: [{ key: 'requestsPerCase' }],
  })
  expect(rulesInForceAt(log, 20)?.policy).toEqual(us)
  expect(rulesInForceAt(log, 21)).toMatchObject({ index: 20, policy: loose })
  expect(announced(log)).toBeUndefined()
})

test('not an hour before: the log tells hours, and the hour of the announcement does not count', () => {
  const log = logOf([us, 1], [loose, 5], [loose, 5 + NOTICE_HOURS])
  expect(effectsOf(log)).toEqual(['in-force', 'announced', 'too-early'])
  expect(inForce(log)).toEqual(us)
  // The notice goes on: trying early neither ends it nor begins it anew.
  expect(effectsOf([...log, ...logOf([loose, 5 + NOTICE_HOURS + 1])]).at(-1)).toBe('in-force')
})

test('time alone puts nothing in force', () => {
  expect(inForce(logOf([us, 1], [loose, 5], [us, 100_000]))).toEqual(us)
  expect(announced(logOf([us, 1], [loose, 5]))).toEqual(loose)
})

test('announcing others drops what was announced, and its notice begins anew', () => {
  const late = 5 + NOTICE_HOURS + 1
  const log = logOf([us, 1], [loose, 5], [looser, 6], [loose, late])
  expect(effectsOf(log)).toEqual(['in-force', 'announced', 'announced', 'announced'])
  expect(rulesAfter(log).announced).toMatchObject({ policy: loose, fromHour: late + NOTICE_HOURS + 1 })
})

test('stricter rules drop what was announced', () => {
  const log = logOf([us, 1], [loose, 5], [strict, 6], [loose, 5 + NOTICE_HOURS + 1])
  expect(effectsOf(log)).toEqual(['in-force', 'announced', 'in-force', 'announced'])
  expect(inForce(log)).toEqual(strict)
})

test('the rules in force withdraw what was announced', () => {
  const log = logOf([us, 1], [loose, 5], [us, 6], [loose, 5 + NOTICE_HOURS + 1])
  expect(effectsOf(log)).toEqual(['in-force', 'announced', 'withdrawn', 'announced'])
  expect(rulesAfter(log.slice(0, 3))).toMatchObject({ inForce: { index: 0 }, announced: null })
  expect(effectsOf(logOf([us, 1], [us, 2]))).toEqual(['in-force', 'repeated'])
})

test('going back to rules that once counted is like going anywhere: at once when stricter, announced when looser', () => {
  expect(effectsOf(logOf([us, 1], [strict, 2], [us, 3], [us, 3 + NOTICE_HOURS + 1]))).toEqual([
    'in-force',
    'in-force',
    'announced',
    'in-force',
  ])
  expect(effectsOf(logOf([strict, 1], [us, 2], [us, 2 + NOTICE_HOURS + 1], [strict, 5_000]))).toEqual([
    'in-force',
    'announced',
    'in-force',
    'in-force',
  ])
})

test('the notice is that of the rules in force: a shorter one waits the longer one out', () => {
  const hasty: Policy = { ...us, policyNoticeMs: 0 }
  expect(effectsOf(logOf([us, 1], [hasty, 2], [hasty, 3]))).toEqual(['in-force', 'announced', 'too-early'])
  expect(effectsOf(logOf([hasty, 1], [{ ...loose, policyNoticeMs: 0 }, 1]))).toEqual(['in-force', 'in-force'])
})

test('part of an hour is a whole one', () => {
  const odd: Policy = { ...us, policyNoticeMs: 90 * 60_000 }
  expect(rulesAfter(logOf([odd, 1], [{ ...odd, requestsPerCase: 9 }, 10])).announced?.fromHour).toBe(13)
})

test('rules that nobody shows never count, and do not hide what comes after them', () => {
  expect(inForce(logOf([null, 1]))).toBeUndefined()
  const log = logOf([us, 1], [null, 2], [loose, 3])
  expect(effectsOf(log)).toEqual(['in-force', 'not-shown', 'announced'])
  expect(inForce(log)).toEqual(us)
})
