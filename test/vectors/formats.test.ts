/** Every format of ours against one case that was made without our code: `make/make-formats.ts`. */
import {
  ack,
  approval,
  canonicalJson,
  checkConsent,
  checkFirstKeyset,
  checkPairingAnswer,
  checkPairingDone,
  checkPairingHello,
  checkQuorum,
  checkRequest,
  clipManifest,
  clipRequest,
  consent,
  type ConsentCase,
  createSigner,
  dayRecord,
  decodeBase64url,
  deviceCertificate,
  digestOf,
  digestOfJson,
  digestOfJws,
  dpopBodyClaim,
  encodeDescriptor,
  encodeDpop,
  encodeIdentity,
  fromHex,
  hashLeaf,
  hello,
  investigatorCertificate,
  isSignedBy,
  itemDescriptor,
  keyset,
  keysetLabel,
  mailboxOf,
  mqttCredential,
  openCommitted,
  openFile,
  openPayload,
  pairingAnswer,
  parseDpop,
  parseIdentity,
  parseWith,
  policy,
  rawKeyOf,
  received,
  recoverFileKey,
  release,
  revocation,
  rootOfLeaves,
  sealedLeafData,
  sha256,
  stored,
  thumbprintOf,
  urnOf,
  utf8,
  concatBytes,
  encodeBase64url,
  type DpopClaims,
  type MessageType,
  type PublicJwk,
} from '@latchkey/shared'
import { plaintextsDigest } from '../../shared/src/verify/opened.ts'
import { compactVerify, importJWK } from 'jose'
import { describe, expect, test } from 'vitest'
import vectors from './formats.json' with { type: 'json' }

const MESSAGES: Readonly<Record<string, MessageType<unknown>>> = {
  ack,
  approval,
  clip: clipManifest,
  consent,
  day: dayRecord,
  device: deviceCertificate,
  hello,
  investigator: investigatorCertificate,
  keyset,
  mqtt: mqttCredential,
  received,
  release,
  request: clipRequest,
  revoke: revocation,
  stored,
}

const keys = vectors.keys as Record<string, { seed: string; jwk: PublicJwk; thumbprint: string; urn: string }>
const object = (name: string) => vectors.objects.find((entry) => entry.name === name)!
const raw = (name: string) => object(name).raw
const answer = parseWith(pairingAnswer, vectors.pairing.answer, 'answer')
const signedObjects = vectors.objects.filter(({ name }) => name !== 'dpop')

describe('a signed object made by openssl', () => {
  test('is there for every message type', () => {
    expect(signedObjects.map(({ name }) => name).sort()).toEqual(Object.keys(MESSAGES))
  })

  test.each(signedObjects)('$name parses, verifies, has the digest, and is what we would sign', async (entry) => {
    const key = keys[entry.signer]!
    const message = MESSAGES[entry.name]!
    const signed = message.parse(entry.raw)
    expect(signed.payload).toEqual(entry.payload)
    expect(signed.digest).toBe(entry.digest)
    expect(isSignedBy(signed, key.jwk)).toBe(true)
    expect(isSignedBy(signed, keys['agency']!.jwk)).toBe(entry.signer === 'agency')
    expect(await message.encode(entry.payload, createSigner(fromHex(key.seed)))).toBe(entry.raw)
  })

  test.each(vectors.objects)('$name verifies with jose', async (entry) => {
    const key = await importJWK(keys[entry.signer]!.jwk, 'Ed25519')
    const { payload } = await compactVerify(entry.raw, key, { algorithms: ['Ed25519'] })
    expect(JSON.parse(new TextDecoder().decode(payload))).toEqual(entry.payload)
  })
})

test('keys have the thumbprints and URNs that openssl computed', () => {
  for (const { seed, jwk, thumbprint, urn } of Object.values(keys)) {
    expect(createSigner(fromHex(seed)).jwk).toEqual(jwk)
    expect(thumbprintOf(jwk)).toBe(thumbprint)
    expect(urnOf(jwk)).toBe(urn)
  }
})

test('identities of age-keygen keep their text and their recipient', () => {
  for (const { identity, recipient } of Object.values(vectors.age)) {
    expect(parseIdentity(identity).recipient).toBe(recipient)
    expect(encodeIdentity(parseIdentity(identity))).toBe(identity)
  }
})

test('a DPoP proof parses to its caller, its body and its digest', async () => {
  const { raw: proof, payload, digest, signer } = object('dpop')
  const parsed = parseDpop(proof)
  expect(parsed).toMatchObject({ claims: payload, digest, thumbprint: keys[signer]!.thumbprint })
  expect(parsed.claims.body).toBe(dpopBodyClaim(decodeBase64url(vectors.dpopBody)))
  expect(await encodeDpop(payload as DpopClaims, createSigner(fromHex(keys[signer]!.seed)))).toBe(proof)
})

describe('pairing', () => {
  const secret = decodeBase64url(vectors.pairing.secret)

  test('gives the mailbox, the MAC and the six digits', () => {
    expect(mailboxOf(secret)).toBe(vectors.pairing.mailbox)
    const outcome = checkPairingAnswer(secret, raw('hello'), answer)
    expect(outcome).toMatchObject({ rootUrn: keys['root']!.urn, digits: vectors.pairing.digits })
  })

  test('is accepted by the phone from hello to done', () => {
    const { logVkey } = hello.parse(raw('hello')).payload.latchkey
    const invitation = { relay: vectors.relay, device: keys['device']!.thumbprint, logVkey, secret }
    const greeting = checkPairingHello(raw('hello'), invitation)
    expect(checkPairingDone(raw('ack'), greeting, answer).digest).toBe(object('ack').digest)
  })

  test('refuses the answer of whoever has another secret', () => {
    expect(() => checkPairingAnswer(sha256(secret), raw('hello'), answer)).toThrow('not from the holder')
  })
})

describe('sealed items by the age program', () => {
  const owner = parseIdentity(vectors.age.member.identity)
  const requester = parseIdentity(vectors.age.requester.identity)
  const descriptors = vectors.items.map(({ descriptor }) => parseWith(itemDescriptor, descriptor, 'descriptor'))

  test.each(vectors.items)('item $descriptor.index opens, and both commitments hold', (item) => {
    const payload = decodeBase64url(item.payload)
    const committed = {
      nonce: payload.subarray(0, 16),
      keyCommitment: decodeBase64url(item.descriptor.keyCommitment),
      plaintextCommitment: decodeBase64url(item.descriptor.plaintextCommitment),
    }
    const fileKey = recoverFileKey(decodeBase64url(item.header), owner, committed)
    expect(encodeBase64url(fileKey)).toBe(item.fileKey)
    expect(digestOf(openCommitted(fileKey, payload, committed))).toBe(item.plaintextSha256)
    expect(digestOf(payload)).toBe(item.descriptor.payloadSha256)
  })

  test('descriptors have their canonical bytes, and the root that the manifest names', () => {
    expect(descriptors.map(canonicalJson)).toEqual(vectors.items.map(({ canonical }) => canonical))
    const root = rootOfLeaves(descriptors.map((descriptor) => hashLeaf(encodeDescriptor(descriptor))))
    expect(encodeBase64url(root)).toBe(clipManifest.parse(raw('clip')).payload.latchkey.itemsRoot)
  })

  test('a release header opens for the requester alone', () => {
    vectors.releaseHeaders.forEach((header, i) => {
      const released = concatBytes(decodeBase64url(header), decodeBase64url(vectors.items[i]!.payload))
      expect(released.length - decodeBase64url(vectors.items[i]!.payload).length).toBe(168)
      expect(digestOf(openFile(released, requester))).toBe(vectors.items[i]!.plaintextSha256)
      expect(() => openFile(released, owner)).toThrow('no stanza')
    })
  })
})

describe('the case as a whole', () => {
  const rules = parseWith(policy, vectors.policy, 'policy')
  const request = clipRequest.parse(raw('request'))
  const signedKeyset = keyset.parse(raw('keyset'))
  const subject: ConsentCase = {
    consent: consent.parse(raw('consent')),
    headers: vectors.releaseHeaders.map(decodeBase64url),
    keyset: signedKeyset,
    deviceCertificate: deviceCertificate.parse(raw('device')),
    manifest: clipManifest.parse(raw('clip')),
    descriptors: new Map(
      vectors.items.map(({ descriptor }) => [descriptor.index, parseWith(itemDescriptor, descriptor, 'descriptor')]),
    ),
    request,
    agencyName: vectors.agencyName,
    relayOrigin: vectors.relay,
    policy: rules,
  }

  test('is a first keyset, an acceptable request and an acceptable consent', () => {
    expect(checkFirstKeyset(signedKeyset, keys['root']!.jwk)).toEqual({ findings: [], authority: 'root-first' })
    expect(digestOfJson(vectors.policy)).toBe(request.payload.latchkey.policy)
    const history = { sameCase: 0, lastDay: 0, last30Days: 0, open: 0, overdue: 0 }
    expect(checkRequest(request.payload, rules, { nowMs: vectors.nowSeconds * 1000, history })).toEqual([])
    expect(checkConsent(subject)).toEqual([])
  })

  test('has the notice whose words were written by hand', () => {
    expect(digestOf(utf8(vectors.notice))).toBe(subject.consent.payload.latchkey.notice.sha256)
  })

  test('needs the second owner, who approved', () => {
    expect(checkQuorum(subject.consent, signedKeyset, []).map(({ code }) => code)).toEqual(['CONSENT_QUORUM'])
    expect(checkQuorum(subject.consent, signedKeyset, [approval.parse(raw('approval'))])).toEqual([])
  })

  test('is bound in the log as openssl hashed it', () => {
    const { salt, data } = vectors.sealedLeaf
    expect(sealedLeafData(decodeBase64url(salt), 'consent', utf8(raw('consent')))).toBe(data)
    expect(keysetLabel(rawKeyOf(keys['root']!.jwk), 1)).toBe(vectors.keysetLeaf.label)
  })

  test('has the receipt for exactly the plaintexts that were given', () => {
    const opened = vectors.items.slice(0, 3).map((item) => {
      const payload = decodeBase64url(item.payload)
      const descriptor = parseWith(itemDescriptor, item.descriptor, 'descriptor')
      const fileKey = decodeBase64url(item.fileKey)
      return { descriptor, fileKey, plaintext: openPayload(fileKey, payload) }
    })
    expect(plaintextsDigest(opened)).toBe(received.parse(raw('received')).payload.latchkey.plaintextsSha256)
  })

  test('is named link by link', () => {
    const { latchkey } = release.parse(raw('release')).payload
    expect([latchkey.request, latchkey.consent, latchkey.proof]).toEqual(
      ['request', 'consent', 'dpop'].map((name) => digestOfJws(raw(name))),
    )
  })
})
