import type { Check } from './check.ts'
import { checkBagHashes } from './checks/bag-hashes.ts'
import { checkBundleConsent } from './checks/consent.ts'
import { checkCustody } from './checks/custody.ts'
import { checkDecryption } from './checks/decryption.ts'
import { checkDeviceCertificate } from './checks/device-certificate.ts'
import { checkForm } from './checks/form.ts'
import { checkItemProofs } from './checks/item-proofs.ts'
import { checkKeysetChain } from './checks/keyset-chain.ts'
import { checkLogProofs } from './checks/log-proofs.ts'
import { checkManifest } from './checks/manifest.ts'
import { checkNotice } from './checks/notice.ts'
import { checkPayloadHashes } from './checks/payload-hashes.ts'
import { checkRelease } from './checks/release.ts'
import { checkBundleRequest } from './checks/request.ts'
import { checkTimes } from './checks/times.ts'

/** Every check, in the order in which a verdict reports them. @see spec/verify.md, protocol §9 */
export const CHECKLIST: readonly Check[] = [
  { number: 1, name: 'bag hashes', needs: 'files', run: checkBagHashes },
  { number: 2, name: 'form', needs: 'files', run: checkForm },
  { number: 3, name: 'keyset chain', needs: 'case', run: checkKeysetChain },
  { number: 4, name: 'device certificate', needs: 'case', run: checkDeviceCertificate },
  { number: 5, name: 'manifest', needs: 'case', run: checkManifest },
  { number: 6, name: 'item proofs', needs: 'case', run: checkItemProofs },
  { number: 7, name: 'request and agency', needs: 'case', run: checkBundleRequest },
  { number: 8, name: 'consent', needs: 'case', run: checkBundleConsent },
  { number: 9, name: 'notice', needs: 'case', run: checkNotice },
  { number: 10, name: 'times', needs: 'case', run: checkTimes },
  { number: 11, name: 'log', needs: 'case', run: checkLogProofs },
  { number: 12, name: 'release', needs: 'case', run: checkRelease },
  { number: 13, name: 'payloads and headers', needs: 'case', run: checkPayloadHashes },
  { number: 14, name: 'decryption', needs: 'case', run: checkDecryption },
  { number: 15, name: 'custody', needs: 'case', run: checkCustody },
]
