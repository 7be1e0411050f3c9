import { codeOf } from '../errors.ts'
import { indexesOf } from '../consent/item-ranges.ts'
import { formatTime, renderNotice } from '../consent/notice.ts'
import type { BundleCase } from './bundle-case.ts'
import { NOT_PROVEN } from './not-proven.ts'

/** What `bag-info.txt` says about sizes. */
export interface PayloadSize {
  readonly sizeBytes: number
  readonly files: number
}

/** `bagit.txt`. @see RFC 8493 §2.1.1 */
export const BAGIT_TXT = 'BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n'

/** When the bundle came to be: the release, or where there was none the consent. */
function bundledSeconds({ release, consent }: BundleCase): number {
  return release?.payload.iat ?? consent.payload.iat
}

/** `bag-info.txt`. Pure. @see RFC 8493 §2.2.2 */
export function renderBagInfo(bundleCase: BundleCase, payload: PayloadSize): string {
  const { consent, items } = bundleCase
  return [
    'Bag-Software-Agent: latchkey bundle 1',
    `Bagging-Date: ${new Date(bundledSeconds(bundleCase) * 1000).toISOString().slice(0, 10)}`,
    `External-Identifier: ${consent.digest}`,
    `Internal-Sender-Identifier: ${items.clip}`,
    `Payload-Oxum: ${payload.sizeBytes}.${payload.files}`,
    '',
  ].join('\n')
}

/** The notice that the consent's digest stands for; null when it names items or words that do not exist. Pure. */
export function renderBundleNotice({ consent, request, agency, items }: BundleCase): string | null {
  const { notice, ...latchkey } = consent.payload.latchkey
  try {
    const byIndex = new Map(items.items.map(({ descriptor }) => [descriptor.index, descriptor]))
    const named = indexesOf(consent.payload.authorization_details[0]!.items).map((index) => byIndex.get(index))
    if (!named.every((item) => item !== undefined)) return null
    return renderNotice(notice.version, notice.language, {
      request: request.payload,
      agencyName: agency.name,
      consent: { ...consent.payload, latchkey },
      items: named,
      utcOffsetMinutes: notice.utcOffsetMinutes,
    })
  } catch (error) {
    if (codeOf(error) === 'INTERNAL') throw error
    return null
  }
}

/** `README.txt`: what this is, how to open it without any program of ours, what it does not prove. Pure. */
export function renderReadme(bundleCase: BundleCase): string {
  const { agency, request, items, consent, release } = bundleCase
  return [
    'Latchkey evidence bundle, version 1',
    '',
    'A recording that a household chose to give, sealed to one investigator, with the proofs of where it comes from.',
    `Given to: ${agency.name} (${agency.uri})`,
    `Case number: ${request.payload.latchkey.caseNumber}`,
    `Clip: ${items.clip}, ${items.items.length} sealed items`,
    `Consent: ${consent.digest}, signed ${formatTime(consent.payload.iat * 1000, 0)}`,
    release
      ? `Release: ${release.digest}, ${formatTime(release.payload.toe * 1000, 0)}, download ${release.payload.latchkey.download}`
      : 'Release: none; this bundle did not pass a relay',
    '',
    'To verify it (needs the trust file, no network):',
    '  latchkey verify bundle.zip --trust trust.json',
    'To verify, open and prepare for filing:',
    '  latchkey open bundle.zip --key requester.key --trust trust.json --out DIR',
    '',
    'To open one item with the ordinary age program (https://age-encryption.org), in the folder of this file:',
    `  age -d -i requester.key ${items.items[0]!.file}`,
    'Decrypted init and media items, joined in the order of their names, are a playable fragmented MP4. Write to a',
    'file and use it only when age ends without an error.',
    '',
    'The hashes of all files stand in manifest-sha256.txt and tagmanifest-sha256.txt (BagIt, RFC 8493).',
    '',
    'What this bundle does not prove:',
    ...NOT_PROVEN.map((line) => `- ${line}`),
    '',
  ].join('\n')
}
