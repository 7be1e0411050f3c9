import { digestOfJws, generateIdentity, keyset, type Signer } from '@latchkey/shared'
import {
  acceptedRequest,
  type Case,
  certifyInvestigator,
  createCase,
  type Device,
  enrolAgency,
  enrolDevice,
  expectStatus,
  type Household,
  memberOf,
  type Party,
  randomSigner,
  type RelayWorld,
  type UploadedClip,
  uploadClip,
} from './relay-world.ts'

/** The clip starts this long before the upload. */
const CLIP_AGO_MS = 3_660_000
const MEDIA = 6
/** The requested window begins this long after the clip: its first three pieces lie outside. */
const OUTSIDE_MS = 6_500
const WINDOW_MS = 3_600_000

/** A household whose keyset changed once, with everything around it that a forged consent could name instead. */
export interface ConsentGround extends Case {
  /** Version 1, no longer in force. */
  readonly superseded: Household['keyset']
  /** An owner whom version 2 removed, and a member who may only watch. */
  readonly former: Party
  readonly viewer: Party
  /** Another clip of the same device. */
  readonly laterClip: UploadedClip
  /** Another device of the household, and its clip. */
  readonly otherDevice: Device
  readonly otherClip: UploadedClip
  /** Another household's case: its requester asked for the same hours. */
  readonly other: Case
  readonly stranger: Signer
}

async function enrolThree(
  world: RelayWorld,
  people: { owner: Party; former: Party; viewer: Party },
): Promise<Household> {
  const root = randomSigner()
  const { owner, former, viewer } = people
  const recovery = generateIdentity()
  const latchkey = {
    v: 1 as const,
    version: 1,
    previous: null,
    effectiveMs: world.clock.nowMs(),
    members: [memberOf(owner), memberOf(former), memberOf(viewer, 'viewer')],
    recovery: recovery.recipient,
    quorum: 1 as const,
  }
  const raw = await keyset.encode({ iss: root.urn, iat: world.nowSeconds(), latchkey }, root)
  const rootClient = world.client(root)
  const json = { keyset: raw, rootJwk: root.jwk, cell: '9q8yy' }
  await expectStatus(await rootClient.send('POST', '/v1/households', { json }), 201)
  return { root, rootClient, owner, recovery, keyset: keyset.parse(raw) }
}

async function withoutFormer(world: RelayWorld, home: Household, former: Party): Promise<Household> {
  const { iss, latchkey } = home.keyset.payload
  const members = latchkey.members.filter((member) => member.recipient !== former.identity.recipient)
  const next = { ...latchkey, version: 2, previous: home.keyset.digest, members }
  const raw = await keyset.encode({ iss, iat: world.nowSeconds(), latchkey: next }, home.owner.signer)
  await expectStatus(await home.owner.client.send('POST', '/v1/keysets', { json: { keyset: raw } }), 201)
  return { ...home, keyset: keyset.parse(raw) }
}

/** Builds it over the relay's own routes. */
export async function createConsentGround(world: RelayWorld): Promise<ConsentGround> {
  const [former, viewer] = [world.party(), world.party()]
  const before = await enrolThree(world, { owner: world.party(), former, viewer })
  const household = await withoutFormer(world, before, former)
  const device = await enrolDevice(world, household)
  const otherDevice = await enrolDevice(world, household)
  const options = { media: MEDIA, agoMs: CLIP_AGO_MS }
  const clip = await uploadClip(world, { household, device }, options)
  const laterClip = await uploadClip(world, { household, device }, { media: MEDIA })
  const otherClip = await uploadClip(world, { household, device: otherDevice }, options)
  const investigator = await certifyInvestigator(world, await enrolAgency(world))
  // Counted from the clip, so that it does not matter how long all of this took.
  const startMs = clip.descriptors[0]!.startMs + OUTSIDE_MS
  const request = await acceptedRequest(world, investigator, { startMs, endMs: startMs + WINDOW_MS })
  const other = await createCase(world)
  return {
    household,
    device,
    clip,
    investigator,
    request,
    superseded: before.keyset,
    former,
    viewer,
    laterClip,
    otherDevice,
    otherClip,
    other,
    stranger: randomSigner(),
  }
}

/** Digest of a device's certificate. */
export const certificateDigest = (device: Device): string => digestOfJws(device.certificate)
