/** The case of `vectors/formats.json` as parsed objects: a complete, valid world made outside our code. */
import {
  clipManifest,
  clipRequest,
  type Consent,
  consent,
  type ConsentCase,
  createSigner,
  decodeBase64url,
  deviceCertificate,
  fromHex,
  itemDescriptor,
  keyset,
  noticeDigest,
  parseWith,
  policy,
  renderNotice,
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

/** A changed copy of `value`; the original stays. */
export function changed<T>(value: T, change: (copy: Mutable<T>) => void): T {
  const copy = structuredClone(value)
  change(copy as Mutable<T>)
  return copy
}

/** `T` without `readonly`, all the way down. */
export type Mutable<T> = T extends object ? { -readonly [K in keyof T]: Mutable<T[K]> } : T

/** The case with a consent whose claims were changed, its notice rendered again, and signed by `by`. */
export async function resigned(
  subject: ConsentCase,
  change: (claims: Mutable<Consent>) => void,
  by: KeyName = 'member',
): Promise<ConsentCase> {
  const claims = changed(subject.consent.payload, change)
  const { notice, ...latchkey } = claims.latchkey
  const indexes = claims.authorization_details[0]!.items.flatMap(([first, last]) =>
    Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => first + i),
  )
  const text = renderNotice(notice.version, notice.language, {
    request: subject.request.payload,
    agencyName: subject.agencyName,
    consent: { ...claims, latchkey },
    items: indexes.flatMap((index) => subject.descriptors.get(index) ?? []),
    utcOffsetMinutes: notice.utcOffsetMinutes,
  })
  claims.latchkey.notice.sha256 = noticeDigest(text)
  return { ...subject, consent: consent.parse(await consent.encode(claims, signerOf(by))) }
}
