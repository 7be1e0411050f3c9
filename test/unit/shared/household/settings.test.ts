/** Household settings: read by members only, believed only from owners, and never lost in a race. */
import {
  createSigner,
  encodeBase64url,
  FIRST_CHOICES,
  fromUtf8,
  generateIdentity,
  householdSettings,
  isQuietAt,
  type Keyset,
  MAX_SETTINGS_BYTES,
  mergeSettings,
  openFile,
  openSettings,
  randomBytes,
  sealFile,
  sealSettings,
  signCompact,
  type SettingsChoices,
  type Signer,
  utf8,
} from '@latchkey/shared'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

const person = () => ({ signer: createSigner(randomBytes(32)), identity: generateIdentity() })
const [root, recovery, stranger] = [createSigner(randomBytes(32)), generateIdentity(), person()]
const [owner, partner, viewer] = [person(), person(), person()]
const member = ({ signer, identity }: typeof owner, role: 'owner' | 'viewer') =>
  ({ signingKey: signer.jwk, recipient: identity.recipient, role }) as const
const keyset: Keyset = {
  iss: root.urn,
  iat: 1_800_000_000,
  latchkey: {
    v: 1,
    version: 1,
    previous: null,
    effectiveMs: 1_800_000_000_000,
    members: [member(owner, 'owner'), member(partner, 'owner'), member(viewer, 'viewer')],
    recovery: recovery.recipient,
    quorum: 1,
  },
}
const id = (byte: number) => encodeBase64url(new Uint8Array(16).fill(byte))
const CHOICES: SettingsChoices = {
  doors: [{ device: id(1), name: 'Front door', place: [52_520_000, 13_400_000] }],
  requests: { on: true, muted: ['https://police.example'], pausedUntilMs: null },
  quiet: { fromMinute: 22 * 60, toMinute: 7 * 60 },
  pushHour: 18,
  members: [{ thumbprint: owner.signer.thumbprint, name: 'Zoë' }],
}
const seal = (choices = CHOICES, changes: { signer?: Signer; keyset?: Keyset; revision?: number } = {}) =>
  sealSettings(choices, { keyset, signer: owner.signer, revision: 3, nowSeconds: 1_800_000_100, ...changes })
const open = (file: Uint8Array, atLeast = 0, who = partner) => openSettings(file, who.identity, { keyset, atLeast })

describe('settings', () => {
  test.each([
    ['an owner', owner],
    ['the other owner', partner],
    ['a viewer', viewer],
  ])('are read by %s', async (_, who) => {
    const { payload } = await open(await seal(), 3, who)
    expect(payload.latchkey).toEqual({ v: 1, revision: 3, choices: CHOICES })
  })

  test('are read by nobody else, the recovery key included', async () => {
    const file = await seal()
    for (const who of [stranger, { ...stranger, identity: recovery }])
      await expect(open(file, 0, who)).rejects.toMatchObject({ code: 'AGE_NO_MATCH' })
  })

  const strangers = { ...keyset, iss: stranger.signer.urn }
  test.each([
    [
      'sealed by the relay, who knows the recipients',
      'SIGNATURE_INVALID',
      () => seal(CHOICES, { signer: stranger.signer }),
    ],
    ['signed by a viewer', 'SIGNATURE_INVALID', () => seal(CHOICES, { signer: viewer.signer })],
    ['of another household', 'SIGNATURE_INVALID', () => seal(CHOICES, { keyset: strangers })],
    ['older than what was seen', 'CONFLICT', () => seal(CHOICES, { revision: 2 })],
    ['another text', 'JWS_INVALID', async () => seal_('{"door":1}')],
    ['no text', 'ENCODING_INVALID', async () => seal_(Uint8Array.of(0xff))],
    ['no age file', 'AGE_HEADER_INVALID', async () => utf8('settings')],
    ['larger than they can be', 'MESSAGE_TOO_LARGE', async () => new Uint8Array(MAX_SETTINGS_BYTES + 1)],
  ])('are refused when they are %s', async (_, code, make) => {
    await expect(open(await make(), 3)).rejects.toMatchObject({ code })
  })

  const seal_ = (content: string | Uint8Array) =>
    sealFile(typeof content === 'string' ? utf8(content) : content, [partner.identity.recipient])

  test('are refused with any one bit changed', async () => {
    const file = await seal()
    for (let at = 0; at < file.length; at += 3) {
      const changed = Uint8Array.from(file)
      changed[at]! ^= 1 << (at % 8)
      await expect(open(changed)).rejects.toThrow()
    }
  })

  test('of an owner who was removed are no longer believed', async () => {
    const file = await seal(CHOICES, { signer: partner.signer })
    const later = { ...keyset, latchkey: { ...keyset.latchkey, members: [member(owner, 'owner')] } }
    await expect(openSettings(file, owner.identity, { keyset: later, atLeast: 0 })).rejects.toMatchObject({
      code: 'SIGNATURE_INVALID',
    })
  })

  test.each([
    ['a camera twice', { doors: [CHOICES.doors[0]!, CHOICES.doors[0]!] }, 'MESSAGE_INVALID'],
    ['a member twice', { members: [CHOICES.members[0]!, CHOICES.members[0]!] }, 'MESSAGE_INVALID'],
    ['a place that is none', { doors: [{ ...CHOICES.doors[0]!, place: [91_000_000, 0] as const }] }, 'MESSAGE_INVALID'],
    ['a name that hides something', { members: [{ ...CHOICES.members[0]!, name: 'a\u202eb' }] }, 'TEXT_INVALID'],
    ['an agency that is none', { requests: { ...CHOICES.requests, muted: ['http://x'] } }, 'MESSAGE_INVALID'],
    ['a member more', { theme: 'dark' }, 'MESSAGE_INVALID'],
  ])('are neither sealed nor believed with %s', async (_, change, code) => {
    const choices = { ...CHOICES, ...change } as SettingsChoices
    await expect(seal(choices)).rejects.toMatchObject({ code })
    // What encode would refuse, another program can sign all the same.
    const raw = fromUtf8(openFile(await seal(), partner.identity))
    const { payload } = householdSettings.parse(raw)
    const header = { alg: 'Ed25519', kid: owner.signer.thumbprint, typ: householdSettings.typ }
    const forged = await signCompact(header, { ...payload, latchkey: { ...payload.latchkey, choices } }, owner.signer)
    await expect(open(seal_(forged))).rejects.toMatchObject({ code })
  })

  test('fit with the longest lists of usual values', async () => {
    const full: SettingsChoices = {
      ...CHOICES,
      doors: Array.from({ length: 8 }, (_, i) => ({ ...CHOICES.doors[0]!, device: id(i), name: 'ä'.repeat(60) })),
      requests: {
        ...CHOICES.requests,
        muted: Array.from({ length: 32 }, (_, i) => `https://${'p'.repeat(60)}${i}.example`),
      },
      members: Array.from({ length: 16 }, (_, i) => ({
        thumbprint: encodeBase64url(new Uint8Array(32).fill(i)),
        name: 'ä'.repeat(60),
      })),
    }
    const file = await seal(full)
    expect(file.length).toBeLessThan(MAX_SETTINGS_BYTES)
    expect((await open(file)).payload.latchkey.choices).toEqual(full)
  })
})

const choices: fc.Arbitrary<SettingsChoices> = fc.record({
  doors: fc.uniqueArray(
    fc.record({
      device: fc.constantFrom(id(1), id(2), id(3)),
      name: fc.constantFrom('a', 'b'),
      place: fc.constantFrom(null, [1, 2] as [number, number]),
    }),
    { selector: ({ device }) => device },
  ),
  requests: fc.record({
    on: fc.boolean(),
    muted: fc.uniqueArray(fc.constantFrom('https://a.example', 'https://b.example')),
    pausedUntilMs: fc.constantFrom(null, 5, 9),
  }),
  quiet: fc.constantFrom(null, { fromMinute: 1, toMinute: 2 }, { fromMinute: 3, toMinute: 4 }),
  pushHour: fc.constantFrom(null, 8, 18),
  members: fc.uniqueArray(
    fc.record({
      thumbprint: fc.constantFrom(root.thumbprint, owner.signer.thumbprint),
      name: fc.constantFrom('x', 'y'),
    }),
    { selector: ({ thumbprint }) => thumbprint },
  ),
})
/** Lists as sets: a merge may order them anew. */
const unordered = ({ doors, members, requests, ...rest }: SettingsChoices) => ({
  ...rest,
  doors: new Map(doors.map((door) => [door.device, door])),
  members: new Map(members.map((one) => [one.thumbprint, one])),
  requests: { ...requests, muted: new Set(requests.muted) },
})

describe('a lost race', () => {
  test('takes over what only one side changed', () => {
    fc.assert(
      fc.property(choices, choices, (base, changed) => {
        expect(unordered(mergeSettings(base, changed, base))).toEqual(unordered(changed))
        expect(unordered(mergeSettings(base, base, changed))).toEqual(unordered(changed))
        expect(unordered(mergeSettings(base, changed, changed))).toEqual(unordered(changed))
      }),
    )
  })

  test('never asks more of a household than one side wanted to, where both said something', () => {
    fc.assert(
      fc.property(choices, choices, choices, (base, mine, theirs) => {
        const merged = mergeSettings(base, mine, theirs)
        if (!mine.requests.on && !theirs.requests.on) expect(merged.requests.on).toBe(false)
        if (mine.requests.on !== base.requests.on && theirs.requests.on !== base.requests.on)
          expect(merged.requests.on).toBe(mine.requests.on && theirs.requests.on)
        for (const uri of mine.requests.muted)
          if (!base.requests.muted.includes(uri)) expect(merged.requests.muted).toContain(uri)
        for (const uri of theirs.requests.muted)
          if (!base.requests.muted.includes(uri)) expect(merged.requests.muted).toContain(uri)
      }),
    )
  })

  test('keeps what both phones added', () => {
    const mine = { ...FIRST_CHOICES, doors: [CHOICES.doors[0]!] }
    const theirs = { ...FIRST_CHOICES, doors: [{ ...CHOICES.doors[0]!, device: id(2), name: 'Yard' }], pushHour: 7 }
    const merged = mergeSettings(FIRST_CHOICES, mine, theirs)
    expect(merged.doors.map(({ name }) => name)).toEqual(['Yard', 'Front door'])
    expect(merged.pushHour).toBe(7)
  })

  test('keeps a camera that was renamed here and removed there', () => {
    const renamed = { ...CHOICES, doors: [{ ...CHOICES.doors[0]!, name: 'Porch' }] }
    expect(mergeSettings(CHOICES, renamed, { ...CHOICES, doors: [] }).doors).toEqual(renamed.doors)
    expect(mergeSettings(CHOICES, CHOICES, { ...CHOICES, doors: [] }).doors).toEqual([])
  })
})

test.each([
  [null, 0, false],
  [{ fromMinute: 60, toMinute: 120 }, 59, false],
  [{ fromMinute: 60, toMinute: 120 }, 60, true],
  [{ fromMinute: 60, toMinute: 120 }, 119, true],
  [{ fromMinute: 60, toMinute: 120 }, 120, false],
  [{ fromMinute: 1_320, toMinute: 420 }, 1_319, false],
  [{ fromMinute: 1_320, toMinute: 420 }, 1_320, true],
  [{ fromMinute: 1_320, toMinute: 420 }, 0, true],
  [{ fromMinute: 1_320, toMinute: 420 }, 419, true],
  [{ fromMinute: 1_320, toMinute: 420 }, 420, false],
  [{ fromMinute: 0, toMinute: 0 }, 700, true],
])('quiet hours %j at minute %i: %s', (quiet, minute, expected) => {
  expect(isQuietAt(quiet, minute)).toBe(expected)
})
