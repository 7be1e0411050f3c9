import {
  type Ack,
  ack,
  approval,
  beginKeysetChain,
  countingKeysets,
  deviceCertificate,
  followKeysets,
  generateIdentity,
  isNewKeyset,
  type Keyset,
  keyset,
  type KeysetChain,
  keysetInForce,
  keysetLabel,
  type Leaf,
  type ListedKeyset,
  type LoggedKeyset,
  type Member,
  pendingKeyset,
  type PublicJwk,
  rawKeyOf,
  ROOT_DELAY_MS,
  settleKeysets,
  type Signed,
} from '@latchkey/shared'
import { describe, expect, test } from 'vitest'
import { codeThrown } from '../../../support/damage.ts'
import { changed, type KeyName, type Mutable, rawOf, signerOf } from '../../../support/vector-case.ts'
import vectors from '../../../vectors/formats.json' with { type: 'json' }

const HOUR_MS = 3_600_000
const LOGGED_HOUR = Math.floor(vectors.nowSeconds / 3600)
const LOGGED_MS = LOGGED_HOUR * HOUR_MS
const root: PublicJwk = signerOf('root').jwk
const first = keyset.parse(rawOf('keyset'))
const begun = beginKeysetChain(first, root)
const certificate = rawOf('device')

type Change = (claims: Mutable<Keyset>) => void
type Step = { readonly by: KeyName; readonly behind: Signed<Keyset>; readonly change?: Change }

/** Owners are `member` and `second`, and both must agree to what is no mere addition. */
async function nextOf({ by, behind, change = () => undefined }: Step): Promise<Signed<Keyset>> {
  const claims = changed(first.payload, (copy) => {
    Object.assign(copy.latchkey, { version: behind.payload.latchkey.version + 1, previous: behind.digest })
    change(copy)
  })
  return keyset.parse(await keyset.encode(claims, signerOf(by)))
}

const phone = (): Member => ({
  signingKey: signerOf('requester').jwk,
  recipient: generateIdentity().recipient,
  role: 'viewer',
})
const add: Change = (claims) => void claims.latchkey.members.push(phone())
const drop: Change = (claims) => {
  claims.latchkey.members.pop()
  claims.latchkey.quorum = 1
}
const restore =
  (effectiveMs: number): Change =>
  (claims) => {
    const saviour: Member = { ...phone(), role: 'owner' }
    Object.assign(claims.latchkey, { members: [saviour], quorum: 1, effectiveMs })
  }

async function pressFor(next: Signed<Keyset>, by: KeyName = 'device', deviceRaw = certificate) {
  const claims = changed(ack.parse(rawOf('ack')).payload, (copy: Mutable<Ack>) => (copy.latchkey.keyset = next.digest))
  return { ack: await ack.encode(claims, signerOf(by)), deviceCertificate: deviceRaw }
}

async function approvalFor(next: Signed<Keyset>, by: KeyName): Promise<string> {
  const claims = changed(approval.parse(rawOf('approval')).payload, (copy) => (copy.latchkey.consent = next.digest))
  return approval.encode(claims, signerOf(by))
}

const leafOf = ({ payload, digest }: Signed<Keyset>, hour = LOGGED_HOUR): Leaf => ({
  v: 1,
  type: 'keyset',
  data: { label: keysetLabel(rawKeyOf(root), payload.latchkey.version), digest },
  hour,
})

const listed = (signed: Signed<Keyset>, more: Partial<ListedKeyset> = {}): ListedKeyset => ({
  keyset: signed.raw,
  index: signed.payload.latchkey.version,
  press: null,
  approvals: [],
  ...more,
})

const offer = (signed: Signed<Keyset>, more: Partial<ListedKeyset> = {}, hour?: number): LoggedKeyset => ({
  listed: listed(signed, more),
  leaf: leafOf(signed, hour),
})

const known: LoggedKeyset = { listed: listed(first), leaf: null }
const follow = (chain: KeysetChain, offered: readonly LoggedKeyset[], nowMs = LOGGED_MS) =>
  followKeysets(chain, [known, ...offered], { root, nowMs })
const standings = (chain: KeysetChain) => chain.map(({ standing }) => standing)
const faults = ({ findings }: ReturnType<typeof followKeysets>) => findings.map(({ fault, code }) => `${fault} ${code}`)

describe('a chain of keysets', () => {
  test('begins with what the pinned root signed, and with nothing else', async () => {
    expect(countingKeysets(begun)).toEqual([first])
    const other = await nextOf({ by: 'root', behind: first })
    expect(codeThrown(() => beginKeysetChain(other, root))).toBe('KEYSET_INVALID')
    expect(codeThrown(() => beginKeysetChain(first, signerOf('member').jwk))).toBe('KEYSET_INVALID')
  })

  test('grows by an owner with a button, then by a quorum; the newest is in force, all count', async () => {
    const second = await nextOf({ by: 'member', behind: first, change: add })
    const third = await nextOf({ by: 'member', behind: second })
    const offered = [
      offer(second, { press: await pressFor(second) }),
      offer(third, { approvals: [await approvalFor(third, 'second')] }),
    ]
    const { chain, findings } = follow(begun, offered)
    expect(findings).toEqual([])
    expect(countingKeysets(chain).map(({ digest }) => digest)).toEqual([first.digest, second.digest, third.digest])
    expect(keysetInForce(chain).digest).toBe(third.digest)
    expect(follow(chain, offered)).toEqual({ chain, findings: [] })
    expect([known, ...offered].filter((one) => isNewKeyset(chain, one.listed))).toEqual([])
  })

  test.each<[name: string, more: (next: Signed<Keyset>) => Promise<Partial<ListedKeyset>>, code: string]>([
    ['without a button', () => Promise.resolve({}), 'KEYSET_INVALID'],
    ['with somebody else’s button', async (next) => ({ press: await pressFor(next, 'member') }), 'KEYSET_INVALID'],
    [
      'with the button of a device for which no owner vouched',
      async (next) => {
        const claims = deviceCertificate.parse(certificate).payload
        const forged = await deviceCertificate.encode(claims, signerOf('relay'))
        return { press: await pressFor(next, 'device', forged) }
      },
      'DEVICE_INVALID',
    ],
    ['with papers that cannot be read', () => Promise.resolve({ approvals: ['a.b.c'] }), 'ENCODING_INVALID'],
  ])('does not take an addition %s', async (_, more, code) => {
    const second = await nextOf({ by: 'member', behind: first, change: add })
    const followed = follow(begun, [offer(second, await more(second))])
    expect(followed.chain).toEqual(begun)
    expect(faults(followed)).toEqual([`unfounded ${code}`])
    expect(followed.findings[0]).toMatchObject({ held: first.raw, refused: second.raw })
  })

  test('takes nothing that the log does not hold in its place', async () => {
    const second = await nextOf({ by: 'member', behind: first, change: add })
    const press = await pressFor(second)
    const refused = async (leaf: Leaf | null) => faults(follow(begun, [{ listed: listed(second, { press }), leaf }]))
    expect(await refused(leafOf(second))).toEqual([])
    expect(await refused(leafOf(first))).toEqual(['unlogged LOG_PROOF_INVALID'])
    expect(await refused(null)).toEqual(['unlogged LOG_PROOF_INVALID'])
    const { data } = leafOf(second) as Extract<Leaf, { type: 'keyset' }>
    const otherLabel: Leaf = { v: 1, type: 'keyset', data: { ...data, label: second.digest }, hour: LOGGED_HOUR }
    expect(await refused(otherLabel)).toEqual(['unlogged LOG_PROOF_INVALID'])
  })

  test('never loses a version, and names a second holder of one a fork only when it is as validly made', async () => {
    const second = await nextOf({ by: 'member', behind: first, change: add })
    const rival = await nextOf({ by: 'second', behind: first, change: add })
    const stranger = await nextOf({ by: 'requester', behind: first, change: add })
    const one = offer(second, { press: await pressFor(second) })
    const { chain } = follow(begun, [one])
    expect(faults(follow(chain, []))).toEqual(['rolled-back KEYSET_SUPERSEDED'])
    expect(faults(followKeysets(chain, [], { root, nowMs: LOGGED_MS }))).toEqual(['rolled-back KEYSET_SUPERSEDED'])
    const forked = follow(chain, [one, offer(rival, { press: await pressFor(rival) })])
    expect(faults(forked)).toEqual(['forked KEYSET_FORK'])
    expect(forked).toMatchObject({ chain, findings: [{ held: second.raw, refused: rival.raw }] })
    expect(faults(follow(chain, [one, offer(stranger)]))).toEqual(['unfounded KEYSET_INVALID'])
    const otherFirst = keyset.parse(await keyset.encode({ ...first.payload, iat: 1 }, signerOf('root')))
    expect(faults(follow(chain, [one, offer(otherFirst)]))).toEqual(['forked KEYSET_FORK'])
  })

  test('has no gap: a version whose forerunner is withheld does not follow', async () => {
    const second = await nextOf({ by: 'member', behind: first, change: add })
    const third = await nextOf({ by: 'member', behind: second })
    const followed = follow(begun, [offer(third, { approvals: [await approvalFor(third, 'second')] })])
    expect(faults(followed)).toEqual(['unfounded KEYSET_INVALID'])
    expect(followed.chain).toEqual(begun)
  })

  test('does not let a removed owner go on', async () => {
    const second = await nextOf({ by: 'member', behind: first, change: drop })
    const third = await nextOf({ by: 'second', behind: second, change: drop })
    const one = offer(second, { approvals: [await approvalFor(second, 'second')] })
    expect(faults(follow(begun, [one, offer(third)]))).toEqual(['unfounded SIGNATURE_INVALID'])
  })
})

describe('a keyset by the root alone', () => {
  const dueMs = LOGGED_MS + ROOT_DELAY_MS
  const dueHour = dueMs / HOUR_MS

  test('waits its 73 hours, counted from its entry in the log, and then counts', async () => {
    const second = await nextOf({ by: 'root', behind: first, change: restore(dueMs) })
    const { chain, findings } = follow(begun, [offer(second)])
    expect(findings).toEqual([])
    expect(standings(chain)).toEqual(['counts', 'pending'])
    expect(keysetInForce(chain)).toBe(first)
    expect(pendingKeyset(chain)?.digest).toBe(second.digest)
    expect(settleKeysets(chain, dueMs - 1)).toBe(chain)
    const settled = settleKeysets(chain, dueMs)
    expect(keysetInForce(settled).digest).toBe(second.digest)
    expect(pendingKeyset(settled)).toBeNull()
    const soon = await nextOf({ by: 'root', behind: first, change: restore(dueMs - 1) })
    expect(faults(follow(begun, [offer(soon)]))).toEqual(['unfounded KEYSET_INVALID'])
  })

  test('is void when its owners answered before its time, however late anybody looks', async () => {
    const second = await nextOf({ by: 'root', behind: first, change: restore(dueMs) })
    const third = await nextOf({ by: 'member', behind: second })
    const approvals = [await approvalFor(third, 'second')]
    const offered = [offer(second), offer(third, { approvals }, dueHour - 1)]
    const { chain, findings } = follow(begun, offered, dueMs + 30 * HOUR_MS)
    expect(findings).toEqual([])
    expect(standings(chain)).toEqual(['counts', 'voided', 'counts'])
    expect(countingKeysets(chain).map(({ digest }) => digest)).toEqual([first.digest, third.digest])
    expect(follow(chain, offered)).toEqual({ chain, findings: [] })
  })

  test('can no longer be answered once its time has come', async () => {
    const second = await nextOf({ by: 'root', behind: first, change: restore(dueMs) })
    const third = await nextOf({ by: 'member', behind: second })
    const approvals = [await approvalFor(third, 'second')]
    const followed = follow(begun, [offer(second), offer(third, { approvals }, dueHour)], dueMs + HOUR_MS)
    expect(standings(followed.chain)).toEqual(['counts', 'counts'])
    expect(faults(followed)).toEqual(['unfounded SIGNATURE_INVALID'])
  })

  test('is followed by its own members from its time on, and not before', async () => {
    const second = await nextOf({ by: 'root', behind: first, change: (claims) => {
      claims.latchkey.members = claims.latchkey.members.slice(1)
      Object.assign(claims.latchkey, { quorum: 1, effectiveMs: dueMs })
    } }) // prettier-ignore
    const third = await nextOf({ by: 'second', behind: second, change: (claims) => {
      claims.latchkey.members = claims.latchkey.members.slice(1)
      claims.latchkey.quorum = 1
    } }) // prettier-ignore
    const good = follow(begun, [offer(second), offer(third, {}, dueHour)], dueMs)
    expect(good.findings).toEqual([])
    expect(standings(good.chain)).toEqual(['counts', 'counts', 'counts'])
    expect(faults(follow(begun, [offer(second), offer(third, {}, dueHour - 2)], dueMs))).toEqual([
      'unfounded SIGNATURE_INVALID',
    ])
  })

  test('is not followed by another of the root while it waits', async () => {
    const second = await nextOf({ by: 'root', behind: first, change: restore(dueMs) })
    const third = await nextOf({ by: 'root', behind: second, change: restore(dueMs + HOUR_MS) })
    const followed = follow(begun, [offer(second), offer(third)])
    expect(standings(followed.chain)).toEqual(['counts', 'pending'])
    expect(faults(followed)).toEqual(['unfounded KEYSET_INVALID'])
  })
})
