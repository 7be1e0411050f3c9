import { decodeBase64url } from '../src/bytes/base64url.ts'
import { equalBytes } from '../src/bytes/bytes.ts'
import { type PublicJwk, urnOf } from '../src/crypto/keys.ts'
import { signingMember } from '../src/household/keyset-chain.ts'
import { hashLeaf, rootOfLeaves } from '../src/tlog/merkle.ts'
import { encodeDescriptor } from '../src/wire/clip.ts'
import { isSignedBy, type Signed } from '../src/wire/jws.ts'
import type { Keyset } from '../src/wire/keyset.ts'
import type { Finding } from '../src/wire/problem.ts'
import type { Clip } from './clip-folder.ts'

/**
 * Is this clip from a device of the household, complete and as the device signed it? What an owner's own program checks
 * before it asks for a decision, so that no server can put another recording under a consent. Pure.
 * @param keyset verified under the household's root
 */
export function checkClip({ manifest, deviceCertificate, descriptors }: Clip, keyset: Signed<Keyset>): Finding[] {
  const certificate = deviceCertificate.payload
  const claims = manifest.payload.latchkey
  const device = certificate.cnf.jwk as PublicJwk
  const findings: Finding[] = []
  if (certificate.iss !== keyset.payload.iss || signingMember(keyset.payload, deviceCertificate) === null)
    findings.push({ code: 'DEVICE_INVALID', message: 'the device certificate is not by a member of this household' })
  if (certificate.sub !== urnOf(device))
    findings.push({ code: 'DEVICE_INVALID', message: 'the device certificate does not name its own key' })
  if (manifest.payload.iss !== certificate.sub || claims.deviceCertificate !== deviceCertificate.digest)
    findings.push({ code: 'MANIFEST_INVALID', message: 'the clip is from another device' })
  if (claims.epoch !== certificate.latchkey.epoch)
    findings.push({ code: 'MANIFEST_INVALID', message: 'the clip is from another pairing of the device' })
  if (!isSignedBy(manifest, device))
    findings.push({ code: 'SIGNATURE_INVALID', message: 'the manifest is not signed by the device' })
  const isOrdered = descriptors.every(({ index }, i) => index === i)
  const root = rootOfLeaves(descriptors.map((descriptor) => hashLeaf(encodeDescriptor(descriptor))))
  if (!isOrdered || descriptors.length !== claims.items || !equalBytes(root, decodeBase64url(claims.itemsRoot)))
    findings.push({ code: 'MANIFEST_INVALID', message: 'the items are not the ones that the manifest commits to' })
  return findings
}
