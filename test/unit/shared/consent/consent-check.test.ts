import {
  approval,
  checkConsent,
  checkQuorum,
  type Consent,
  type ConsentCase,
  digestOf,
  type Finding,
  headersDigest,
  type ItemDescriptor,
  parseIdentity,
  utf8,
  wrapHeader,
} from '@latchkey/shared'
import { describe, expect, test } from 'vitest'
import {
  changed,
  createConsentCase,
  type KeyName,
  type Mutable,
  rawOf,
  resigned,
  signerOf,
} from '../../../support/vector-case.ts'
import vectors from '../../../vectors/formats.json' with { type: 'json' }

const base = createConsentCase()
const OTHER = digestOf(utf8('something else'))
const REQUESTER = vectors.age.requester.recipient

const codes = (findings: readonly Finding[]) =>
  findings.map(({ code, field }) => (field === undefined ? code : `${code} ${field}`))

/** The codes for a consent with changed claims, everything else as it should be. */
async function afterClaims(change: (claims: Mutable<Consent>) => void, by?: KeyName) {
  return codes(checkConsent(await resigned(base, change, by)))
}

/** A case in which other items are named: headers, their digest, descriptors and notice all fit. */
async function naming(
  items: [number, number][],
  change: (descriptor: Mutable<ItemDescriptor>) => void = () => undefined,
): Promise<ConsentCase> {
  const count = items.reduce((sum, [first, last]) => sum + last - first + 1, 0)
  const headers = Array.from({ length: count }, (_, i) => base.headers[i % base.headers.length]!)
  const descriptors = new Map([...base.descriptors].map(([index, item]) => [index, changed(item, change)]))
  return resigned({ ...base, headers, descriptors }, (claims) => {
    claims.authorization_details[0]!.items = items
    claims.authorization_details[0]!.headersSha256 = headersDigest(headers)
  })
}

test('a good consent has no findings', () => {
  expect(checkConsent(base)).toEqual([])
})

describe('exactly one finding when the consent', () => {
  const LATEST = base.request.payload.exp
  test.each<[name: string, finding: string, change: (claims: Mutable<Consent>) => void]>([
    ['names another keyset', 'KEYSET_SUPERSEDED keyset', (c) => (c.latchkey.keyset = OTHER)],
    ['is issued by another household', 'CONSENT_ISSUER iss', (c) => (c.iss = signerOf('relay').urn)],
    ['names another device', 'CONSENT_ISSUER deviceCertificate', (c) => (c.latchkey.deviceCertificate = OTHER)],
    ['names another manifest', 'CONSENT_INVALID identifier', (c) => (c.authorization_details[0]!.identifier = OTHER)],
    ['names another request', 'CONSENT_REQUEST request', (c) => (c.latchkey.request = OTHER)],
    ['names another requester', 'CONSENT_REQUESTER sub', (c) => (c.sub = signerOf('agency').urn)],
    [
      'wraps to another recipient',
      'CONSENT_REQUESTER sub',
      (c) => (c.authorization_details[0]!.recipient = vectors.age.member.recipient),
    ],
    ['is meant for another relay', 'CONSENT_INVALID aud', (c) => (c.aud[0] = 'https://other.example')],
    ['is meant for another agency', 'CONSENT_INVALID aud', (c) => (c.aud[1] = 'https://other.example')],
    ['leaves no undo period', 'CONSENT_INVALID nbf', (c) => Object.assign(c, { nbf: c.iat + 539, exp: c.iat + 600 })],
    ['expires as it begins', 'CONSENT_INVALID exp', (c) => (c.exp = c.nbf)],
    ['lives too long', 'CONSENT_INVALID exp', (c) => (c.exp = c.nbf + 259_201)],
    [
      'outlives the request',
      'CONSENT_INVALID exp',
      (c) => Object.assign(c, { iat: LATEST - 1_000, nbf: LATEST - 400, exp: LATEST + 1 }),
    ],
    [
      'was signed before the request',
      'CONSENT_INVALID exp',
      (c) =>
        Object.assign(c, {
          iat: base.request.payload.iat - 61,
          nbf: base.request.payload.iat + 600,
          exp: base.request.payload.iat + 700,
        }),
    ],
    ['has a purpose of its own', 'CONSENT_PURPOSE purpose', (c) => (c.latchkey.purpose = 'marketing')],
    ['promises longer keeping', 'CONSENT_RETENTION retentionDays', (c) => (c.latchkey.retentionDays = 31)],
    ['gives too many downloads', 'CONSENT_INVALID maxDownloads', (c) => (c.latchkey.maxDownloads = 4)],
    ['has a range backwards', 'CONSENT_INVALID items', (c) => (c.authorization_details[0]!.items = [[2, 0]])],
    [
      'has ranges that overlap',
      'CONSENT_INVALID items',
      (c) => (c.authorization_details[0]!.items = [[0, 1], [1, 2]]), // prettier-ignore
    ],
    [
      'has ranges that should be one',
      'CONSENT_INVALID items',
      (c) => (c.authorization_details[0]!.items = [[0, 1], [2, 2]]), // prettier-ignore
    ],
    ['names an item that is not there', 'CONSENT_INVALID items', (c) => (c.authorization_details[0]!.items = [[3, 5]])],
    ['signs other headers', 'CONSENT_HEADERS headers', (c) => (c.authorization_details[0]!.headersSha256 = OTHER)],
  ])('%s', async (_, finding, change) => {
    expect(await afterClaims(change)).toEqual([finding])
  })

  test.each<KeyName>(['requester', 'root', 'device'])('is signed by the %s', async (by) => {
    expect(await afterClaims(() => undefined, by)).toEqual(['CONSENT_INVALID'])
  })

  test('is signed by a member who may only watch', () => {
    const keyset = changed(base.keyset, (copy) => (copy.payload.latchkey.members[0]!.role = 'viewer'))
    expect(codes(checkConsent({ ...base, keyset }))).toEqual(['CONSENT_INVALID'])
  })

  test.each<[name: string, finding: string, change: Partial<ConsentCase>]>([
    [
      'is for a clip of another device',
      'CONSENT_ISSUER deviceCertificate',
      { manifest: changed(base.manifest, (m) => (m.payload.iss = signerOf('relay').urn)) },
    ],
    [
      'is for a clip under another certificate',
      'CONSENT_ISSUER deviceCertificate',
      { manifest: changed(base.manifest, (m) => (m.payload.latchkey.deviceCertificate = OTHER)) },
    ],
    ['reaches another relay', 'CONSENT_INVALID aud', { relayOrigin: 'https://other.example' }],
    ['had another agency name on the screen', 'CONSENT_NOTICE notice', { agencyName: 'Vector Police ' }],
    ['comes with a header too few', 'CONSENT_HEADERS headers', { headers: base.headers.slice(1) }],
    ['comes with a header too many', 'CONSENT_HEADERS headers', { headers: [...base.headers, base.headers[0]!] }],
    ['comes with headers in another order', 'CONSENT_HEADERS headers', { headers: base.headers.toReversed() }],
  ])('%s', (_, finding, change) => {
    expect(codes(checkConsent({ ...base, ...change }))).toEqual([finding])
  })

  test.each<[name: string, change: (notice: Mutable<Consent['latchkey']['notice']>) => void]>([
    ['words', (notice) => (notice.sha256 = OTHER)],
    ['version', (notice) => (notice.version = 2)],
    ['language', (notice) => (notice.language = 'nl')],
    ['offset from UTC', (notice) => (notice.utcOffsetMinutes = 0)],
  ])('has another notice: %s', (_, change) => {
    const consent = changed(base.consent, (copy) => change(copy.payload.latchkey.notice))
    // Its signature is over the raw text, which stays: only the claims that the notice check reads differ.
    expect(codes(checkConsent({ ...base, consent }))).toEqual(['CONSENT_NOTICE notice'])
  })
})

describe('the limits are inclusive:', () => {
  test.each<[name: string, change: (claims: Mutable<Consent>) => void]>([
    ['undo period less the tolerance', (c) => Object.assign(c, { nbf: c.iat + 540, exp: c.iat + 600 })],
    ['whole life', (c) => (c.exp = c.nbf + 259_200)],
    ['a life of one second', (c) => (c.exp = c.nbf + 1)],
    ['keeping as long as the request says', (c) => (c.latchkey.retentionDays = 30)],
    ['all downloads', (c) => (c.latchkey.maxDownloads = 3)],
  ])('%s', async (_, change) => {
    expect(await afterClaims(change)).toEqual([])
  })
})

describe('items', () => {
  const { window } = base.request.payload.authorization_details[0]!
  /** The vector's clock: what it stamped was 12 ms late, and that is known to 40 ms. */
  const [OFFSET_MS, SLACK_MS] = [-12, 40]
  const at = (startMs: number) => (item: Mutable<ItemDescriptor>) => {
    if (item.kind !== 'init') item.startMs = startMs
  }

  test.each<[name: string, startMs: number, findings: string[]]>([
    ['ending at the window, widened by the clock', window.startMs - 2_000 - SLACK_MS - OFFSET_MS, []],
    ['ending before it', window.startMs - 2_001 - SLACK_MS - OFFSET_MS, ['CONSENT_OUTSIDE_WINDOW items']],
    ['starting at its end, widened by the clock', window.endMs + SLACK_MS - OFFSET_MS, []],
    ['starting after it', window.endMs + SLACK_MS - OFFSET_MS + 1, ['CONSENT_OUTSIDE_WINDOW items']],
  ])('media %s', async (_, startMs, findings) => {
    expect(codes(checkConsent(await naming([[0, 2]], at(startMs))))).toEqual(findings)
  })

  test('a poster outside the window is refused, meta has no time', async () => {
    const early = at(window.startMs - 10_000)
    expect(codes(checkConsent(await naming([[3, 3]], early)))).toEqual(['CONSENT_OUTSIDE_WINDOW items'])
    expect(codes(checkConsent(await naming([[4, 4]], early)))).toEqual([])
  })

  test('media without init, and audio without audioInit, are refused', async () => {
    expect(codes(checkConsent(await naming([[1, 2]])))).toEqual(['CONSENT_INIT_MISSING items'])
    const sound = await naming([[0, 3]], (item) => {
      if (item.kind === 'poster') item.kind = 'audio'
    })
    expect(codes(checkConsent(sound))).toEqual(['CONSENT_INIT_MISSING items'])
  })

  test('the poster alone may be given', async () => {
    expect(codes(checkConsent(await naming([[3, 3]])))).toEqual([])
  })
})

describe('a header', () => {
  const fileKey = new Uint8Array(16)
  const good = base.headers[0]!
  test.each([
    ['of two stanzas', wrapHeader(fileKey, [REQUESTER, REQUESTER])],
    ['with a byte more', Uint8Array.from([...good, 0x0a])],
    ['with a byte less', good.subarray(0, -1)],
    ['of another kind', Uint8Array.from(Buffer.from(Buffer.from(good).toString().replace('X25519', 'X25518')))],
    ['that is empty', new Uint8Array(0)],
  ])('%s is refused', async (_, header) => {
    const headers = [header, ...base.headers.slice(1)]
    const subject = await resigned({ ...base, headers }, (claims) => {
      claims.authorization_details[0]!.headersSha256 = headersDigest(headers)
    })
    expect(codes(checkConsent(subject))).toEqual(['CONSENT_HEADERS headers'])
  })

  test('of ours has the size that a release header has', () => {
    expect(wrapHeader(fileKey, [parseIdentity(vectors.age.requester.identity).recipient])).toHaveLength(168)
  })
})

describe('a quorum of two', () => {
  const yes = approval.parse(rawOf('approval'))
  const approvalBy = async (by: KeyName, change: (claims: Mutable<typeof yes.payload>) => void = () => undefined) =>
    approval.parse(await approval.encode(changed(yes.payload, change), signerOf(by)))
  const outcome = async (...approvals: Promise<typeof yes>[]) =>
    codes(checkQuorum(base.consent, base.keyset, await Promise.all(approvals)))

  test('is met by another owner, also among approvals that do not count', async () => {
    expect(await outcome(approvalBy('member'), approvalBy('second'))).toEqual([])
  })

  test.each<[name: string, () => Promise<typeof yes>]>([
    ['the one who consented', () => approvalBy('member')],
    ['a stranger', () => approvalBy('requester')],
    ['an owner for another consent', () => approvalBy('second', (c) => (c.latchkey.consent = OTHER))],
    ['an owner under another keyset', () => approvalBy('second', (c) => (c.latchkey.keyset = OTHER))],
    ['an owner in another household', () => approvalBy('second', (c) => (c.iss = signerOf('relay').urn))],
  ])('is not met by %s', async (_, by) => {
    expect(await outcome(by())).toEqual(['CONSENT_QUORUM'])
  })

  test('is not asked for where one owner is enough', () => {
    const keyset = changed(base.keyset, (copy) => (copy.payload.latchkey.quorum = 1))
    expect(checkQuorum(base.consent, keyset, [])).toEqual([])
  })
})
