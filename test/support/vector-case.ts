/** The case of `vectors/formats.json` as parsed objects: a complete, valid world made outside our code. */
import {
  clipManifest,
  clipRequest,
  consent,
  type ConsentCase,
  createSigner,
  decodeBase64url,
  deviceCertificate,
  fromHex,
  itemDescriptor,
  keyset,
  parseWith,
  policy,
  type Signer,
} from '@latchkey/shared'
import vectors from '../vectors/formats.json' with { type: 'json' }

export type KeyName = keyof typeof vectors.keys

/** Signer of one of the case's keys. */
export function signerOf(name: KeyName): Signer {
  return createSigner(fromHex(vectors.keys[name].seed))
}

/** Compact JWS of one object of the case, by its short name. */
export function rawOf(name: string): string {
  const entry = vectors.objects.find((object) => object.name === name)
  if (!entry) throw new Error(`no object ${name} in the case`)
  return entry.raw
}

/** The region's policy as it was when the case was made. */
export const casePolicy = parseWith(policy, vectors.policy, 'policy')
export const caseNowSeconds = vectors.nowSeconds

/** The consent with everything it is judged against; fresh objects each time. */
export function createConsentCase(): ConsentCase {
  return {
    consent: consent.parse(rawOf('consent')),
    headers: vectors.releaseHeaders.map(decodeBase64url),
    keyset: keyset.parse(rawOf('keyset')),
    deviceCertificate: deviceCertificate.parse(rawOf('device')),
    manifest: clipManifest.parse(rawOf('clip')),
    descriptors: new Map(
      vectors.items.map(({ descriptor }) => [descriptor.index, parseWith(itemDescriptor, descriptor, 'descriptor')]),
    ),
    request: clipRequest.parse(rawOf('request')),
    agencyName: vectors.agencyName,
    relayOrigin: vectors.relay,
    policy: casePolicy,
  }
}
