/** A phone's wish to be told: read by its doorbells, by nobody on the way, and believed only as its own. */
import {
  createSigner,
  encodeRecipient,
  generateIdentity,
  identityOfSeed,
  type Keyset,
  openPushKeys,
  type PushWish,
  randomBytes,
  recipientOfKey,
  sealFile,
  sealPushKeys,
  type Signer,
  utf8,
} from '@latchkey/shared'
import { ed25519 } from '@noble/curves/ed25519.js'
import { describe, expect, test } from 'vitest'
import { createPushBrowser } from '../../../support/push-browser.ts'

const root = createSigner(randomBytes(32))
const [phone, viewer, stranger] = [0, 1, 2].map(() => createSigner(randomBytes(32))) as [Signer, Signer, Signer]
const seed = randomBytes(32)
const doorbell = createSigner(seed)
const memberOf = (signer: Signer, role: 'owner' | 'viewer') => ({
  signingKey: signer.jwk,
  recipient: generateIdentity().recipient,
  role,
})
const household: Keyset = {
  iss: root.urn,
  iat: 1,
  latchkey: {
    v: 1,
    version: 1,
    previous: null,
    effectiveMs: 1,
    members: [memberOf(phone, 'owner'), memberOf(viewer, 'viewer')],
    recovery: generateIdentity().recipient,
    quorum: 1,
  },
}
const { p256dh, auth } = createPushBrowser()
const wish: PushWish = { p256dh, auth, events: ['motion', 'ring'] }

const seal = (signer: Signer, change: Partial<Parameters<typeof sealPushKeys>[1]> = {}) =>
  sealPushKeys(wish, { household: root.urn, signer, doorbells: [doorbell.jwk], nowSeconds: 1, ...change })
const open = async (file: Uint8Array, member = phone.thumbprint) =>
  openPushKeys(file, await identityOfSeed(seed, doorbell.jwk), { keyset: household, member })

describe('what is sealed to a signing key', () => {
  test('is sealed to the point that its curve’s map gives, for whoever has the seed', async () => {
    for (let round = 0; round < 20; round++) {
      const secret = randomBytes(32)
      const { jwk } = createSigner(secret)
      const oracle = ed25519.utils.toMontgomery(ed25519.getPublicKey(secret))
      expect(recipientOfKey(jwk)).toBe(encodeRecipient(oracle))
      expect((await identityOfSeed(secret, jwk)).recipient).toBe(recipientOfKey(jwk))
    }
  })

  test('needs that seed and no other', async () => {
    await expect(identityOfSeed(randomBytes(32), doorbell.jwk)).rejects.toMatchObject({ code: 'KEY_INVALID' })
  })
})

describe('a phone’s push keys', () => {
  test('open at every doorbell of the household, for an owner’s phone and a viewer’s', async () => {
    const doorbells = [createSigner(randomBytes(32)).jwk, doorbell.jwk]
    expect(await open(await seal(phone, { doorbells }))).toEqual(wish)
    expect(await open(await seal(viewer), viewer.thumbprint)).toEqual(wish)
  })

  test('hold nothing that can be read without a doorbell’s seed', async () => {
    const file = Buffer.from(await seal(phone)).toString('latin1')
    for (const secret of [p256dh, auth, 'ring', phone.thumbprint]) expect(file).not.toContain(secret)
    const given = { keyset: household, member: phone.thumbprint }
    const opening = openPushKeys(await seal(phone), generateIdentity(), given)
    await expect(opening).rejects.toMatchObject({ code: 'AGE_NO_MATCH' })
  })

  test('are not believed of a stranger, of another member, of another household, or when they are no such message', async () => {
    const refused: [file: Uint8Array, code: string, member?: string][] = [
      [await seal(stranger), 'SIGNATURE_INVALID'],
      [await seal(stranger), 'SIGNATURE_INVALID', stranger.thumbprint],
      [await seal(viewer), 'SIGNATURE_INVALID', phone.thumbprint],
      [await seal(phone, { household: stranger.urn }), 'SIGNATURE_INVALID'],
      [sealFile(utf8('ring me'), [recipientOfKey(doorbell.jwk)]), 'JWS_INVALID'],
      [randomBytes(4_097), 'MESSAGE_TOO_LARGE'],
    ]
    for (const [file, code, member] of refused) await expect(open(file, member)).rejects.toMatchObject({ code })
  })

  test('go to eight doorbells at most', async () => {
    const many = (count: number) => Array.from({ length: count }, () => createSigner(randomBytes(32)).jwk)
    expect((await seal(phone, { doorbells: many(8) })).length).toBeLessThanOrEqual(4_096)
    await expect(seal(phone, { doorbells: many(60) })).rejects.toMatchObject({ code: 'MESSAGE_TOO_LARGE' })
  })
})
