import {
  ack,
  type ClipManifest,
  clipManifest,
  createSigner,
  deviceCertificate,
  digestOf,
  encodeBase64url,
  encodeDescriptor,
  hashLeaf,
  identityOf,
  type ItemDescriptor,
  type ItemKind,
  keyset,
  rootOfLeaves,
  sealItem,
} from '@latchkey/shared'
import { keep, type SyntheticOptions } from './synthetic-options.ts'
import {
  CLIP_START_MS,
  REQUESTED_SECONDS,
  digest32,
  id16,
  seededBytes,
  type SyntheticParties,
} from './synthetic-parties.ts'

async function createHousehold(parties: SyntheticParties, { quorum = 1, edits = {}, signers = {} }: SyntheticOptions) {
  const member = ({ signer, identity }: SyntheticParties['owner']) =>
    ({ signingKey: signer.jwk, recipient: identity.recipient, role: 'owner' }) as const
  const firstKeyset = keyset.parse(
    await keyset.encode(
      (edits.keyset ?? keep)({
        iss: parties.root.urn,
        iat: REQUESTED_SECONDS - 1_000_000,
        latchkey: {
          v: 1,
          version: 1,
          previous: null,
          effectiveMs: (REQUESTED_SECONDS - 1_000_000) * 1000,
          members: [member(parties.owner), member(parties.partner)],
          recovery: parties.recovery.recipient,
          quorum,
        },
      }),
      signers.keyset ?? parties.root,
    ),
  )
  const certificate = deviceCertificate.parse(
    await deviceCertificate.encode(
      (edits.deviceCertificate ?? keep)({
        iss: parties.root.urn,
        sub: parties.device.urn,
        iat: REQUESTED_SECONDS - 999_000,
        cnf: { jwk: parties.device.jwk },
        latchkey: { v: 1, epoch: 0, device: id16('device'), keyset: firstKeyset.digest, hello: digest32('hello') },
      }),
      signers.device ?? parties.owner.signer,
    ),
  )
  return { firstKeyset, deviceCertificate: certificate }
}

type FirstHousehold = Awaited<ReturnType<typeof createHousehold>>

/** The keyset after the first, and the button press that a new member needs. */
async function addViewer(parties: SyntheticParties, { firstKeyset, deviceCertificate }: FirstHousehold) {
  const { latchkey } = firstKeyset.payload
  const viewer = {
    signingKey: createSigner(seededBytes('viewer signing key')).jwk,
    recipient: identityOf(seededBytes('viewer identity')).recipient,
    role: 'viewer',
  } as const
  const next = keyset.parse(
    await keyset.encode(
      {
        ...firstKeyset.payload,
        iat: REQUESTED_SECONDS - 900_000,
        latchkey: { ...latchkey, version: 2, previous: firstKeyset.digest, members: [...latchkey.members, viewer] },
      },
      parties.owner.signer,
    ),
  )
  const press = {
    iss: parties.device.urn,
    iat: REQUESTED_SECONDS - 900_000,
    latchkey: { v: 1, keyset: next.digest, deviceCertificate: null, epoch: 0 },
  } as const
  return { next, ack: { jws: await ack.encode(press, parties.device), deviceCertificate: deviceCertificate.raw } }
}

/** The household as the consent finds it. */
export async function createSettledHousehold(parties: SyntheticParties, options: SyntheticOptions) {
  const first = await createHousehold(parties, options)
  const added = options.hasViewer ? await addViewer(parties, first) : null
  return { ...first, added, keyset: added?.next ?? first.firstKeyset }
}

/** Sealed items and their descriptors: init, media, poster. */
export function createItems(parties: SyntheticParties, { mediaBytes = [700, 300], edits = {} }: SyntheticOptions) {
  const recipients = [parties.owner.identity, parties.partner.identity, parties.recovery].map((key) => key.recipient)
  const kinds: ItemKind[] = ['init', ...mediaBytes.map((): ItemKind => 'media'), 'poster']
  const plaintexts = kinds.map((kind, i) => seededBytes(`${kind} ${i}`, kind === 'media' ? mediaBytes[i - 1]! : 120))
  const sealed = (edits.sealed ?? keep)(plaintexts.map((plaintext) => sealItem(plaintext, recipients)))
  const descriptors = sealed.map((item, index): ItemDescriptor => {
    const isMedia = kinds[index] === 'media'
    return {
      index,
      kind: kinds[index]!,
      startMs: CLIP_START_MS + (isMedia ? (index - 1) * 2_000 : 0),
      durationMs: isMedia ? 2_000 : 0,
      payloadSha256: digestOf(item.payload),
      payloadBytes: item.payload.length,
      keyCommitment: encodeBase64url(item.keyCommitment),
      plaintextCommitment: encodeBase64url(item.plaintextCommitment),
    }
  })
  return { plaintexts, sealed, descriptors: (edits.descriptors ?? keep)(descriptors) }
}

/** A household ready to consent. */
export type Household = Awaited<ReturnType<typeof createSettledHousehold>>

/** The device’s manifest over all items. */
export async function createManifest(
  { device }: SyntheticParties,
  household: Household,
  { descriptors, edits = {}, signers = {} }: SyntheticOptions & { descriptors: readonly ItemDescriptor[] },
) {
  const payload: ClipManifest = {
    iss: device.urn,
    iat: REQUESTED_SECONDS - 7_100,
    latchkey: {
      v: 1,
      deviceCertificate: household.deviceCertificate.digest,
      keyset: household.keyset.digest,
      epoch: 0,
      clip: id16('clip'),
      event: id16('event'),
      sequence: 1,
      previous: null,
      revision: 1,
      open: false,
      startMs: CLIP_START_MS,
      endMs: CLIP_START_MS + 2_000 * (descriptors.length - 2),
      clock: { source: 'ntp', offsetMs: 0, uncertaintyMs: 40, checkedMs: CLIP_START_MS },
      boot: id16('boot'),
      monotonicStartMs: 86_400_000,
      seen: null,
      items: descriptors.length,
      itemsRoot: encodeBase64url(rootOfLeaves(descriptors.map((item) => hashLeaf(encodeDescriptor(item))))),
      gaps: [],
      masks: null,
      software: 'synthetic 1',
    },
  }
  return clipManifest.parse(await clipManifest.encode((edits.manifest ?? keep)(payload), signers.manifest ?? device))
}
