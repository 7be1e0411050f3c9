/** A clip as the relay lists it, and whether it is what a doorbell of this household signed. */
import {
  type ClipEntry,
  type ClipManifest,
  clipManifest,
  codeOf,
  decodeBase64url,
  type DeviceCertificate,
  deviceCertificate,
  encodeDescriptor,
  equalBytes,
  type Finding,
  hashLeaf,
  isSignedBy,
  type ItemDescriptor,
  type Keyset,
  rootOfLeaves,
  type Signed,
  signingMember,
  urnOf,
} from '@latchkey/shared'

/** Its papers, parsed. Nothing in them counts before {@link judgeClip} found nothing wrong. */
export interface ListedClip {
  readonly clip: string
  readonly cursor: number
  readonly descriptors: readonly ItemDescriptor[]
  readonly papers:
    { readonly manifest: Signed<ClipManifest>; readonly certificate: Signed<DeviceCertificate> } | Finding
}

/** What a clip's manifest claims. */
export type ClipClaims = ClipManifest['latchkey']

/** `null` when the papers cannot even be read. */
export const claimsOf = ({ papers }: ListedClip): ClipClaims | null =>
  'manifest' in papers ? papers.manifest.payload.latchkey : null

/** When it began and ended by the best that its device knew of the time, UTC ms. */
export function timesOf({ startMs, endMs, clock }: ClipClaims): { startMs: number; endMs: number } {
  return { startMs: startMs + clock.offsetMs, endMs: endMs + clock.offsetMs }
}

function parsePapers(entry: ClipEntry): ListedClip['papers'] {
  try {
    return {
      manifest: clipManifest.parse(entry.manifest),
      certificate: deviceCertificate.parse(entry.deviceCertificate),
    }
  } catch (error) {
    return { code: codeOf(error), message: 'the papers of this clip cannot be read' }
  }
}

/** Untrusted: `entry`. */
export const listedClipOf = (entry: ClipEntry): ListedClip => ({
  clip: entry.clip,
  cursor: entry.cursor,
  descriptors: entry.descriptors,
  papers: parsePapers(entry),
})

const finding = (code: Finding['code'], message: string): Finding => ({ code, message })

function checkCertificate(certificate: Signed<DeviceCertificate>, keyset: Keyset): Finding[] {
  const { iss, sub, cnf } = certificate.payload
  if (iss !== keyset.iss || signingMember(keyset, certificate)?.role !== 'owner')
    return [finding('DEVICE_INVALID', 'no owner of this household vouched for the device')]
  return sub === urnOf(cnf.jwk) ? [] : [finding('DEVICE_INVALID', 'the certificate is for another key')]
}

function checkItems(descriptors: readonly ItemDescriptor[], { items, itemsRoot }: ClipClaims): Finding[] {
  const root = rootOfLeaves(descriptors.map((descriptor) => hashLeaf(encodeDescriptor(descriptor))))
  const isWhole = descriptors.length === items && descriptors.every(({ index }, i) => index === i)
  if (isWhole && equalBytes(root, decodeBase64url(itemsRoot))) return []
  return [finding('MANIFEST_INVALID', 'the items are not the ones that the manifest commits to')]
}

/**
 * Empty when a doorbell that an owner of this household vouched for signed this clip, under this name and with these items.
 * @param keyset as this phone pins it
 */
export function judgeClip({ clip, descriptors, papers }: ListedClip, keyset: Signed<Keyset>): readonly Finding[] {
  if (!('manifest' in papers)) return [papers]
  const { manifest, certificate } = papers
  const { iss, latchkey } = manifest.payload
  const findings = checkCertificate(certificate, keyset.payload)
  const isOfDevice = iss === certificate.payload.sub && latchkey.deviceCertificate === certificate.digest
  if (!isOfDevice || latchkey.epoch !== certificate.payload.latchkey.epoch)
    findings.push(finding('MANIFEST_INVALID', 'the manifest names another device'))
  if (!isSignedBy(manifest, certificate.payload.cnf.jwk))
    findings.push(finding('SIGNATURE_INVALID', 'the manifest is not signed by the device'))
  if (latchkey.clip !== clip) findings.push(finding('MANIFEST_INVALID', 'the manifest is that of another clip'))
  return [...findings, ...checkItems(descriptors, latchkey)]
}
