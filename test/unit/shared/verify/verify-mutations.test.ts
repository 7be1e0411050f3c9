import {
  ack,
  type BundleParts,
  canonicalBytes,
  cosignCheckpoint,
  createNoteSigner,
  createSigner,
  createVerifierTrust,
  encodeTlogProof,
  encodeVkey,
  type ErrorCode,
  identityOf,
  NOTE_COSIGNATURE,
  parseTlogProof,
  revocation,
  type Trust,
  utf8,
  verifyBundle,
} from '@latchkey/shared'
import { describe, expect, test } from 'vitest'
import { rederiveBag, rehashBag } from '../../../support/bag-forger.ts'
import { createMemoryLog } from '../../../support/memory-log.ts'
import {
  bundleFilesOf,
  createParties,
  createSyntheticCase,
  REQUESTED_SECONDS,
  seededBytes,
  type SyntheticCase,
  type SyntheticOptions,
} from '../../../support/synthetic-case.ts'

const stranger = createSigner(seededBytes('stranger'))
const parties = createParties()
const witness = createNoteSigner('witness.example', createSigner(seededBytes('witness')), NOTE_COSIGNATURE)
const PROOF = 'data/proof/'

/** What must fail: the check's number, one of its codes, and the file it names. */
type Expected = readonly [check: number, code: ErrorCode, file: string]
type Parts = (parts: BundleParts, given: SyntheticCase) => BundleParts | Promise<BundleParts>

async function findingsOf(
  options: SyntheticOptions,
  change: { parts?: Parts; trust?: (trust: Trust) => Trust; files?: (files: Map<string, Uint8Array>) => void } = {},
) {
  const given = await createSyntheticCase(options)
  const files = await bundleFilesOf(change.parts ? await change.parts(given.parts, given) : given.parts)
  change.files?.(files)
  const trust = createVerifierTrust((change.trust ?? ((same) => same))(given.trust))
  const verdict = verifyBundle(change.files ? rehashBag(files) : files, trust)
  return verdict.checks.flatMap(({ number, findings }) =>
    findings.map(({ code, file }): Expected => [number, code, file]),
  )
}

describe('a change before signing is refused', () => {
  const rows: [outcome: string, options: SyntheticOptions, expected: Expected][] = [
    ['first keyset not by the root', { signers: { keyset: stranger } }, [3, 'SIGNATURE_INVALID', 'keyset-0001.jws']],
    [
      'first keyset of version 2',
      { edits: { keyset: (k) => ({ ...k, latchkey: { ...k.latchkey, version: 2 } }) } },
      [3, 'KEYSET_INVALID', 'keyset-0001.jws'],
    ],
    ['device certified by a stranger', { signers: { device: stranger } }, [4, 'DEVICE_INVALID', 'device.jws']],
    [
      'device certified under an unknown keyset',
      {
        edits: {
          deviceCertificate: (d) => ({ ...d, latchkey: { ...d.latchkey, keyset: d.latchkey.hello } }),
        },
      },
      [4, 'DEVICE_INVALID', 'device.jws'],
    ],
    ['manifest by another device', { signers: { manifest: stranger } }, [5, 'SIGNATURE_INVALID', 'manifest.jws']],
    [
      'manifest of another epoch',
      { edits: { manifest: (m) => ({ ...m, latchkey: { ...m.latchkey, epoch: 1 } }) } },
      [5, 'MANIFEST_INVALID', 'manifest.jws'],
    ],
    [
      'open manifest that names a previous one',
      { edits: { manifest: (m) => ({ ...m, latchkey: { ...m.latchkey, open: true, previous: m.latchkey.keyset } }) } },
      [5, 'MANIFEST_INVALID', 'manifest.jws'],
    ],
    [
      'later final manifest without a previous one',
      { edits: { manifest: (m) => ({ ...m, latchkey: { ...m.latchkey, sequence: 2 } }) } },
      [5, 'MANIFEST_INVALID', 'manifest.jws'],
    ],
    [
      'manifest under an unknown keyset',
      { edits: { manifest: (m) => ({ ...m, latchkey: { ...m.latchkey, keyset: m.latchkey.deviceCertificate } }) } },
      [5, 'MANIFEST_INVALID', 'manifest.jws'],
    ],
    [
      'items root over other items',
      { edits: { manifest: (m) => ({ ...m, latchkey: { ...m.latchkey, itemsRoot: m.latchkey.keyset } }) } },
      [6, 'ITEM_INVALID', 'items.json'],
    ],
    [
      'investigator certified by a stranger',
      { signers: { investigator: stranger } },
      [7, 'INVESTIGATOR_INVALID', 'investigator.jws'],
    ],
    ['request by a stranger', { signers: { request: stranger } }, [7, 'SIGNATURE_INVALID', 'request.jws']],
    [
      'request under another certificate',
      {
        edits: {
          request: (r) => ({ ...r, latchkey: { ...r.latchkey, investigatorCertificate: r.latchkey.policy } }),
        },
      },
      [7, 'REQUEST_INVALID', 'request.jws'],
    ],
    [
      'request under another policy',
      {
        edits: {
          request: (r) => ({ ...r, latchkey: { ...r.latchkey, policy: r.latchkey.investigatorCertificate } }),
        },
      },
      [7, 'POLICY_UNKNOWN', 'policy.json'],
    ],
    [
      'request for a refused purpose',
      { edits: { request: (r) => ({ ...r, latchkey: { ...r.latchkey, incidentType: 'protest' } }) } },
      [7, 'PURPOSE_REFUSED', 'request.jws'],
    ],
    [
      'agency suspended',
      { edits: { agency: (a) => ({ ...a, status: 'suspended' }) } },
      [7, 'AGENCY_SUSPENDED', 'agency.json'],
    ],
    [
      'agency of a kind that policy refuses',
      { edits: { agency: (a) => ({ ...a, kind: 'insurer' }) } },
      [7, 'AGENCY_UNKNOWN', 'agency.json'],
    ],
    [
      'agency still in its notice period',
      { edits: { agency: (a) => ({ ...a, noticeUntilMs: (REQUESTED_SECONDS + 3_600) * 1000 }) } },
      [7, 'AGENCY_NOTICE', 'agency.json'],
    ],
    [
      'agency that has not logged the signing key',
      { edits: { agency: (a) => ({ ...a, keys: [stranger.jwk] }) } },
      [7, 'INVESTIGATOR_INVALID', 'investigator.jws'],
    ],
    ['consent by a stranger', { signers: { consent: stranger } }, [8, 'CONSENT_INVALID', 'consent.jws']],
    [
      'consent for a purpose off the list',
      { edits: { consent: (c) => ({ ...c, latchkey: { ...c.latchkey, purpose: 'marketing' } }) } },
      [8, 'CONSENT_PURPOSE', 'consent.jws'],
    ],
    [
      'consent that promises longer keeping',
      { edits: { consent: (c) => ({ ...c, latchkey: { ...c.latchkey, retentionDays: 8 } }) } },
      [8, 'CONSENT_RETENTION', 'consent.jws'],
    ],
    [
      'notice of other words',
      { edits: { agency: (a) => ({ ...a, name: 'Another Department' }) } },
      [9, 'CONSENT_NOTICE', 'agency.json'],
    ],
    [
      'release before the consent begins',
      { edits: { release: (r) => ({ ...r, toe: r.toe - 61 }) } },
      [10, 'CONSENT_REQUIRED', 'release.jws'],
    ],
    [
      'release after the consent ended',
      { edits: { release: (r) => ({ ...r, iat: r.iat + 300_000, toe: r.toe + 300_000 }) } },
      [10, 'CONSENT_EXPIRED', 'release.jws'],
    ],
    [
      'release logged in an earlier hour than it states',
      { edits: { release: (r) => ({ ...r, iat: r.iat + 7_200, toe: r.toe + 7_200 }) } },
      [10, 'CONSENT_REQUIRED', 'release.jws'],
    ],
    [
      'fourth download of three',
      { edits: { release: (r) => ({ ...r, latchkey: { ...r.latchkey, download: 4 } }) } },
      [10, 'CONSENT_USED', 'release.jws'],
    ],
    [
      'certificate that ended before the request',
      { edits: { investigator: (i) => ({ ...i, exp: REQUESTED_SECONDS }) } },
      [10, 'INVESTIGATOR_INVALID', 'investigator.jws'],
    ],
    [
      'certificate of two years',
      { edits: { investigator: (i) => ({ ...i, exp: i.iat + 2 * 366 * 86_400 }) } },
      [10, 'INVESTIGATOR_INVALID', 'investigator.jws'],
    ],
    [
      'consent logged before its request',
      { leafOrder: ['policy', 'agency', 'keyset', 'device', 'consent', 'request', 'release'] },
      [11, 'LOG_PROOF_INVALID', 'consent.jws'],
    ],
    [
      'release logged before its consent',
      { leafOrder: ['policy', 'agency', 'keyset', 'device', 'request', 'release', 'consent'] },
      [11, 'LOG_PROOF_INVALID', 'release.jws'],
    ],
    [
      'keyset logged after the consent',
      { leafOrder: ['policy', 'agency', 'device', 'request', 'consent', 'keyset', 'release'] },
      [11, 'LOG_PROOF_INVALID', 'consent.jws'],
    ],
    [
      'release that is not in the log',
      { leafOrder: ['policy', 'agency', 'keyset', 'device', 'request', 'consent'] },
      [11, 'LOG_PROOF_INVALID', 'release.jws'],
    ],
    [
      'owner who saw more of the log than there was',
      {
        edits: {
          consent: (c) => ({
            ...c,
            latchkey: { ...c.latchkey, seen: { origin: 'relay.example/log', size: 6, sha256: c.latchkey.keyset } },
          }),
        },
      },
      [11, 'LOG_PROOF_INVALID', 'consent.jws'],
    ],
    ['release by another relay', { signers: { release: stranger } }, [12, 'SIGNATURE_INVALID', 'release.jws']],
    [
      'release of another consent',
      { edits: { release: (r) => ({ ...r, latchkey: { ...r.latchkey, consent: r.latchkey.request } }) } },
      [12, 'CONSENT_INVALID', 'release.jws'],
    ],
    [
      'release of other items',
      { edits: { release: (r) => ({ ...r, latchkey: { ...r.latchkey, items: [[0, 1]] } }) } },
      [12, 'CONSENT_INVALID', 'release.jws'],
    ],
    ['download asked by another key', { signers: { dpop: stranger } }, [12, 'DPOP_INVALID', 'dpop.jws']],
    [
      'release that names another proof',
      { edits: { release: (r) => ({ ...r, latchkey: { ...r.latchkey, proof: r.latchkey.request } }) } },
      [12, 'DPOP_INVALID', 'dpop.jws'],
    ],
  ]
  test.each(rows)('%s', async (_, options, [check, code, file]) => {
    expect(await findingsOf(options)).toContainEqual([check, code, PROOF + file])
  })
})

const DIGEST = 'A'.repeat(43)

function revoke(revokes: string, iat: number, signer = parties.partner.signer): Promise<string> {
  const latchkey = { v: 1, revokes, keyset: DIGEST } as const
  return revocation.encode({ iss: parties.root.urn, jti: 'A'.repeat(22), iat, latchkey }, signer)
}

describe('a bundle put together wrongly is refused', () => {
  /** The second media item's file holds the first one's payload. */
  const swap = ({ items }: BundleParts) => {
    const [init, first, second] = items
    return [init!, first!, { ...second!, readPayload: () => first!.readPayload() }]
  }
  const rows: [outcome: string, options: SyntheticOptions, parts: Parts, expected: Expected][] = [
    ['another root', {}, (parts) => ({ ...parts, root: stranger.jwk }), [3, 'KEYSET_INVALID', 'root.jwk.json']],
    [
      'an item too few',
      {},
      (parts) => ({ ...parts, items: parts.items.slice(0, -1) }),
      [6, 'ITEM_INVALID', 'items.json'],
    ],
    [
      'a descriptor that the device did not sign',
      {},
      (parts) => ({
        ...parts,
        items: parts.items.map((item, i) =>
          i === 1 ? { ...item, descriptor: { ...item.descriptor, startMs: item.descriptor.startMs + 1 } } : item,
        ),
      }),
      [6, 'ITEM_INVALID', 'items.json'],
    ],
    [
      'a quorum of two without the second owner',
      { quorum: 2 },
      (parts) => ({ ...parts, approvals: [] }),
      [8, 'CONSENT_QUORUM', 'consent.jws'],
    ],
    [
      'an approval of something else',
      {},
      async (parts) => {
        const other = await createSyntheticCase({ quorum: 2 })
        return { ...parts, approvals: other.parts.approvals.map(({ jws }) => ({ jws, logged: null })) }
      },
      [8, 'CONSENT_QUORUM', 'approval-1.jws'],
    ],
    ['no release', {}, (parts) => ({ ...parts, release: null }), [12, 'CONSENT_INVALID', 'release.jws']],
    [
      'no proof that the consent was logged',
      {},
      (parts) => ({ ...parts, consent: { ...parts.consent, logged: null } }),
      [11, 'LOG_PROOF_INVALID', 'consent.jws'],
    ],
    [
      'the proof of another leaf',
      {},
      (parts) => ({
        ...parts,
        consent: { ...parts.consent, logged: { ...parts.consent.logged!, proof: parts.request.logged!.proof } },
      }),
      [11, 'LOG_PROOF_INVALID', 'consent.tlog-proof'],
    ],
    [
      'a device revoked before the clip',
      {},
      async (parts, { deviceCertificate, manifest }) => ({
        ...parts,
        revocations: [{ jws: await revoke(deviceCertificate.digest, manifest.payload.iat), logged: null }],
      }),
      [4, 'DEVICE_REVOKED', 'manifest.jws'],
    ],
    [
      'a revocation by nobody of the household',
      {},
      async (parts, { consent }) => ({
        ...parts,
        revocations: [{ jws: await revoke(consent.digest, consent.payload.iat, stranger), logged: null }],
      }),
      [4, 'REVOCATION_INVALID', 'revocation-1.jws'],
    ],
  ]
  test.each(rows)('%s', async (_, options, parts, [check, code, file]) => {
    expect(await findingsOf(options, { parts })).toContainEqual([check, code, PROOF + file])
  })

  test('one item’s payload under another item’s name', async () => {
    const { sealed } = await createSyntheticCase({ mediaBytes: [300, 300] })
    expect(sealed[1]!.payload.length).toBe(sealed[2]!.payload.length)
    const findings = await findingsOf(
      { mediaBytes: [300, 300] },
      { parts: (parts) => ({ ...parts, items: swap(parts) }) },
    )
    expect(findings.map(([check, code]) => [check, code])).toEqual([[13, 'ITEM_INVALID']])
    expect(findings[0]![2]).toContain('00002-media')
  })

  test('another header than the owner signed', async () => {
    const other = await createSyntheticCase()
    const parts: Parts = (given) => ({
      ...given,
      items: given.items.map((item, i) => ({ ...item, header: other.headers[i]! })),
    })
    expect(await findingsOf({}, { parts })).toContainEqual([13, 'CONSENT_HEADERS', `${PROOF}items.json`])
  })
})

describe('a verifier who trusts others', () => {
  const rows: [outcome: string, trust: (trust: Trust) => Trust, expected: Expected][] = [
    ['refuses an unknown household', (t) => ({ ...t, households: [] }), [3, 'KEYSET_INVALID', 'root.jwk.json']],
    ['refuses an unknown agency', (t) => ({ ...t, agencies: [] }), [7, 'AGENCY_UNKNOWN', 'investigator.jws']],
    [
      'refuses an agency by another key',
      (t) => ({ ...t, agencies: t.agencies.map(({ uri }) => ({ uri, keys: [stranger.jwk] })) }),
      [7, 'INVESTIGATOR_INVALID', 'investigator.jws'],
    ],
    [
      'refuses an unknown relay',
      (t) => ({ ...t, relays: [{ origin: 'https://other.example', jwk: stranger.jwk }] }),
      [12, 'CONSENT_INVALID', 'release.jws'],
    ],
    [
      'refuses another log',
      (t) => ({ ...t, logs: [createMemoryLog(seededBytes('another log')).vkey] }),
      [11, 'CHECKPOINT_INVALID', 'consent.tlog-proof'],
    ],
    [
      'refuses a checkpoint without its witness',
      (t) => ({ ...t, witnesses: [encodeVkey(witness.key)], quorum: 1 }),
      [11, 'CHECKPOINT_INVALID', 'consent.tlog-proof'],
    ],
  ]
  test.each(rows)('%s', async (_, trust, [check, code, file]) => {
    expect(await findingsOf({}, { trust })).toContainEqual([check, code, PROOF + file])
  })

  test('refuses a checkpoint that a key beside its own signed', async () => {
    const parts: Parts = async (given) => {
      const proof = parseTlogProof(given.consent.logged!.proof)
      const checkpoint = await cosignCheckpoint(proof.checkpoint, witness, REQUESTED_SECONDS)
      const logged = { ...given.consent.logged!, proof: encodeTlogProof({ ...proof, checkpoint }) }
      return { ...given, consent: { ...given.consent, logged } }
    }
    const file = `${PROOF}consent.tlog-proof`
    expect(await findingsOf({}, { parts })).toEqual([[11, 'CHECKPOINT_INVALID', file]])
    const trust = (t: Trust) => ({ ...t, witnesses: [encodeVkey(witness.key)], quorum: 0 })
    expect(await findingsOf({}, { parts, trust })).toEqual([])
  })
})

describe('a household that grew', () => {
  test('is followed from its first keyset to the consent’s', async () => {
    expect(await findingsOf({ hasViewer: true })).toEqual([])
  })
  test('is refused without the press of the button', async () => {
    const parts: Parts = ({ keysets, ...rest }) => ({
      ...rest,
      keysets: keysets.map(({ jws, logged }) => ({ jws, logged })),
    })
    const expected: Expected = [3, 'KEYSET_INVALID', `${PROOF}keyset-0002.jws`]
    expect(await findingsOf({ hasViewer: true }, { parts })).toEqual([expected])
  })
  test('is refused with the press of a stranger’s button', async () => {
    const parts: Parts = async ({ keysets: [first, second], ...rest }) => {
      const press = ack.parse(second!.ack!.jws).payload
      return {
        ...rest,
        keysets: [first!, { ...second!, ack: { ...second!.ack!, jws: await ack.encode(press, stranger) } }],
      }
    }
    const expected: Expected = [3, 'KEYSET_INVALID', `${PROOF}keyset-0002-ack.jws`]
    expect(await findingsOf({ hasViewer: true }, { parts })).toContainEqual(expected)
  })
  test('is refused with its first keyset alone', async () => {
    const parts: Parts = ({ keysets, ...rest }) => ({ ...rest, keysets: keysets.slice(0, 1) })
    const expected: Expected = [8, 'KEYSET_SUPERSEDED', `${PROOF}consent.jws`]
    expect(await findingsOf({ hasViewer: true }, { parts })).toContainEqual(expected)
  })
})

describe('a consent taken back', () => {
  test('after the release leaves the bundle good', async () => {
    expect(await findingsOf({ isRevoked: true })).toEqual([])
  })
  test('before the release makes it worthless', async () => {
    const leafOrder = ['policy', 'agency', 'keyset', 'device', 'request', 'consent', 'revocation', 'release'] as const
    const expected: Expected = [11, 'CONSENT_REVOKED', `${PROOF}revocation-1.jws`]
    expect(await findingsOf({ isRevoked: true, leafOrder })).toEqual([expected])
  })
})

describe('a file that is not what it must be is refused', () => {
  const rows: [outcome: string, files: (files: Map<string, Uint8Array>) => void, expected: Expected][] = [
    [
      'a file too many',
      (files) => files.set('data/proof/extra.txt', utf8('x')),
      [1, 'BUNDLE_INVALID', 'data/proof/extra.txt'],
    ],
    ['a file too few', (files) => files.delete('README.txt'), [1, 'BUNDLE_INVALID', 'README.txt']],
    [
      'an empty consent',
      (files) => files.set('data/proof/consent.jws', utf8('')),
      [2, 'JWS_INVALID', 'data/proof/consent.jws'],
    ],
    [
      'JSON that is not canonical',
      (files) => files.set('data/proof/root.jwk.json', utf8(JSON.stringify(parties.root.jwk, null, 1))),
      [2, 'JSON_NOT_CANONICAL', 'data/proof/root.jwk.json'],
    ],
    [
      'a member that the format does not know',
      (files) => files.set('data/proof/root.jwk.json', canonicalBytes({ ...parties.root.jwk, use: 'sig' })),
      [2, 'MESSAGE_INVALID', 'data/proof/root.jwk.json'],
    ],
    [
      'a root of small order',
      (files) =>
        files.set('data/proof/root.jwk.json', canonicalBytes({ crv: 'Ed25519', kty: 'OKP', x: `AQ${'A'.repeat(41)}` })),
      [2, 'KEY_INVALID', 'data/proof/root.jwk.json'],
    ],
    [
      'a custody line too few',
      (files) => {
        const text = new TextDecoder().decode(files.get('data/proof/custody.jsonl'))
        files.set('data/proof/custody.jsonl', utf8(text.slice(text.indexOf('\n') + 1)))
      },
      [15, 'BUNDLE_INVALID', 'data/proof/custody.jsonl'],
    ],
    [
      'another notice',
      (files) => files.set('data/proof/notice.txt', utf8('You win.\n')),
      [9, 'CONSENT_NOTICE', 'data/proof/notice.txt'],
    ],
    ['another README', (files) => files.set('README.txt', utf8('Trust me.\n')), [1, 'BUNDLE_INVALID', 'README.txt']],
  ]
  test.each(rows)('%s', async (_, files, expected) => {
    expect(await findingsOf({}, { files })).toContainEqual(expected)
  })

  test('a text written anew for a consent of somebody else', async () => {
    const [one, two] = [await createSyntheticCase(), await createSyntheticCase()]
    const files = await bundleFilesOf(one.parts)
    files.set('data/proof/consent.jws', utf8(two.consent.raw))
    expect(verifyBundle(rederiveBag(files), one.verifierTrust).passed).toBe(false)
  })
})

describe('a requester’s key', () => {
  test('that is another one opens nothing', async () => {
    const given = await createSyntheticCase()
    const verdict = verifyBundle(await bundleFilesOf(given.parts), given.verifierTrust, {
      identity: identityOf(seededBytes('other identity')),
    })
    expect(verdict.checks[13]!.findings.map(({ code }) => code)).toEqual(['AGE_NO_MATCH'])
    expect(verdict.opened).toBeNull()
  })

  test('finds a plaintext that the device did not commit to', async () => {
    const given = await createSyntheticCase({
      edits: {
        descriptors: ([init, first, ...rest]) => [
          init!,
          { ...first!, plaintextCommitment: init!.plaintextCommitment },
          ...rest,
        ],
      },
    })
    const { identity } = given.parties.requester
    const verdict = verifyBundle(await bundleFilesOf(given.parts), given.verifierTrust, { identity })
    expect(verdict.checks.filter(({ status }) => status === 'failed').map(({ number }) => number)).toEqual([14])
    expect(verdict.checks[13]!.findings).toMatchObject([{ code: 'COMMITMENT_MISMATCH' }])
  })
})
