import {
  checkSharedOn,
  consent as consentMessage,
  isSharedOnOf,
  release,
  sharedOn,
  type SharedOn,
} from '@latchkey/shared'
import { describe, expect, test } from 'vitest'
import { changed, createConsentCase, type Mutable, rawOf, signerOf } from '../../../support/vector-case.ts'

const DAY_MS = 86_400_000
const { consent } = createConsentCase()
const given = release.parse(rawOf('release'))
const requester = signerOf('requester')
const releasedSeconds = given.payload.iat

const entry: SharedOn = {
  iss: consent.payload.aud[1],
  sub: requester.urn,
  jti: 'AAAAAAAAAAAAAAAAAAAAAA',
  iat: releasedSeconds + 60,
  cnf: { jwk: requester.jwk },
  latchkey: {
    v: 1,
    release: given.digest,
    consent: consent.digest,
    atMs: (releasedSeconds + 60) * 1000,
    receiver: { kind: 'court', name: 'The superior court' },
    purpose: 'as-allowed',
    reason: 'It was shown at the hearing.',
  },
}

describe('an entry of who got it next', () => {
  const keptUntilMs = releasedSeconds * 1000 + consent.payload.latchkey.retentionDays * DAY_MS
  const against = (latchkey: Partial<SharedOn['latchkey']>, takenBackMs: number | null = null) =>
    checkSharedOn({ ...entry.latchkey, ...latchkey }, { consent: consent.payload, releasedSeconds, takenBackMs })

  test.each<[name: string, found: string[], expected: string[]]>([
    ['within what was allowed goes against nothing', against({}), []],
    ['for something else', against({ purpose: 'other' }), ['other-purpose']],
    ['at the end of the days that were allowed goes against nothing', against({ atMs: keptUntilMs }), []],
    ['after them', against({ atMs: keptUntilMs + 1 }), ['kept-too-long']],
    ['when it was being taken back goes against nothing', against({ atMs: keptUntilMs }, keptUntilMs), []],
    [
      'against all that can be gone against',
      against({ purpose: 'other', atMs: keptUntilMs + 1 }, keptUntilMs),
      ['other-purpose', 'kept-too-long', 'taken-back'],
    ],
  ])('%s', (_name, found, expected) => expect(found).toEqual(expected))
})

describe('whose word it is', () => {
  const isOf = async (
    change: (claims: Mutable<SharedOn>) => void,
    by = requester,
    papers = { consent, release: given },
  ) => isSharedOnOf(sharedOn.parse(await sharedOn.encode(changed(entry, change), by)), papers)

  test('is the requester’s whom the consent names, of that release', async () => {
    expect(await isOf(() => undefined)).toBe(true)
  })

  test.each<[name: string, change: (claims: Mutable<SharedOn>) => void]>([
    ['another release', ({ latchkey }) => (latchkey.release = consent.digest)],
    ['another consent', ({ latchkey }) => (latchkey.consent = given.digest)],
    ['another agency', (claims) => (claims.iss = 'https://other.example')],
    ['another key in it', (claims) => (claims.cnf.jwk = signerOf('agency').jwk)],
  ])('is not believed of %s', async (_name, change) => {
    expect(await isOf(change)).toBe(false)
  })

  test('is not believed from anybody else, in their own name or in the requester’s', async () => {
    const agency = signerOf('agency')
    expect(await isOf(() => undefined, agency)).toBe(false)
    const own = (claims: Mutable<SharedOn>) => Object.assign(claims, { sub: agency.urn, cnf: { jwk: agency.jwk } })
    expect(await isOf(own, agency)).toBe(false)
  })

  test('is not believed of a consent to somebody else', async () => {
    const claims = { ...consent.payload, sub: signerOf('agency').urn }
    const other = consentMessage.parse(await consentMessage.encode(claims, signerOf('member')))
    expect(
      await isOf(({ latchkey }) => (latchkey.consent = other.digest), requester, { consent: other, release: given }),
    ).toBe(false)
  })
})
