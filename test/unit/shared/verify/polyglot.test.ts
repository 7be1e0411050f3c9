import {
  buildConsent,
  clipManifest,
  digestOf,
  encodeBase64url,
  encodeDescriptor,
  fromUtf8,
  hashLeaf,
  keyCommitmentOf,
  plaintextCommitmentOf,
  recoverFileKey,
  rootOfLeaves,
  type SealedItem,
  sha256,
  utf8,
  verifyBundle,
  wrapHeader,
} from '@latchkey/shared'
import { describe, expect, test } from 'vitest'
import { createPolyglot } from '../../../support/polyglot.ts'
import {
  bundleFilesOf,
  createParties,
  createSyntheticCase,
  type SyntheticCase,
} from '../../../support/synthetic-case.ts'

const polyglot = createPolyglot([utf8('a visitor rings and leaves'), utf8('a visitor takes the parcel')])
const nonce = polyglot.payload.subarray(0, 16)

/** A dishonest device: commits to the first key and text, and gives `fileKey` to the household. */
function polyglotItem(fileKey: Uint8Array, recipients: readonly string[]): SealedItem {
  return {
    header: wrapHeader(fileKey, recipients),
    payload: polyglot.payload,
    keyCommitment: keyCommitmentOf(polyglot.fileKeys[0], nonce),
    plaintextCommitment: plaintextCommitmentOf(polyglot.fileKeys[0], nonce, sha256(polyglot.plaintexts[0])),
  }
}

function planOf(given: SyntheticCase) {
  return {
    ...given,
    agencyName: 'Example Police Department',
    relayOrigin: given.request.payload.aud,
    items: [1],
    purpose: 'case-investigation',
    retentionDays: 7,
    utcOffsetMinutes: 0,
    disclosure: null,
    seen: null,
    nowSeconds: given.consent.payload.iat,
  }
}

describe('a payload that two keys open', () => {
  test('exists: each key authenticates it and reads its own story', () => {
    expect(fromUtf8(polyglot.plaintexts[0].subarray(0, 26))).toBe('a visitor rings and leaves')
    expect(fromUtf8(polyglot.plaintexts[1].subarray(32, 58))).toBe('a visitor takes the parcel')
    expect(polyglot.plaintexts[0]).not.toEqual(polyglot.plaintexts[1])
  })

  test('is refused by the phone before it wraps anything', async () => {
    const given = await createSyntheticCase()
    const { identity } = given.parties.owner
    const header = wrapHeader(polyglot.fileKeys[1], [identity.recipient])
    const committed = { nonce, keyCommitment: keyCommitmentOf(polyglot.fileKeys[0], nonce) }
    expect(() => recoverFileKey(header, identity, committed)).toThrow(
      expect.objectContaining({ code: 'COMMITMENT_MISMATCH' }),
    )
  })

  test('yields no consent', async () => {
    const given = await createSyntheticCase()
    const { owner } = given.parties
    const item = polyglotItem(polyglot.fileKeys[1], [owner.identity.recipient])
    const descriptors = given.descriptors.map((descriptor, i) =>
      i === 1
        ? {
            ...descriptor,
            payloadSha256: digestOf(item.payload),
            payloadBytes: item.payload.length,
            keyCommitment: encodeBase64url(item.keyCommitment),
            plaintextCommitment: encodeBase64url(item.plaintextCommitment),
          }
        : descriptor,
    )
    const itemsRoot = encodeBase64url(rootOfLeaves(descriptors.map((one) => hashLeaf(encodeDescriptor(one)))))
    const { payload } = given.manifest
    const manifest = clipManifest.parse(
      await clipManifest.encode({ ...payload, latchkey: { ...payload.latchkey, itemsRoot } }, given.parties.device),
    )
    const headers = new Map(
      given.sealed.map((sealed, i) => [i, { header: sealed.header, nonce: sealed.payload.subarray(0, 16) }]),
    ).set(1, { header: item.header, nonce })
    const building = buildConsent({ ...planOf(given), descriptors, manifest }, owner, headers)
    await expect(building).rejects.toMatchObject({ code: 'COMMITMENT_MISMATCH' })
  })

  test('is found by the verifier when an owner gives the other key on purpose', async () => {
    const { owner, requester } = createParties()
    const given = await createSyntheticCase({
      edits: {
        sealed: ([init, , ...rest]) => [init!, polyglotItem(polyglot.fileKeys[0], [owner.identity.recipient]), ...rest],
        headers: ([init, , ...rest]) => [
          init!,
          wrapHeader(polyglot.fileKeys[1], [requester.identity.recipient]),
          ...rest,
        ],
      },
    })
    const files = await bundleFilesOf(given.parts)
    const { identity } = requester
    const failed = verifyBundle(files, given.verifierTrust, { identity }).checks.filter(
      ({ status }) => status === 'failed',
    )
    expect(failed.map(({ number }) => number)).toEqual([14])
    const file = [...files.keys()].find((path) => path.includes('00001-media'))
    expect(failed[0]!.findings).toMatchObject([{ code: 'COMMITMENT_MISMATCH', file }])
  })
})
