/** The age format against three oracles: the published vectors, typage, and the `age` program. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inflateSync } from 'node:zlib'
import {
  codeOf,
  encodeIdentity,
  identityOf,
  openFile,
  openHeader,
  openPayload,
  parseHeader,
  parseIdentity,
  sealFile,
  sha256,
  splitAgeFile,
  toHex,
  utf8,
  wrapHeader,
} from '@latchkey/shared'
import { Decrypter, Encrypter } from 'age-encryption'
import * as files from 'cctv-age'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

interface Vector {
  readonly name: string
  readonly fields: ReadonlyMap<string, string>
  readonly file: Uint8Array
}

function readVector(name: string, bytes: Uint8Array): Vector {
  const end = Buffer.from(bytes).indexOf('\n\n')
  const lines = Buffer.from(bytes.subarray(0, end)).toString('utf8').split('\n')
  const fields = new Map(
    lines.map((line) => [line.slice(0, line.indexOf(': ')), line.slice(line.indexOf(': ') + 2)] as const),
  )
  const body = bytes.subarray(end + 2)
  return { name, fields, file: fields.get('compressed') === 'zlib' ? inflateSync(body) : body }
}

/**
 * Ours is the X25519 profile of age in binary: what is armored, has a passphrase, or is opened by another kind of
 * identity is out of scope. Everything else runs.
 */
function isInScope({ fields }: Vector): boolean {
  const identity = fields.get('identity')
  return !fields.has('armored') && !fields.has('passphrase') && identity?.startsWith('AGE-SECRET-KEY-1') === true
}

/** The one code of ours for each outcome that the vectors name. */
const CODE_OF: Readonly<Record<string, string>> = {
  'no match': 'AGE_NO_MATCH',
  'HMAC failure': 'AGE_HEADER_INVALID',
  'header failure': 'AGE_HEADER_INVALID',
  'payload failure': 'AGE_PAYLOAD_INVALID',
}

const vectors = Object.entries(files)
  .filter((entry): entry is [string, Uint8Array] => entry[1] instanceof Uint8Array)
  .map(([name, bytes]) => readVector(name, bytes))
const inScope = vectors.filter(isInScope)

/** The 16-byte nonce, which the vectors count to the header, is the start of our payload. */
const NONCE_VECTORS = new Set(['stream_no_nonce', 'stream_short_nonce'])

function expectedOf({ name, fields }: Vector): string {
  const expected = fields.get('expect')!
  if (expected === 'success') return fields.get('payload')!
  return NONCE_VECTORS.has(name) ? 'AGE_PAYLOAD_INVALID' : CODE_OF[expected]!
}

function outcomeOf({ fields, file }: Vector): string {
  try {
    return toHex(sha256(openFile(file, parseIdentity(fields.get('identity')!))))
  } catch (error) {
    return codeOf(error)
  }
}

describe('published age vectors', () => {
  test('all of the X25519 profile run', () => {
    expect(vectors.length).toBe(143)
    expect(inScope.length).toBe(66)
  })

  test.each(inScope.map((vector) => [vector.name, vector] as const))('%s', (_, vector) => {
    expect(outcomeOf(vector)).toBe(expectedOf(vector))
  })
})

const secretOf = (name: string) => sha256(utf8(name))
const owner = identityOf(secretOf('owner'))
const recovery = identityOf(secretOf('recovery'))
const requester = identityOf(secretOf('requester'))
/** Around every boundary of a 65,536-byte chunk, where implementations of STREAM differ when they do. */
const SIZES = [0, 1, 65_535, 65_536, 65_537, 131_072, 200_000]
const textOf = (sizeBytes: number) => Uint8Array.from({ length: sizeBytes }, (_, i) => (i * 31 + (i >> 8)) & 0xff)

describe('typage', () => {
  test.each(SIZES)('opens what we seal, and we open what it seals: %i bytes', async (sizeBytes) => {
    const text = textOf(sizeBytes)
    const ours = sealFile(text, [owner.recipient, recovery.recipient])
    for (const identity of [owner, recovery]) {
      const decrypter = new Decrypter()
      decrypter.addIdentity(encodeIdentity(identity))
      expect(Buffer.from(await decrypter.decrypt(ours)).equals(text)).toBe(true)
    }
    const encrypter = new Encrypter()
    encrypter.addRecipient(owner.recipient)
    encrypter.addRecipient(recovery.recipient)
    const theirs = await encrypter.encrypt(text)
    expect(Buffer.from(openFile(theirs, recovery)).equals(text)).toBe(true)
  })
})

describe('the age program', () => {
  let folder: string
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'latchkey-age-'))
    for (const [name, identity] of Object.entries({ owner, recovery, requester }))
      writeFileSync(join(folder, name), `${encodeIdentity(identity)}\n`, { mode: 0o600 })
  })
  afterAll(() => rmSync(folder, { recursive: true }))

  const age = (args: readonly string[], input: Uint8Array) =>
    execFileSync('age', args, { input, cwd: folder, stdio: ['pipe', 'pipe', 'pipe'] })

  test.each(SIZES)('opens what we seal, and we open what it seals: %i bytes', (sizeBytes) => {
    const text = textOf(sizeBytes)
    const ours = sealFile(text, [owner.recipient, recovery.recipient])
    expect(age(['-d', '-i', 'recovery'], ours).equals(text)).toBe(true)
    const theirs = age(['-e', '-r', owner.recipient, '-r', recovery.recipient], text)
    expect(Buffer.from(openFile(theirs, owner)).equals(text)).toBe(true)
  })

  test('opens a re-wrapped header before an unchanged payload with the new key, and refuses the old', () => {
    const text = textOf(100_000)
    const { header, payload } = splitAgeFile(age(['-e', '-r', owner.recipient], text))
    const released = Buffer.concat([wrapHeader(openHeader(parseHeader(header), owner), [requester.recipient]), payload])
    expect(age(['-d', '-i', 'requester'], released).equals(text)).toBe(true)
    expect(() => age(['-d', '-i', 'owner'], released)).toThrow('no identity matched any of the recipients')
  })
})

describe('a payload', () => {
  const fileKey = secretOf('file key').subarray(0, 16)
  const file = sealFile(textOf(300), [owner.recipient])
  const { payload } = splitAgeFile(file)
  const key = openHeader(parseHeader(file), owner)

  test('is refused at every length but its own', () => {
    for (let end = 0; end < payload.length; end++)
      expect(() => openPayload(key, payload.subarray(0, end))).toThrow('payload')
  })

  test('is refused with any one bit changed, and under another key', () => {
    payload.forEach((_, at) => {
      const changed = Uint8Array.from(payload)
      changed[at]! ^= 1 << (at % 8)
      expect(() => openPayload(key, changed)).toThrow('authenticate')
    })
    expect(() => openPayload(fileKey, payload)).toThrow('authenticate')
  })
})
