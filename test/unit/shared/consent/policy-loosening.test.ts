import { JUDGED_POLICY_KEYS, looserRules, Policy, policyNoticeMsOf, templateEntry } from '@latchkey/shared'
import { expect, test } from 'vitest'
import { loadPolicy } from '../../../support/synthetic-parties.ts'
import { changed, type Mutable } from '../../../support/vector-case.ts'

const us = loadPolicy()
type Change = (policy: Mutable<Policy>) => unknown
const looser = (change: Change) =>
  looserRules(
    us,
    changed(us, (policy) => void change(policy)),
  )
const keysOf = (change: Change) => looser(change).map(({ key }) => key)

/** Dotted keys of a schema. */
function keysBelow(schema: unknown, prefix = ''): string[] {
  const { properties } = schema as { properties: Record<string, { type?: string }> }
  return Object.entries(properties).flatMap(([key, inner]) =>
    inner.type === 'object' ? keysBelow(inner, `${prefix}${key}.`) : [`${prefix}${key}`],
  )
}

/** Each key once in either direction: what it becomes, and how that reads. */
const LOOSER: readonly (readonly [key: string, looser: Change, stricter: Change, words: string])[] = [
  [
    'area.minimumM2',
    ({ area }) => (area.minimumM2 = 1_000),
    ({ area }) => (area.minimumM2 = 70_000),
    'an area may be as small as 1,000 m² instead of 65,000 m²',
  ],
  [
    'area.maximumM2',
    ({ area }) => (area.maximumM2 = 2_000_000),
    ({ area }) => (area.maximumM2 = 1_000_000),
    'an area may be as large as 2,000,000 m² instead of 1,295,000 m²',
  ],
  [
    'window.minimumMs',
    ({ window }) => (window.minimumMs = 60_000),
    ({ window }) => (window.minimumMs = 3_600_000),
    'the time asked about may be as short as 1 minute instead of 15 minutes',
  ],
  [
    'window.maximumMs',
    ({ window }) => (window.maximumMs = 86_400_000),
    ({ window }) => (window.maximumMs = 3_600_000),
    'the time asked about may be as long as 1 day instead of 12 hours',
  ],
  [
    'window.maximumAgeMs',
    ({ window }) => (window.maximumAgeMs *= 2),
    ({ window }) => (window.maximumAgeMs /= 2),
    'requests may reach back 60 days instead of 30 days',
  ],
  [
    'areaTimeM2Hours',
    (policy) => (policy.areaTimeM2Hours = 5_000_000),
    (policy) => (policy.areaTimeM2Hours = 3_000_000),
    'area times hours may be 5,000,000 m²·h instead of 4,000,000 m²·h',
  ],
  [
    'requestLifeSeconds.default',
    ({ requestLifeSeconds }) => (requestLifeSeconds.default *= 2),
    ({ requestLifeSeconds }) => (requestLifeSeconds.default /= 2),
    'requests usually stay open for 28 days instead of 14 days',
  ],
  [
    'requestLifeSeconds.maximum',
    ({ requestLifeSeconds }) => (requestLifeSeconds.maximum += 1),
    ({ requestLifeSeconds }) => (requestLifeSeconds.maximum -= 1),
    'requests may stay open for 2,419,201 seconds instead of 28 days',
  ],
  [
    'requestsPerCase',
    (policy) => (policy.requestsPerCase = 3),
    (policy) => (policy.requestsPerCase = 1),
    'one case may have 3 requests instead of 2 requests',
  ],
  [
    'agencyLimits.perDay',
    ({ agencyLimits }) => (agencyLimits.perDay = 4),
    ({ agencyLimits }) => (agencyLimits.perDay = 1),
    'one agency may ask 4 times instead of 3 times a day',
  ],
  [
    'agencyLimits.per30Days',
    ({ agencyLimits }) => (agencyLimits.per30Days = 21),
    ({ agencyLimits }) => (agencyLimits.per30Days = 19),
    'one agency may ask 21 times instead of 20 times in 30 days',
  ],
  [
    'agencyLimits.open',
    ({ agencyLimits }) => (agencyLimits.open = 6),
    ({ agencyLimits }) => (agencyLimits.open = 4),
    'one agency may have 6 requests instead of 5 requests open at once',
  ],
  [
    'agencyNoticeMs',
    (policy) => (policy.agencyNoticeMs = 0),
    (policy) => (policy.agencyNoticeMs *= 2),
    'a new agency or key is announced for no time instead of 14 days',
  ],
  [
    'policyNoticeMs',
    (policy) => (policy.policyNoticeMs = 86_400_000),
    (policy) => (policy.policyNoticeMs = 30 * 86_400_000),
    'looser rules are announced for 1 day instead of 14 days',
  ],
  [
    'outcomeDueMs',
    (policy) => (policy.outcomeDueMs *= 2),
    (policy) => (policy.outcomeDueMs /= 2),
    'what came of a request is due only after 120 days instead of 60 days',
  ],
  [
    'incidentTypes',
    (policy) => policy.incidentTypes.push('protest', 'graffiti'),
    (policy) => policy.incidentTypes.pop(),
    'may now be asked about: protest, graffiti',
  ],
  [
    'refusedIncidentTypes',
    (policy) => policy.refusedIncidentTypes.shift(),
    (policy) => policy.refusedIncidentTypes.push('gossip'),
    'no longer on the list of what is refused: protest',
  ],
  [
    'refusedCaseNumbers',
    (policy) => policy.refusedCaseNumbers.shift(),
    (policy) => policy.refusedCaseNumbers.push('4711'),
    'no longer refused as a placeholder for a case number: NA',
  ],
  [
    'agencyKinds',
    (policy) => policy.agencyKinds.push('insurer'),
    (policy) => policy.agencyKinds.pop(),
    'may now take part: insurer',
  ],
  [
    'refusedAgencyKinds',
    (policy) => policy.refusedAgencyKinds.shift(),
    (policy) => policy.refusedAgencyKinds.push('bounty-hunter'),
    'no longer on the list of who may not take part: federal',
  ],
  [
    'templates',
    (policy) => policy.templates.push('burglary-2'),
    (policy) => policy.templates.pop(),
    'new texts to ask with: burglary-2',
  ],
  [
    'consent.purposes',
    ({ consent }) => consent.purposes.push('training'),
    ({ consent }) => consent.purposes.pop(),
    'recordings may now be given for: training',
  ],
  [
    'consent.undoSeconds',
    ({ consent }) => (consent.undoSeconds = 60),
    ({ consent }) => (consent.undoSeconds = 1_200),
    'an owner can take a yes back for 1 minute instead of 10 minutes',
  ],
  [
    'consent.lifeSeconds',
    ({ consent }) => (consent.lifeSeconds *= 2),
    ({ consent }) => (consent.lifeSeconds /= 3),
    'a yes lives for 6 days instead of 3 days',
  ],
  [
    'consent.maxDownloads',
    ({ consent }) => (consent.maxDownloads = 4),
    ({ consent }) => (consent.maxDownloads = 1),
    'a yes is good for 4 downloads instead of 3 downloads',
  ],
  [
    'consent.toleranceSeconds',
    ({ consent }) => (consent.toleranceSeconds = 90),
    ({ consent }) => (consent.toleranceSeconds = 30),
    'the time to take a yes back may be cut by 90 seconds instead of 1 minute',
  ],
  [
    'retentionDays.default',
    ({ retentionDays }) => (retentionDays.default = 14),
    ({ retentionDays }) => (retentionDays.default = 3),
    'recordings are usually kept for 14 days instead of 7 days',
  ],
  [
    'retentionDays.maximum',
    ({ retentionDays }) => (retentionDays.maximum = 60),
    ({ retentionDays }) => (retentionDays.maximum = 14),
    'recordings may be kept for 60 days instead of 30 days',
  ],
  [
    'retentionDays.selectable',
    ({ retentionDays }) => retentionDays.selectable.push(60),
    ({ retentionDays }) => retentionDays.selectable.pop(),
    'an owner may choose to let recordings be kept for 60 days instead of 30 days',
  ],
  [
    'downloadGraceSeconds',
    (policy) => (policy.downloadGraceSeconds *= 2),
    (policy) => (policy.downloadGraceSeconds /= 2),
    'a download may be repeated for 2 days instead of 1 day',
  ],
]

test.each(LOOSER)(
  '%s is looser one way and not the other, and nothing else is accused',
  (key, loosen, tighten, words) => {
    expect(looser(loosen)).toEqual([{ key, words }])
    expect(looser(tighten)).toEqual([])
  },
)

test('every key of the schema is judged, and each one that can be looser is tried here', () => {
  const keys = keysBelow(Policy)
  expect([...JUDGED_POLICY_KEYS].sort()).toEqual(keys.sort())
  const names = ['v', 'region', 'version']
  expect([...LOOSER.map(([key]) => key), ...names].sort()).toEqual(keys)
})

test('another name, version or order of a list is not looser', () => {
  expect(keysOf((policy) => Object.assign(policy, { region: 'ca', version: 9 }))).toEqual([])
  expect(keysOf((policy) => policy.incidentTypes.reverse())).toEqual([])
})

test('taking the shortest choice from owners is looser', () => {
  expect(looser(({ retentionDays }) => retentionDays.selectable.shift())).toEqual([
    {
      key: 'retentionDays.selectable',
      words: 'the shortest time that an owner may choose is 7 days instead of 3 days',
    },
  ])
})

test('a key that nobody judges is looser when it comes, goes or changes', () => {
  const odd = (value: unknown) => ({ ...us, curfew: value }) as Policy
  expect(looserRules(us, odd(1))).toEqual([{ key: 'curfew', words: '“curfew” changes' }])
  expect(looserRules(odd(1), us)).toHaveLength(1)
  expect(looserRules(odd(1), odd(2))).toHaveLength(1)
  expect(looserRules(odd([1]), odd([1]))).toEqual([])
  expect(looserRules({ ...us, consent: { ...us.consent, constructor: 1 } } as Policy, us)).toHaveLength(1)
})

test('rules that say nothing of a notice have one of fourteen days', () => {
  const { policyNoticeMs, ...silent } = us
  expect(policyNoticeMsOf(silent)).toBe(policyNoticeMs)
  expect(looserRules(silent, us)).toEqual([])
  expect(looserRules(us, silent)).toEqual([])
  expect(looserRules({ ...us, policyNoticeMs: 2 * policyNoticeMs! }, silent)).toHaveLength(1)
})

test('other words under a known name are looser, and so is a name that no longer says which words', () => {
  const [first, ...others] = us.templates.map(templateEntry)
  const under = (digest: string | null) => ({
    ...us,
    templates: [digest === null ? first!.id : { ...first!, digest }, ...us.templates.slice(1)],
  })
  const finding = { key: 'templates', words: `other words under a known name: ${first!.id}` }
  expect(looserRules(us, under(others[0]!.digest))).toEqual([finding])
  expect(looserRules(us, under(null))).toEqual([finding])
  expect(looserRules(under(null), us)).toEqual([])
  expect(looserRules(under(null), under(others[0]!.digest))).toEqual([])
})
