/** Keys that never leave the platform do what keys in memory do: they open what the `age` program sealed, and sign. */
import { execFileSync } from 'node:child_process'
import {
  consent,
  encodeBase64url,
  fromHex,
  generateIdentity,
  type HeaderOpener,
  identityOf,
  isSignedBy,
  keyCommitmentOf,
  openFile,
  openFileWith,
  openHeaderWith,
  parseHeader,
  randomBytes,
  recoverFileKeyWith,
  sealFile,
  toHex,
  utf8,
  verifyEd25519,
  rawKeyOf,
  webOpenerOf,
  webSignerOf,
  type WebKeyPair,
  wrapHeader,
} from '@latchkey/shared'
import { beforeAll, describe, expect, test } from 'vitest'
import { createSyntheticCase } from '../../../support/synthetic-case.ts'
import vectors from '../../../vectors/x25519-wycheproof.json' with { type: 'json' }

const generate = async (name: string, usages: KeyUsages) =>
  (await crypto.subtle.generateKey(name, false, usages)) as WebKeyPair
type KeyUsages = Parameters<typeof crypto.subtle.generateKey>[2]

let opener: HeaderOpener
let pair: WebKeyPair
beforeAll(async () => {
  pair = await generate('X25519', ['deriveBits'])
  opener = await webOpenerOf(pair)
})

describe('a phone’s X25519 key', () => {
  test('cannot be read out', async () => {
    await expect(crypto.subtle.exportKey('pkcs8', pair.privateKey)).rejects.toThrow('not extractable')
  })

  test('opens what the age program sealed to it and to another', async () => {
    const text = Buffer.from(randomBytes(70_000))
    const other = generateIdentity()
    const sealed = execFileSync('age', ['-e', '-r', other.recipient, '-r', opener.recipient], { input: text })
    expect(Buffer.from(await openFileWith(sealed, opener)).equals(text)).toBe(true)
    expect(Buffer.from(await openFileWith(sealed, other)).equals(text)).toBe(true)
  })

  test('opens nothing that was sealed to somebody else', async () => {
    const sealed = sealFile(utf8('theirs'), [generateIdentity().recipient])
    await expect(openFileWith(sealed, opener)).rejects.toMatchObject({ code: 'AGE_NO_MATCH' })
  })

  test('recovers a committed file key, and refuses another', async () => {
    const [fileKey, nonce] = [randomBytes(16), randomBytes(16)]
    const keyCommitment = keyCommitmentOf(fileKey, nonce)
    const header = wrapHeader(fileKey, [opener.recipient])
    const recovered = await recoverFileKeyWith(header, opener, { nonce, keyCommitment })
    expect(toHex(recovered)).toBe(toHex(fileKey))
    const swapped = wrapHeader(randomBytes(16), [opener.recipient])
    await expect(recoverFileKeyWith(swapped, opener, { nonce, keyCommitment })).rejects.toMatchObject({
      code: 'COMMITMENT_MISMATCH',
    })
  })

  test('refuses a changed header', async () => {
    const header = wrapHeader(randomBytes(16), [opener.recipient, generateIdentity().recipient])
    const parsed = parseHeader(header)
    const mac = parsed.mac.map((byte, at) => (at === 7 ? byte ^ 1 : byte))
    await expect(openHeaderWith({ ...parsed, mac }, opener)).rejects.toMatchObject({ code: 'AGE_HEADER_INVALID' })
  })

  test.each(vectors.smallOrder)('refuses the small-order share %s', async (point) => {
    const share = fromHex(point)
    expect(await opener.agree(share)).toBeNull()
    const header = parseHeader(wrapHeader(randomBytes(16), [opener.recipient]))
    const [stanza] = header.stanzas
    const forged = { ...stanza!, args: [Buffer.from(share).toString('base64').replace(/=$/, '')] }
    const refusal = { code: 'AGE_HEADER_INVALID', message: 'X25519 share has small order' }
    await expect(openHeaderWith({ ...header, stanzas: [forged] }, opener)).rejects.toMatchObject(refusal)
    // An opener that does not look hands on the zeros.
    const careless = { ...opener, agree: () => new Uint8Array(32) }
    await expect(openHeaderWith({ ...header, stanzas: [forged] }, careless)).rejects.toMatchObject(refusal)
  })

  test.each(vectors.cases as [number, string, string, string][])(
    'agrees with published vector %i',
    async (_, point, secretHex, expected) => {
      const secret = fromHex(secretHex)
      const pkcs8 = Uint8Array.from([...fromHex('302e020100300506032b656e04220420'), ...secret])
      const privateKey = await crypto.subtle.importKey('pkcs8', pkcs8, 'X25519', false, ['deriveBits'])
      const platform = await webOpenerOf({ privateKey, publicKey: pair.publicKey })
      for (const agreed of [await platform.agree(fromHex(point)), identityOf(secret).agree(fromHex(point))])
        expect(agreed && toHex(agreed)).toBe(/^0+$/.test(expected) ? null : expected)
    },
  )

  test('what memory sealed, memory and platform open alike', async () => {
    const identity = generateIdentity()
    const file = sealFile(utf8('both'), [identity.recipient, opener.recipient])
    expect(openFile(file, identity)).toEqual(utf8('both'))
    expect(await openFileWith(file, opener)).toEqual(utf8('both'))
  })
})

describe('a phone’s Ed25519 key', () => {
  test('signs what the strict verification accepts', async () => {
    const signing = await generate('Ed25519', ['sign', 'verify'])
    const signer = await webSignerOf(signing)
    const message = randomBytes(300)
    const signature = await signer.sign(message)
    expect(verifyEd25519(rawKeyOf(signer.jwk), message, signature)).toBe(true)
    await expect(crypto.subtle.exportKey('pkcs8', signing.privateKey)).rejects.toThrow('not extractable')
  })

  test('signs a message of ours', async () => {
    const signer = await webSignerOf(await generate('Ed25519', ['sign', 'verify']))
    const { consent: given } = await createSyntheticCase()
    const raw = await consent.encode({ ...given.payload, jti: encodeBase64url(randomBytes(16)) }, signer)
    expect(isSignedBy(consent.parse(raw), signer.jwk)).toBe(true)
  })
})
