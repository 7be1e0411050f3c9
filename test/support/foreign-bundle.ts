import {
  areCanonicalRanges,
  type BundleAgency,
  type Consent,
  createNoteSigner,
  createVerifierTrust,
  decodeBase64url,
  digestOf,
  digestOfJson,
  digestOfJws,
  encodeDescriptor,
  encodeDpop,
  encodeLeaf,
  encodeTlogProof,
  encodeVkey,
  generateIdentity,
  hashLeaf,
  inclusionProof,
  indexesOf,
  type ItemPart,
  keysetLabel,
  type Leaf,
  leafHourOf,
  type LoggedAt,
  PROOF_FILES,
  rawKeyOf,
  release,
  requestLeafData,
  rootOfLeaves,
  sealIdentity,
  type SealedKind,
  sealedLeafData,
  signCheckpoint,
  type Signed,
  utf8,
  type Verdict,
  verifyBundle,
} from '@latchkey/shared'
import { rehashBag } from './bag-forger.ts'
import type { ConsentGround } from './consent-ground.ts'
import { type Case, randomId, randomSalt, randomSigner, type RelayWorld, type UploadedClip } from './relay-world.ts'
import { bundleFilesOf } from './synthetic-case.ts'

/** A consent as it would stand in a bundle. */
export interface BundledConsent {
  readonly signed: Signed<Consent>
  /** One per named item. */
  readonly headers: readonly Uint8Array[]
}

/**
 * Bundles of a case that any consent is put into by a relay and a log that do whatever a forger asks: the consent is in
 * the log, its release is signed, every hash fits. What still refuses it is the verifier's own judgement.
 */
export interface ForeignBundles {
  /** The verdict on a bundle with this consent, the objects that it names beside it where the case has them. */
  verdictOn(consent: BundledConsent, receivedSeconds: number): Promise<Verdict>
  /** The verdict where the log holds `logged` and the bundle shows `shown` in its place. */
  verdictOnSwap(shown: BundledConsent, logged: Signed<Consent>, receivedSeconds: number): Promise<Verdict>
  /** The verdict where the consent does not even parse: put in the place of a good one, the hashes made to fit. */
  verdictOnText(raw: string, good: BundledConsent, receivedSeconds: number): Promise<Verdict>
}

interface Asked {
  readonly request: Case['request']
  readonly investigator: Case['investigator']
}

/** The verifier's clock, from the end of the undo period on. */
const VERIFIED_AFTER_SECONDS = 120

/** A log of these leaves under one checkpoint. */
async function proveAll(
  signer: ReturnType<typeof createNoteSigner>,
  leaves: readonly (readonly [Leaf, string | null])[],
) {
  const hashes = leaves.map(([leaf]) => hashLeaf(encodeLeaf(leaf)))
  const checkpoint = await signCheckpoint(
    { origin: signer.key.name, size: hashes.length, root: rootOfLeaves(hashes) },
    signer,
  )
  return leaves.map(([{ hour }, salt], index): LoggedAt => {
    const proof = encodeTlogProof({ index, hashes: inclusionProof(hashes, index), extra: null, checkpoint })
    return { index, hour, salt, proof }
  })
}

function sealed(kind: SealedKind, raw: string, atSeconds: number): readonly [Leaf, string] {
  const salt = randomSalt()
  return [
    {
      v: 1,
      type: 'sealed',
      data: sealedLeafData(decodeBase64url(salt), kind, utf8(raw)),
      hour: leafHourOf(atSeconds * 1000),
    },
    salt,
  ]
}

function agencyOf({ investigator }: Asked, atMs: number): BundleAgency {
  const { uri, name, signer } = investigator.agency
  return { uri, name, kind: 'police', status: 'active', keys: [signer.jwk], statusSinceMs: atMs, noticeUntilMs: atMs }
}

/** Indexes that a consent names in a clip; one for each header where they make no sense. */
function namedIndexes({ signed, headers }: BundledConsent, clip: UploadedClip): readonly number[] {
  const { items } = signed.payload.authorization_details[0]!
  const named = areCanonicalRanges(items) ? indexesOf(items) : []
  const isThere = named.length > 0 && named.at(-1)! < clip.descriptors.length
  return isThere ? named : headers.map((_, i) => i)
}

const NO_HEADER = new Uint8Array(0)

function itemsOf(shown: BundledConsent, clip: UploadedClip): ItemPart[] {
  const hashes = clip.descriptors.map((item) => hashLeaf(encodeDescriptor(item)))
  return namedIndexes(shown, clip).map((index, i) => {
    const descriptor = clip.descriptors[index]!
    const body = clip.bodies[index]!
    const readPayload = () => body.subarray(body.length - descriptor.payloadBytes)
    return { descriptor, inclusion: inclusionProof(hashes, index), header: shown.headers[i] ?? NO_HEADER, readPayload }
  })
}

/** What a consent names among the objects of the case; the base case's own where it names none of them. */
function objectsNamed(ground: ConsentGround, { payload }: Signed<Consent>) {
  const { request, deviceCertificate } = payload.latchkey
  const manifest = payload.authorization_details[0]!.identifier
  const devices = [ground.otherDevice, ground.other.device]
  const clips = [ground.laterClip, ground.otherClip, ground.other.clip]
  return {
    asked: ground.other.request.digest === request ? ground.other : ground,
    clip: clips.find((clip) => clip.manifest.digest === manifest) ?? ground.clip,
    device: devices.find((device) => digestOfJws(device.certificate) === deviceCertificate) ?? ground.device,
  }
}

export function createForeignBundles(world: RelayWorld, ground: ConsentGround): ForeignBundles {
  const origin = world.relay.publicOrigin
  const [relay, logSigner] = [randomSigner(), createNoteSigner(`${new URL(origin).host}/log`, randomSigner())]
  const { root } = ground.household
  const keysets = [ground.superseded, ground.household.keyset]
  const setUpSeconds = ground.request.payload.iat
  const trust = createVerifierTrust({
    v: 1,
    logs: [encodeVkey(logSigner.key)],
    witnesses: [],
    quorum: 0,
    agencies: [ground, ground.other].map(({ investigator: { agency } }) => ({
      uri: agency.uri,
      keys: [agency.signer.jwk],
    })),
    relays: [{ origin, jwk: relay.jwk }],
    households: [root.urn],
  })

  async function releaseOf({ signed }: BundledConsent, asked: Asked, receivedSeconds: number) {
    const { nbf, authorization_details } = signed.payload
    const { items, headersSha256 } = authorization_details[0]!
    const toe = Math.max(nbf, receivedSeconds)
    const htu = `${origin}/v1/releases/${signed.digest}/downloads`
    const claims = { htm: 'POST', htu, iat: toe, jti: randomId(), nonce: randomId(), body: randomSalt() } as const
    const dpop = await encodeDpop(claims, asked.investigator.signer)
    const proof = digestOf(utf8(dpop))
    const named = { request: asked.request.digest, consent: signed.digest, items, headersSha256, proof }
    const payload = { iss: origin, aud: asked.request.payload.sub, jti: randomId(), iat: toe, toe }
    const jws = await release.encode({ ...payload, latchkey: { v: 1, ...named, download: 1 } }, relay)
    return { jws, dpop, toe }
  }

  function publicLeaves(asked: Asked, agency: BundleAgency): (readonly [Leaf, null])[] {
    const hour = leafHourOf(setUpSeconds * 1000)
    const label = (version: number) => keysetLabel(rawKeyOf(root.jwk), version)
    return [
      [{ v: 1, type: 'policy', data: { digest: digestOfJson(world.policy) }, hour }, null],
      [{ v: 1, type: 'agency', data: agency, hour } as Leaf, null],
      [{ v: 1, type: 'keyset', data: { label: label(1), digest: keysets[0]!.digest }, hour }, null],
      [{ v: 1, type: 'keyset', data: { label: label(2), digest: keysets[1]!.digest }, hour }, null],
      [{ v: 1, type: 'request', data: requestLeafData(asked.request), hour }, null],
    ]
  }

  async function filesOf(shown: BundledConsent, logged: Signed<Consent>, receivedSeconds: number) {
    const { asked, clip, device } = objectsNamed(ground, shown.signed)
    const agency = agencyOf(asked, setUpSeconds * 1000 - 60_000)
    const released = await releaseOf(shown, asked, receivedSeconds)
    const [policyAt, agencyAt, firstAt, secondAt, requestAt, deviceAt, consentAt, releaseAt] = await proveAll(
      logSigner,
      [
        ...publicLeaves(asked, agency),
        sealed('device', device.certificate, setUpSeconds),
        sealed('consent', logged.raw, receivedSeconds),
        sealed('release', released.jws, released.toe),
      ],
    )
    return bundleFilesOf({
      root: root.jwk,
      keysets: [
        { jws: keysets[0]!.raw, logged: firstAt! },
        { jws: keysets[1]!.raw, logged: secondAt! },
      ],
      device: { jws: device.certificate, logged: deviceAt! },
      manifest: clip.manifest.raw,
      items: itemsOf(shown, clip),
      request: { jws: asked.request.raw, logged: requestAt! },
      investigator: asked.investigator.certificate,
      agency: { data: agency, logged: agencyAt! },
      policy: { data: world.policy, logged: policyAt! },
      consent: { jws: shown.signed.raw, logged: consentAt! },
      approvals: [],
      release: { jws: released.jws, dpop: released.dpop, logged: releaseAt! },
      revocations: [],
      // Some other one than it names: a bundle without any would not even parse.
      disclosure:
        shown.signed.payload.latchkey.disclosure === null
          ? null
          : sealIdentity({ name: 'A. Owner' }, generateIdentity().recipient),
    })
  }

  const judge = (files: ReadonlyMap<string, Uint8Array>, receivedSeconds: number): Verdict =>
    verifyBundle(files, trust, {
      nowSeconds: receivedSeconds + world.policy.consent.undoSeconds + VERIFIED_AFTER_SECONDS,
    })
  return {
    verdictOn: async (consent, receivedSeconds) =>
      judge(await filesOf(consent, consent.signed, receivedSeconds), receivedSeconds),
    verdictOnSwap: async (shown, logged, receivedSeconds) =>
      judge(await filesOf(shown, logged, receivedSeconds), receivedSeconds),
    verdictOnText: async (raw, good, receivedSeconds) => {
      const files = await filesOf(good, good.signed, receivedSeconds)
      return judge(rehashBag(files.set(PROOF_FILES.consent, utf8(raw))), receivedSeconds)
    },
  }
}
