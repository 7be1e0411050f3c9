import {
  type Ack,
  ack,
  approval,
  checkFirstKeyset,
  checkKeysetForm,
  checkNextKeyset,
  deviceCertificate,
  type Finding,
  generateIdentity,
  type Keyset,
  keyset,
  type KeysetChange,
  type Member,
  type PublicJwk,
  ROOT_DELAY_MS,
  type Signed,
} from '@latchkey/shared'
import { describe, expect, test } from 'vitest'
import { changed, type KeyName, type Mutable, rawOf, signerOf } from '../../../support/vector-case.ts'
import vectors from '../../../vectors/formats.json' with { type: 'json' }

const first = keyset.parse(rawOf('keyset'))
const root: PublicJwk = signerOf('root').jwk
const LEAF_MS = vectors.nowSeconds * 1000
const certificate = deviceCertificate.parse(rawOf('device'))

const codes = (findings: readonly Finding[]) =>
  findings.map(({ code, field }) => (field === undefined ? code : `${code} ${field}`))

type Change = (claims: Mutable<Keyset>) => void

async function signedKeyset(change: Change, by: KeyName): Promise<Signed<Keyset>> {
  const claims = changed(first.payload, change)
  return keyset.parse(await keyset.encode(claims, signerOf(by)))
}

/** The keyset after `first`, with a change. */
const nextKeyset = (change: Change, by: KeyName) =>
  signedKeyset((claims) => {
    Object.assign(claims.latchkey, { version: 2, previous: first.digest })
    change(claims)
  }, by)

const newMember: Member = {
  signingKey: signerOf('requester').jwk,
  recipient: generateIdentity().recipient,
  role: 'owner',
}
const add: Change = (claims) => claims.latchkey.members.push(newMember)
const remove: Change = (claims) => {
  claims.latchkey.members.pop()
  claims.latchkey.quorum = 1
}

async function pressed(
  next: Signed<Keyset>,
  { by = 'device', change }: { by?: KeyName; change?: (claims: Mutable<Ack>) => void } = {},
): Promise<NonNullable<KeysetChange['ack']>> {
  const claims = changed(ack.parse(rawOf('ack')).payload, (copy) => {
    copy.latchkey.keyset = next.digest
    change?.(copy)
  })
  return { signed: ack.parse(await ack.encode(claims, signerOf(by))), certificate }
}

async function approvedBy(next: Signed<Keyset>, by: KeyName) {
  const claims = changed(approval.parse(rawOf('approval')).payload, (copy) => (copy.latchkey.consent = next.digest))
  return approval.parse(await approval.encode(claims, signerOf(by)))
}

const verdict = (change: KeysetChange) => {
  const { findings, authority } = checkNextKeyset(first, change, { root, leafMs: LEAF_MS })
  return [...codes(findings), authority]
}

describe('any keyset', () => {
  test.each<[name: string, finding: string, change: Change]>([
    ['needs an owner', 'KEYSET_INVALID members', (c) => {
      for (const member of c.latchkey.members) member.role = 'viewer'
      c.latchkey.quorum = 1
    }], // prettier-ignore
    ['has owners enough for its quorum', 'KEYSET_INVALID quorum', (c) => (c.latchkey.members[1]!.role = 'viewer')],
    [
      'has no signing key twice',
      'KEYSET_INVALID members',
      (c) => (c.latchkey.members[1]!.signingKey = c.latchkey.members[0]!.signingKey),
    ],
    [
      'has no recipient twice',
      'KEYSET_INVALID members',
      (c) => (c.latchkey.members[1]!.recipient = c.latchkey.members[0]!.recipient),
    ],
    [
      'has a recovery key of its own',
      'KEYSET_INVALID members',
      (c) => (c.latchkey.recovery = c.latchkey.members[0]!.recipient),
    ],
  ])('%s', (_, finding, change) => {
    const findings = checkKeysetForm(changed(first.payload, change))
    expect(codes(findings)).toContain(finding)
    expect(checkKeysetForm(first.payload)).toEqual([])
  })
})

describe('a first keyset', () => {
  const outcome = (signed: Signed<Keyset>, by: PublicJwk = root) => {
    const { findings, authority } = checkFirstKeyset(signed, by)
    return [...codes(findings), authority]
  }

  test('is signed by the root that it names', async () => {
    expect(outcome(first)).toEqual(['root-first'])
    expect(outcome(await signedKeyset(() => undefined, 'member'))).toEqual(['SIGNATURE_INVALID', null])
    expect(outcome(first, signerOf('member').jwk)).toEqual(['KEYSET_INVALID iss', 'SIGNATURE_INVALID', null])
  })

  test.each<[name: string, change: Change]>([
    ['another version', (c) => (c.latchkey.version = 2)],
    ['something before it', (c) => (c.latchkey.previous = first.digest)],
  ])('does not have %s', async (_, change) => {
    expect(outcome(await signedKeyset(change, 'root'))).toEqual(['KEYSET_INVALID version', null])
  })
})

describe('adding a member', () => {
  test('takes one owner and the press of a button', async () => {
    const next = await nextKeyset(add, 'member')
    expect(verdict({ keyset: next, ack: await pressed(next) })).toEqual(['members'])
    expect(verdict({ keyset: next })).toEqual(['KEYSET_INVALID ack', null])
  })

  test.each<[name: string, options: Parameters<typeof pressed>[1]]>([
    ['not the device’s', { by: 'member' }],
    ['for another keyset', { change: (copy) => (copy.latchkey.keyset = first.digest) }],
    ['of another device', { change: (copy) => (copy.iss = signerOf('relay').urn) }],
  ])('is refused when the press is %s', async (_, options) => {
    const next = await nextKeyset(add, 'member')
    expect(verdict({ keyset: next, ack: await pressed(next, options) })).toEqual(['KEYSET_INVALID ack', null])
  })

  test('is refused when the device is another household’s', async () => {
    const next = await nextKeyset(add, 'member')
    const other = changed(certificate, (copy) => (copy.payload.iss = signerOf('relay').urn))
    expect(verdict({ keyset: next, ack: { ...(await pressed(next)), certificate: other } })).toEqual([
      'KEYSET_INVALID ack',
      null,
    ])
  })

  test.each<KeyName>(['requester', 'device', 'relay'])('is refused when only the %s signed', async (by) => {
    const next = await nextKeyset(add, by)
    expect(verdict({ keyset: next, ack: await pressed(next) })).toEqual(['SIGNATURE_INVALID', null])
  })
})

describe('any other change', () => {
  test.each<[name: string, change: Change]>([
    ['removing a member', remove],
    ['lowering the quorum', (c) => (c.latchkey.quorum = 1)],
    ['another recovery key', (c) => (c.latchkey.recovery = newMember.recipient)],
  ])('%s takes the quorum of owners', async (_, change) => {
    const next = await nextKeyset(change, 'member')
    expect(verdict({ keyset: next })).toEqual(['SIGNATURE_INVALID', null])
    expect(verdict({ keyset: next, approvals: [await approvedBy(next, 'member')] })).toEqual([
      'SIGNATURE_INVALID',
      null,
    ])
    expect(verdict({ keyset: next, approvals: [await approvedBy(first, 'second')] })).toEqual([
      'SIGNATURE_INVALID',
      null,
    ])
    expect(verdict({ keyset: next, approvals: [await approvedBy(next, 'second')] })).toEqual(['members'])
  })

  test('of a member’s keys or role is a removal and an addition', async () => {
    const next = await nextKeyset((c) => {
      c.latchkey.members[0]!.role = 'viewer'
      c.latchkey.quorum = 1
    }, 'member')
    const approvals = [await approvedBy(next, 'second')]
    expect(verdict({ keyset: next, approvals })).toEqual(['KEYSET_INVALID ack', null])
    expect(verdict({ keyset: next, approvals, ack: await pressed(next) })).toEqual(['members'])
  })
})

describe('the chain', () => {
  test.each<[name: string, finding: string, change: Change]>([
    ['skips no version', 'KEYSET_INVALID version', (c) => (c.latchkey.version = 3)],
    ['names the keyset before', 'KEYSET_INVALID previous', (c) => (c.latchkey.previous = null)],
    ['stays in one household', 'KEYSET_INVALID iss', (c) => (c.iss = signerOf('relay').urn)],
  ])('%s', async (_, finding, change) => {
    const next = await nextKeyset(change, 'member')
    expect(verdict({ keyset: next })).toEqual([finding, null])
  })
})

describe('the root alone', () => {
  const byRoot = (effectiveMs: number) =>
    nextKeyset((claims) => {
      remove(claims)
      claims.latchkey.effectiveMs = effectiveMs
    }, 'root')

  test('may change anything, 73 hours later', async () => {
    expect(verdict({ keyset: await byRoot(LEAF_MS + ROOT_DELAY_MS) })).toEqual(['root-pending'])
  })

  test('may not be quicker', async () => {
    const next = await byRoot(LEAF_MS + ROOT_DELAY_MS - 1)
    expect(verdict({ keyset: next })).toEqual(['KEYSET_INVALID effectiveMs', null])
  })
})
