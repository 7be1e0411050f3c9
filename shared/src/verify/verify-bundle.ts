import { RELEASE_HEADER_BYTES } from '../crypto/age-header.ts'
import { agreeBefore } from '../crypto/agreed-opener.ts'
import type { HeaderOpener } from '../crypto/keys.ts'
import type { ClockStatement, GapField } from '../wire/clip.ts'
import type { OwnerDetails } from '../wire/owner-details.ts'
import { type BundleCase, type BundleFiles, parseBundleCase } from './bundle-case.ts'
import type { CaseContext, Check, CheckContext, CheckOutcome, MediaItem, OpenedItem, VerifyOptions } from './check.ts'
import { CHECKLIST } from './checklist.ts'
import type { BundleFinding } from './finding.ts'
import { NOT_PROVEN } from './not-proven.ts'
import type { VerifierTrust } from './trust.ts'
import { tryReadZip, type ZipContents } from './zip-reader.ts'

/** One line of a verdict. */
export interface CheckResult {
  readonly number: number
  readonly name: string
  readonly status: 'passed' | 'failed' | 'not-applicable'
  readonly findings: readonly BundleFinding[]
  /** Why there was nothing to check; null unless the status is `not-applicable`. */
  readonly reason: string | null
}

/** What the bundle states about itself: to be believed only as far as the checks passed. */
export interface BundleFacts {
  readonly agency: string
  readonly agencyName: string
  readonly investigator: { readonly name: string; readonly role: string }
  readonly caseNumber: string
  readonly household: string
  readonly device: string
  readonly clip: string
  readonly startMs: number
  readonly endMs: number
  /** What the device knew of its clock. */
  readonly clock: ClockStatement
  readonly gaps: readonly GapField[]
  /** Digest of the privacy masks painted at capture; null without any. */
  readonly masks: string | null
  /** Program that recorded. */
  readonly software: string
  /** Released. */
  readonly items: number
  /** In the clip. */
  readonly clipItems: number
  /** Digests of the signed objects. */
  readonly request: string
  readonly consent: string
  readonly release: string | null
  readonly purpose: string
  readonly retentionDays: number
  /** The consent's own id and end, seconds. */
  readonly consentId: string
  readonly consentExpSeconds: number
  /** The owner told something about themselves, sealed to the requester. */
  readonly hasOwnerDetails: boolean
  /** Log index of the release leaf. */
  readonly releaseIndex: number | null
}

/** The verdict on a bundle. */
export interface Verdict {
  /** No check failed. */
  readonly passed: boolean
  /** All fifteen, in order. */
  readonly checks: readonly CheckResult[]
  /** Fixed words: what even a bundle that passes does not prove. */
  readonly notProven: readonly string[]
  /** Null when a proof file does not parse. */
  readonly facts: BundleFacts | null
  /** Items that check 14 opened; null without a key or when it failed. */
  readonly opened: readonly OpenedItem[] | null
  /** What the owner told about themselves, by their own account; null when nothing was, or it was not opened. */
  readonly ownerDetails: OwnerDetails | null
}

const UNREADABLE = 'not checked: a proof file of the bundle does not parse'

function factsOf(bundleCase: BundleCase): BundleFacts {
  const { request, consent, agency, manifest, device, items, release, leaves, investigator } = bundleCase
  const { clip, startMs, endMs, clock, gaps, masks, software } = manifest.payload.latchkey
  return {
    agency: agency.uri,
    agencyName: agency.name,
    investigator: { name: investigator.payload.latchkey.name, role: investigator.payload.latchkey.role },
    caseNumber: request.payload.latchkey.caseNumber,
    household: consent.payload.iss,
    device: device.payload.sub,
    clip,
    startMs,
    endMs,
    clock,
    gaps,
    masks,
    software,
    items: items.items.length,
    clipItems: manifest.payload.latchkey.items,
    request: request.digest,
    consent: consent.digest,
    release: release?.digest ?? null,
    purpose: consent.payload.latchkey.purpose,
    retentionDays: consent.payload.latchkey.retentionDays,
    consentId: consent.payload.jti,
    consentExpSeconds: consent.payload.exp,
    hasOwnerDetails: consent.payload.latchkey.disclosure !== null,
    releaseIndex: leaves.leaves.find(({ file }) => file === 'release.jws')?.index ?? null,
  }
}

/** Sealed items whose file is there. A header is as long as a release header is; a shorter file is all header. */
function splitMedia({ items }: BundleCase, files: BundleFiles): MediaItem[] {
  return items.items.flatMap(({ file, descriptor, headerSha256 }) => {
    const bytes = files.get(file)
    if (bytes === undefined) return []
    const [header, payload] = [bytes.subarray(0, RELEASE_HEADER_BYTES), bytes.subarray(RELEASE_HEADER_BYTES)]
    return [{ path: file, descriptor, headerSha256, header, payload }]
  })
}

function caseContextOf(context: CheckContext): CaseContext | null {
  const { bundleCase, files } = context
  return bundleCase === null ? null : { ...context, bundleCase, media: splitMedia(bundleCase, files) }
}

function statusOf({ findings, notApplicable }: CheckOutcome): CheckResult['status'] {
  if (findings.length > 0) return 'failed'
  return notApplicable === undefined ? 'passed' : 'not-applicable'
}

function runCheck(check: Check, context: CheckContext, caseContext: CaseContext | null): CheckOutcome {
  if (check.needs === 'files') return check.run(context)
  return caseContext === null ? { findings: [], notApplicable: UNREADABLE } : check.run(caseContext)
}

/**
 * Verifies an evidence bundle: one pure function for relay, command line, web page and tests. Every check is reported;
 * each finding has a code and names the file it is about.
 * Untrusted: `files` (by path, as {@link readZip} gives them).
 * @param trust the verifier's own: nothing outside it is believed
 * @see spec/verify.md, protocol §9
 */
export function verifyBundle(files: BundleFiles, trust: VerifierTrust, options: VerifyOptions = {}): Verdict {
  const { bundleCase, findings: parseFindings, read } = parseBundleCase(files)
  const context: CheckContext = { files, read, parseFindings, bundleCase, trust, options }
  const caseContext = caseContextOf(context)
  let opened: readonly OpenedItem[] | null = null
  let ownerDetails: OwnerDetails | null = null
  const checks = CHECKLIST.map((check): CheckResult => {
    const outcome = runCheck(check, context, caseContext)
    opened = outcome.opened ?? opened
    ownerDetails = outcome.ownerDetails ?? ownerDetails
    const status = statusOf(outcome)
    const reason = status === 'not-applicable' ? (outcome.notApplicable ?? null) : null
    return { number: check.number, name: check.name, status, findings: outcome.findings, reason }
  })
  return {
    passed: checks.every(({ status }) => status !== 'failed'),
    checks,
    notProven: NOT_PROVEN,
    facts: bundleCase === null ? null : factsOf(bundleCase),
    opened,
    ownerDetails,
  }
}

/** One folder around everything, as some programs pack it, is taken off. */
export function withoutBaseFolder(files: BundleFiles): BundleFiles {
  const folders = new Set([...files.keys()].map((path) => path.slice(0, path.indexOf('/') + 1)))
  const [folder] = folders
  if (folders.size !== 1 || !folder || !files.has(`${folder}bagit.txt`)) return files
  return new Map([...files].map(([path, bytes]) => [path.slice(folder.length), bytes]))
}

/**
 * {@link verifyBundle} for a zip file. What is wrong with the archive itself is reported under check 1.
 * Untrusted: `zip`. Never throws for anything in it.
 */
export function verifyBundleZip(zip: Uint8Array, trust: VerifierTrust, options: VerifyOptions = {}): Verdict {
  return verdictOfZip(tryReadZip(zip), trust, options)
}

/**
 * {@link verifyBundleZip} with a key that answers with a promise, as one does that a browser keeps and shows to nobody.
 * Untrusted: `zip`. Never throws for anything in it.
 */
export async function verifyBundleZipWith(
  zip: Uint8Array,
  trust: VerifierTrust,
  options: Pick<VerifyOptions, 'nowSeconds'> & { readonly opener: HeaderOpener },
): Promise<Verdict> {
  const { opener, ...others } = options
  const contents = tryReadZip(zip)
  const sealed = [...contents.files].filter(([path]) => path.endsWith('.age')).map(([, bytes]) => bytes)
  return verdictOfZip(contents, trust, { ...others, identity: await agreeBefore(opener, sealed) })
}

function verdictOfZip({ files, findings }: ZipContents, trust: VerifierTrust, options: VerifyOptions): Verdict {
  const verdict = verifyBundle(withoutBaseFolder(files), trust, options)
  if (findings.length === 0) return verdict
  const checks = verdict.checks.map((check) =>
    check.number === 1 ? { ...check, status: 'failed' as const, findings: [...findings, ...check.findings] } : check,
  )
  return { ...verdict, passed: false, checks }
}
