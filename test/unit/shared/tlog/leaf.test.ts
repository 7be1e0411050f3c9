import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { fromUtf8, utf8 } from '../../../../shared/src/bytes/bytes.ts'
import { canonicalBytes } from '../../../../shared/src/bytes/canonical-json.ts'
import { digestOf } from '../../../../shared/src/crypto/hash.ts'
import { createSigner } from '../../../../shared/src/crypto/keys.ts'
import {
  encodeLeaf,
  keysetLabel,
  type Leaf,
  LEAF_TYPES,
  leafHourOf,
  leafHourStartMs,
  parseLeaf,
  SEALED_KINDS,
  sealedLeafData,
} from '../../../../shared/src/tlog/leaf.ts'
import { codeThrown, damagedCopies, valueOrCode } from '../../../support/damage.ts'

const digest = digestOf(utf8('x'))
const agency = 'https://police.example'
const hour = 496_000
const { jwk } = createSigner(new Uint8Array(32).fill(1))

const EXAMPLES: { [T in Leaf['type']]: Extract<Leaf, { type: T }>['data'] } = {
  request: {
    agency,
    requestDigest: digest,
    policy: digest,
    incidentType: 'burglary',
    cells: ['u33d8', 'u33db'],
    areaM2: 250_000,
    windowStartMs: 1_790_000_000_000,
    windowEndMs: 1_790_003_600_000,
    caseHash: digest,
  },
  refusal: { agency, code: 'AREA_TOO_LARGE', requestDigest: digest },
  agency: {
    uri: agency,
    name: 'Example Police Department',
    kind: 'municipal-police',
    status: 'active',
    keys: [jwk],
    statusSinceMs: 1_790_000_000_000,
    noticeUntilMs: 1_791_000_000_000,
  },
  outcome: { agency, requestDigest: digest, digest },
  policy: { digest },
  app: { name: 'owner', digest },
  disclosure: { digest },
  feed: { digest },
  legal: { digest, removes: digest },
  statistics: { digest },
  keyset: { label: digest, digest },
  sealed: digest,
}
const leafOf = (type: Leaf['type'], data: unknown = EXAMPLES[type]) => ({ v: 1, type, data, hour }) as Leaf

describe('leaves', () => {
  test.each(LEAF_TYPES)('%s goes through its bytes unchanged', (type) => {
    const leaf = leafOf(type)
    const bytes = encodeLeaf(leaf)
    expect(parseLeaf(bytes)).toEqual(leaf)
    expect(fromUtf8(bytes).startsWith('{"data":')).toBe(true)
  })

  test.each(LEAF_TYPES)('%s is MESSAGE_INVALID with a member more, and with data of every other type', (type) => {
    const parse = (leaf: unknown) => codeThrown(() => parseLeaf(canonicalBytes(leaf)))
    expect(parse({ ...leafOf(type), more: 1 })).toBe('MESSAGE_INVALID')
    expect(parse({ ...leafOf(type), v: 2 })).toBe('MESSAGE_INVALID')
    expect(parse({ ...leafOf(type), hour: -1 })).toBe('MESSAGE_INVALID')
    if (typeof EXAMPLES[type] === 'object')
      expect(parse(leafOf(type, { ...EXAMPLES[type], more: 1 }))).toBe('MESSAGE_INVALID')
    const shape = (data: unknown) => Object.keys(data as object).join()
    for (const other of LEAF_TYPES) {
      if (shape(EXAMPLES[other]) === shape(EXAMPLES[type]) || (type === 'legal' && shape(EXAMPLES[other]) === 'digest'))
        continue
      expect(parse(leafOf(type, EXAMPLES[other]))).toBe('MESSAGE_INVALID')
    }
  })

  test('of a type outside the closed list are MESSAGE_INVALID', () => {
    for (const type of ['consent', 'release', '', 'constructor', null, 1])
      expect(codeThrown(() => parseLeaf(canonicalBytes({ v: 1, type, data: digest, hour })))).toBe('MESSAGE_INVALID')
    for (const value of [null, [], 'x', 1])
      expect(codeThrown(() => parseLeaf(canonicalBytes(value)))).toBe('MESSAGE_INVALID')
  })

  test('have sorted, distinct cells', () => {
    for (const cells of [['u33db', 'u33d8'], ['u33d8', 'u33d8'], [], ['u33d'], ['u33da']])
      expect(codeThrown(() => encodeLeaf(leafOf('request', { ...EXAMPLES.request, cells })))).toBe('MESSAGE_INVALID')
  })

  test('above 16 KiB are MESSAGE_TOO_LARGE, in other spellings JSON_NOT_CANONICAL', () => {
    expect(codeThrown(() => parseLeaf(new Uint8Array(16_385)))).toBe('MESSAGE_TOO_LARGE')
    const spaced = utf8(JSON.stringify(leafOf('sealed'), null, 1))
    expect(codeThrown(() => parseLeaf(spaced))).toBe('JSON_NOT_CANONICAL')
  })

  test('cut or with a flipped bit give a leaf or one of our codes', () => {
    for (const { copy } of damagedCopies(encodeLeaf(leafOf('request'))))
      expect(Object.keys(valueOrCode(() => parseLeaf(copy)))).toHaveLength(1)
  })

  test('say the hour, not the minute', () => {
    const startMs = leafHourStartMs(hour)
    expect([startMs - 1, startMs, startMs + 3_599_999, startMs + 3_600_000].map(leafHourOf)).toEqual([
      hour - 1,
      hour,
      hour,
      hour + 1,
    ])
  })
})

describe('commitments', () => {
  const salt = new Uint8Array(32).fill(5)
  const sha256b64u = (...parts: (Uint8Array | string)[]) =>
    createHash('sha256')
      .update(Buffer.concat(parts.map((part) => Buffer.from(part))))
      .digest('base64url')

  test.each(SEALED_KINDS)('to a %s are the hash the protocol names', (kind) => {
    const object = utf8('a.b.c')
    expect(sealedLeafData(salt, kind, object)).toBe(sha256b64u('latchkey/v1/leaf', '\0', salt, kind, '\0', object))
  })

  test('need a salt of 32 bytes', () => {
    expect(codeThrown(() => sealedLeafData(salt.subarray(1), 'day', salt))).toBe('MESSAGE_INVALID')
  })

  test('to a keyset version bind root key and version', () => {
    const root = new Uint8Array(32).fill(7)
    const version = Buffer.from('0000000000000003', 'hex')
    expect(keysetLabel(root, 3)).toBe(sha256b64u('latchkey/v1/keyset', '\0', root, version))
    expect(keysetLabel(root, 4)).not.toBe(keysetLabel(root, 3))
  })
})
