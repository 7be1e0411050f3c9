/** What the product refuses to be has no field, no message and no dependency to become it with. */
import { expect, test } from 'vitest'
import type { TSchema } from 'typebox'
import * as shared from '../../shared/src/index.ts'
import { filesBelow, readSource } from '../support/source-files.ts'

/** Biometrics, plates, promotion and credit, doors, advertising. */
const FORBIDDEN =
  /face|facial|biometric|rekognition|person-?search|re-?identif|licen[cs]e-?plate|number-?plate|\balpr\b|\banpr\b|referral|voucher|coupon|discount|promo(tion|code)|reward|loyalty|door-?unlock|unlock-?door|courier|advert|analytics/i

/** Nothing is sent when an owner looks, waits or says no: silence must have no shape (protocol §6). */
const SILENT = /declin|refus(e|ed|al)\+jwt|view(ed)?\+|open(ed)?\+|remind|seen\+|dismiss|ignore/i

interface Lock {
  readonly packages: Readonly<Record<string, unknown>>
}

function isSchema(value: unknown): value is TSchema {
  return typeof value === 'object' && value !== null && 'type' in value && 'properties' in value
}

/** Every member name and fixed word inside a schema. */
function wordsOf(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([name, member]) => [
    ...(name === 'properties' ? Object.keys(member as object) : []),
    ...(name === 'const' && typeof member === 'string' ? [member] : []),
    ...wordsOf(member),
  ])
}

const exported: readonly unknown[] = Object.values(shared)
const messages = exported.filter(
  (value): value is shared.MessageType<object> =>
    typeof value === 'object' && value !== null && 'typ' in value && 'schema' in value,
)
const schemas = [...messages.map(({ schema }) => schema), ...exported.filter(isSchema)]

test('no installed package does what is refused', () => {
  const lock = JSON.parse(readSource('package-lock.json')) as Lock
  const names = Object.keys(lock.packages).map((path) => path.slice(path.lastIndexOf('node_modules/') + 13))
  expect(names.length).toBeGreaterThan(100)
  expect(names.filter((name) => FORBIDDEN.test(name.replaceAll('interface', '')))).toEqual([])
})

test('no schema has a member or a word for what is refused', () => {
  expect(schemas.length).toBeGreaterThan(30)
  const words = schemas.flatMap(wordsOf)
  expect(words).toContain('caseNumber')
  expect(words.filter((word) => FORBIDDEN.test(word))).toEqual([])
})

test('no source holds referral, voucher or credit logic', () => {
  const files = ['shared/src', 'device-agent/src', 'relay/src'].flatMap((room) => filesBelow(room, '.ts'))
  expect(files.filter((path) => /referral|voucher|coupon|promo.?code/i.test(readSource(path)))).toEqual([])
})

test('no policy lists a refused purpose among the accepted ones', () => {
  for (const path of filesBelow('shared/policy', '.json')) {
    const policy = shared.parseWith(shared.policy, JSON.parse(readSource(path)), path)
    const { incidentTypes, refusedIncidentTypes, agencyKinds, refusedAgencyKinds, consent } = policy
    expect(incidentTypes.filter((type) => refusedIncidentTypes.includes(type))).toEqual([])
    expect(agencyKinds.filter((kind) => refusedAgencyKinds.includes(kind))).toEqual([])
    expect(consent.purposes.filter((purpose) => /market|train|analy|advert/i.test(purpose))).toEqual([])
  }
})

test('no message says that an owner declined, looked, waited or was reminded', () => {
  expect(messages.map(({ typ }) => typ).sort()).toEqual([
    'latchkey-ack+jwt',
    'latchkey-approval+jwt',
    'latchkey-clip+jwt',
    'latchkey-consent+jwt',
    'latchkey-day+jwt',
    'latchkey-device+jwt',
    'latchkey-hello+jwt',
    'latchkey-investigator+jwt',
    'latchkey-joining+jwt',
    'latchkey-keyset+jwt',
    'latchkey-mqtt+jwt',
    'latchkey-outcome+jwt',
    'latchkey-push+jwt',
    'latchkey-received+jwt',
    'latchkey-release+jwt',
    'latchkey-request+jwt',
    'latchkey-revoke+jwt',
    'latchkey-settings+jwt',
    'latchkey-shared-on+jwt',
    'latchkey-stored+jwt',
  ])
  expect(messages.filter(({ typ }) => SILENT.test(typ))).toEqual([])
  expect(
    schemas.flatMap(wordsOf).filter((word) => /^(declined?|viewed|opened|reminded?|dismissed|ignored)$/.test(word)),
  ).toEqual([])
})
