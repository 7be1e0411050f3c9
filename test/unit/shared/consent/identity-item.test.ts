import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  assertIdentityItem,
  canonicalBytes,
  codeOf,
  encodeIdentity,
  generateIdentity,
  IDENTITY_ITEM_BYTES,
  openIdentity,
  type OwnerDetails,
  planOriginals,
  renderOpened,
  sealFile,
  sealIdentity,
  utf8,
  verifyBundle,
} from '@latchkey/shared'
import { describe, expect, test } from 'vitest'
import { bundleFilesOf, createSyntheticCase } from '../../../support/synthetic-case.ts'
import { createTemporaryFolder } from '../../../support/temporary-folder.ts'

const identity = generateIdentity()
const longest: OwnerDetails = {
  name: '\u{1F511}'.repeat(120),
  email: '"'.repeat(254),
  phone: '\u{1F511}'.repeat(40),
  address: '\u{1F511}'.repeat(240),
}
const TOLD: OwnerDetails = { name: 'Ada Öwner', phone: '+1 555 0100' }

const thrownBy = (act: () => unknown): string => {
  try {
    act()
    return 'nothing'
  } catch (error) {
    return codeOf(error)
  }
}

describe('a sealed identity', () => {
  test.each([TOLD, { name: 'A' }, { address: '1 Street' }, longest])('comes back as it was told', (details) => {
    const sealed = sealIdentity(details, identity.recipient)
    expect(openIdentity(sealed, identity)).toEqual(details)
    expect(sealed).toHaveLength(IDENTITY_ITEM_BYTES)
  })

  test('opens with the stock age, which shows the JSON', async () => {
    await using folder = await createTemporaryFolder()
    const at = (name: string) => join(folder.path, name)
    writeFileSync(at('identity.json.age'), sealIdentity(TOLD, identity.recipient))
    writeFileSync(at('key'), `${encodeIdentity(identity)}\n`)
    const text = execFileSync('age', ['-d', '-i', at('key'), at('identity.json.age')], { encoding: 'utf8' })
    expect(JSON.parse(text)).toEqual({ v: 1, details: TOLD })
  })

  test('tells nobody else anything', () => {
    expect(thrownBy(() => openIdentity(sealIdentity(TOLD, identity.recipient), generateIdentity()))).toBe(
      'AGE_NO_MATCH',
    )
  })

  test.each([
    [{}, 'MESSAGE_INVALID'],
    [{ name: '' }, 'MESSAGE_INVALID'],
    [{ name: 'x'.repeat(121) }, 'MESSAGE_INVALID'],
    [{ name: 'a\u202Eb' }, 'TEXT_INVALID'],
    [{ name: 'a\nb' }, 'TEXT_INVALID'],
    [{ nickname: 'A' } as OwnerDetails, 'MESSAGE_INVALID'],
  ])('is not made of %j', (details, code) => {
    expect(thrownBy(() => sealIdentity(details, identity.recipient))).toBe(code)
  })

  test('is refused in every other form, with or without the key', () => {
    const sealed = sealIdentity(TOLD, identity.recipient)
    const toTwo = sealFile(new Uint8Array(3_072), [identity.recipient, generateIdentity().recipient])
    for (const file of [sealed.subarray(1), new Uint8Array(IDENTITY_ITEM_BYTES), toTwo, new Uint8Array()])
      expect(['CONSENT_INVALID', 'AGE_HEADER_INVALID']).toContain(thrownBy(() => assertIdentityItem(file)))
    const padded = (text: Uint8Array) => {
      const plain = new Uint8Array(3_072).fill(0x20)
      plain.set(text)
      return sealFile(plain, [identity.recipient])
    }
    for (const [text, code] of [
      [utf8('not JSON'), 'JSON_INVALID'],
      [utf8('{"v":1, "details":{"name":"A"}}'), 'JSON_NOT_CANONICAL'],
      [canonicalBytes({ v: 1, details: {} }), 'MESSAGE_INVALID'],
      [canonicalBytes({ v: 2, details: TOLD }), 'MESSAGE_INVALID'],
    ] as const)
      expect(thrownBy(() => openIdentity(padded(text), identity))).toBe(code)
  })
})

describe('a bundle with a sealed identity', async () => {
  const given = await createSyntheticCase({ disclosure: TOLD })
  const files = await bundleFilesOf(given.parts)
  const { requester } = given.parties
  const failed = (changed: ReadonlyMap<string, Uint8Array>) =>
    verifyBundle(changed, given.verifierTrust, { identity: requester.identity })
      .checks.filter(({ status }) => status === 'failed')
      .flatMap(({ number, findings }) => findings.map(({ code, file }) => `${number} ${code} ${file}`))

  test('passes, and its requester alone reads it', () => {
    const verdict = verifyBundle(files, given.verifierTrust, { identity: requester.identity })
    expect(verdict).toMatchObject({ passed: true, ownerDetails: TOLD, facts: { hasOwnerDetails: true } })
    expect(verifyBundle(files, given.verifierTrust)).toMatchObject({ passed: true, ownerDetails: null })
    const { facts, opened, ownerDetails } = verdict
    const content = { opened: opened!, files: planOriginals(opened!), ownerDetails }
    const texts = renderOpened(facts!, content, { openedSeconds: 1, tool: 'a test' })
    expect(JSON.parse(texts.get('owner-details.json')!)).toEqual(TOLD)
    expect(texts.get('SHA256SUMS')).toContain('  owner-details.json\n')
    expect(texts.get('certification-draft.txt')).toContain('which nobody checked')
    expect(texts.get('certification-draft.txt')).not.toContain(TOLD.name)
  })

  test('fails without it, with another one, and where the consent names none', async () => {
    const path = 'data/identity.json.age'
    const without = new Map(files)
    without.delete(path)
    expect(failed(without)).toContain(`2 BUNDLE_INVALID ${path}`)
    const other = sealIdentity({ name: 'Somebody else' }, requester.identity.recipient)
    expect(failed(new Map(files).set(path, other))).toContain(`13 CONSENT_INVALID ${path}`)
    const plain = await createSyntheticCase()
    const added = new Map(await bundleFilesOf(plain.parts)).set(path, other)
    expect(failed(added)).toContain(`1 BUNDLE_INVALID ${path}`)
  })

  test('fails, with the key, when it holds something else than details', async () => {
    const junk = sealFile(new Uint8Array(3_072), [requester.identity.recipient])
    expect(thrownBy(() => openIdentity(junk, requester.identity))).toBe('JSON_INVALID')
  })
})
