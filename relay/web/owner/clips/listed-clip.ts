/** A clip as the relay lists it, and whether it is what a doorbell of this household signed. */
import {
  type ClipEntry,
  type ClipFault,
  type ClipManifest,
  clipManifest,
  codeOf,
  countingKeysets,
  type DeviceCertificate,
  deviceCertificate,
  type Finding,
  type ItemDescriptor,
  judgeClips,
  type JudgeContext,
  type Signed,
} from '@latchkey/shared'
import { chainOf, type Home } from '../household/home.ts'

/** Its papers, parsed. Nothing in them counts before {@link judgeClip} found nothing wrong. */
export interface ListedClip {
  readonly clip: string
  readonly cursor: number
  readonly descriptors: readonly ItemDescriptor[]
  /** As the relay sent it. */
  readonly entry: ClipEntry
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
  entry,
  papers: parsePapers(entry),
})

/** Faults that the owner is told of in other words than that the papers are not what the doorbell signed. */
const CODES: Readonly<Partial<Record<ClipFault, Finding['code']>>> = {
  'signature-invalid': 'SIGNATURE_INVALID',
  'device-unknown': 'DEVICE_INVALID',
  'device-revoked': 'DEVICE_INVALID',
}

/** What this phone pins of its household, to judge clips by. */
export const judgeContextOf = (home: Home): JudgeContext => ({
  root: home.rootJwk,
  keysets: countingKeysets(chainOf(home)),
  seen: new Map(),
})

/** Empty when a doorbell that an owner of this household vouched for signed this clip, under this name and with these items. */
export function judgeClip({ entry, papers }: ListedClip, context: JudgeContext): readonly Finding[] {
  if (!('manifest' in papers)) return [papers]
  const [verdict] = judgeClips([entry], context)
  return verdict!.faults.map((fault) => ({ code: CODES[fault] ?? 'MANIFEST_INVALID', message: fault }))
}
