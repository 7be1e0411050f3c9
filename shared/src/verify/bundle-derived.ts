import { utf8 } from '../bytes/bytes.ts'
import type { BundleCase } from './bundle-case.ts'
import { PROOF_FILES } from './bundle-paths.ts'
import { BAGIT_TXT, renderBagInfo, renderBundleNotice, renderReadme } from './bundle-texts.ts'
import { renderCustody } from './custody.ts'

/** The proof files that are pure functions of the others; the verifier compares them byte for byte. */
export function derivedProofFiles(bundleCase: BundleCase): Map<string, Uint8Array> {
  return new Map([
    [PROOF_FILES.notice, utf8(renderBundleNotice(bundleCase) ?? '')],
    [PROOF_FILES.custody, utf8(renderCustody(bundleCase))],
  ])
}

/** Tag files but the hash manifests. `payloadSizes`: sizes of all files below `data/`. */
export function derivedTagFiles(bundleCase: BundleCase, payloadSizes: readonly number[]): Map<string, Uint8Array> {
  const payload = { files: payloadSizes.length, sizeBytes: payloadSizes.reduce((sum, size) => sum + size, 0) }
  return new Map([
    ['bagit.txt', utf8(BAGIT_TXT)],
    ['bag-info.txt', utf8(renderBagInfo(bundleCase, payload))],
    ['README.txt', utf8(renderReadme(bundleCase))],
  ])
}
