import { encodeBase64url } from '../bytes/base64url.ts'
import { isReleaseHeader } from '../crypto/age-header.ts'
import { digestOf, sha256 } from '../crypto/hash.ts'
import { codeOf } from '../errors.ts'
import { signingMember } from '../household/keyset-chain.ts'
import type { ClipManifest, ClockStatement, ItemDescriptor } from '../wire/clip.ts'
import type { Approval, Consent } from '../wire/consent.ts'
import type { DeviceCertificate } from '../wire/device.ts'
import type { Signed } from '../wire/jws.ts'
import type { Keyset } from '../wire/keyset.ts'
import type { Policy } from '../wire/policy.ts'
import type { Finding } from '../wire/problem.ts'
import type { ClipRequest } from '../wire/request.ts'
import { checkConsentSpan } from './consent-times.ts'
import { areCanonicalRanges, indexesOf } from './item-ranges.ts'
import { noticeDigest, renderNotice } from './notice.ts'

/** Everything a consent is judged against. Relay and offline verifier fill it from their own stores. */
export interface ConsentCase {
  readonly consent: Signed<Consent>
  /** One header per named item, index order. */
  readonly headers: readonly Uint8Array[]
  /** In force at the consent's log index (offline: the one the bundle shows). */
  readonly keyset: Signed<Keyset>
  readonly deviceCertificate: Signed<DeviceCertificate>
  readonly manifest: Signed<ClipManifest>
  /** Descriptors by index: at least the named ones, already proved against the manifest. */
  readonly descriptors: ReadonlyMap<number, ItemDescriptor>
  readonly request: Signed<ClipRequest>
  /** From the agency's log leaf or the trust file. */
  readonly agencyName: string
  readonly relayOrigin: string
  readonly policy: Policy
}

const finding = (code: Finding['code'], message: string, field?: string): Finding => ({
  code,
  message,
  ...(field ? { field } : {}),
})

function checkParties({ consent, keyset, deviceCertificate, manifest, request, relayOrigin }: ConsentCase): Finding[] {
  const { payload } = consent
  const [detail] = payload.authorization_details
  const findings: Finding[] = []
  if (payload.latchkey.keyset !== keyset.digest)
    findings.push(finding('KEYSET_SUPERSEDED', 'names another keyset than the one in force', 'keyset'))
  const member = signingMember(keyset.payload, consent)
  if (member?.role !== 'owner') findings.push(finding('CONSENT_INVALID', 'not signed by an owner of the household'))
  const household = new Set([payload.iss, keyset.payload.iss, deviceCertificate.payload.iss])
  if (household.size !== 1)
    findings.push(finding('CONSENT_ISSUER', 'issuer, keyset and device are not one household', 'iss'))
  if (
    payload.latchkey.deviceCertificate !== deviceCertificate.digest ||
    manifest.payload.latchkey.deviceCertificate !== deviceCertificate.digest ||
    manifest.payload.iss !== deviceCertificate.payload.sub
  )
    findings.push(finding('CONSENT_ISSUER', 'the clip is not from the device named', 'deviceCertificate'))
  if (detail!.identifier !== manifest.digest)
    findings.push(finding('CONSENT_INVALID', 'names another manifest', 'identifier'))
  if (payload.latchkey.request !== request.digest)
    findings.push(finding('CONSENT_REQUEST', 'names another request', 'request'))
  if (payload.sub !== request.payload.sub || detail!.recipient !== request.payload.latchkey.recipient)
    findings.push(finding('CONSENT_REQUESTER', 'names another requester than the request', 'sub'))
  if (payload.aud[0] !== relayOrigin || request.payload.aud !== relayOrigin || payload.aud[1] !== request.payload.iss)
    findings.push(finding('CONSENT_INVALID', 'is meant for another relay or agency', 'aud'))
  return findings
}

function checkTerms({ consent, request, policy }: ConsentCase): Finding[] {
  const { latchkey } = consent.payload
  const findings = checkConsentSpan(consent.payload, request.payload, policy)
  if (!policy.consent.purposes.includes(latchkey.purpose))
    findings.push(finding('CONSENT_PURPOSE', 'the purpose is not on the closed list', 'purpose'))
  if (latchkey.retentionDays > request.payload.latchkey.retentionDays)
    findings.push(finding('CONSENT_RETENTION', 'allows longer keeping than the request promised', 'retentionDays'))
  if (latchkey.maxDownloads > policy.consent.maxDownloads)
    findings.push(finding('CONSENT_INVALID', 'allows more downloads than policy', 'maxDownloads'))
  return findings
}

/**
 * Does an item touch the asked-for window at its corrected time, widened by what the clock is unsure of? Media, sound and
 * posters must, and no more than these may be offered.
 */
export function meetsWindow(
  item: Pick<ItemDescriptor, 'startMs' | 'durationMs'>,
  clock: ClockStatement,
  { startMs, endMs }: { readonly startMs: number; readonly endMs: number },
): boolean {
  const fromMs = item.startMs + clock.offsetMs
  return fromMs <= endMs + clock.uncertaintyMs && fromMs + item.durationMs >= startMs - clock.uncertaintyMs
}

function checkItems(subject: ConsentCase, items: readonly ItemDescriptor[]): Finding[] {
  const findings: Finding[] = []
  const kinds = new Set(items.map((item) => item.kind))
  if (kinds.has('media') && !kinds.has('init'))
    findings.push(finding('CONSENT_INIT_MISSING', 'media needs the init item', 'items'))
  if (kinds.has('audio') && !kinds.has('audioInit'))
    findings.push(finding('CONSENT_INIT_MISSING', 'audio needs the audioInit item', 'items'))
  const { clock } = subject.manifest.payload.latchkey
  const { window } = subject.request.payload.authorization_details[0]!
  const timed = items.filter((item) => item.kind === 'media' || item.kind === 'audio' || item.kind === 'poster')
  if (timed.some((item) => !meetsWindow(item, clock, window)))
    findings.push(finding('CONSENT_OUTSIDE_WINDOW', 'an item lies outside the requested window', 'items'))
  return findings
}

/** `H` of the concatenated `H(header)`, index order. */
export function headersDigest(headers: readonly Uint8Array[]): string {
  return digestOf(...headers.map((header) => sha256(header)))
}

function checkHeaders({ consent, headers }: ConsentCase, named: number): Finding[] {
  const wrong = (message: string) => [finding('CONSENT_HEADERS', message, 'headers')]
  if (headers.length !== named) return wrong(`${named} items are named but ${headers.length} headers came`)
  if (!headers.every(isReleaseHeader)) return wrong('a header is not a single X25519 stanza')
  if (headersDigest(headers) !== consent.payload.authorization_details[0]!.headersSha256)
    return wrong('headers are not the signed ones')
  return []
}

function checkNotice(subject: ConsentCase, items: readonly ItemDescriptor[]): Finding[] {
  const { notice, ...latchkey } = subject.consent.payload.latchkey
  try {
    const text = renderNotice(notice.version, notice.language, {
      request: subject.request.payload,
      agencyName: subject.agencyName,
      consent: { ...subject.consent.payload, latchkey },
      items,
      utcOffsetMinutes: notice.utcOffsetMinutes,
    })
    if (noticeDigest(text) === notice.sha256) return []
  } catch (error) {
    if (codeOf(error) !== 'CONSENT_NOTICE') throw error
  }
  return [finding('CONSENT_NOTICE', 'the words shown do not re-render to the signed digest', 'notice')]
}

/**
 * Everything about a consent that does not depend on the moment: parties, terms, items, headers, words. The same
 * function decides at the relay, on the phone before sending, and in the offline verifier. Pure.
 * @returns findings, empty when it holds
 * @see spec/consent.md
 */
export function checkConsent(subject: ConsentCase): Finding[] {
  const findings = [...checkParties(subject), ...checkTerms(subject)]
  const ranges = subject.consent.payload.authorization_details[0]!.items
  if (!areCanonicalRanges(ranges))
    return [...findings, finding('CONSENT_INVALID', 'item ranges are not sorted, disjoint and joined', 'items')]
  const indexes = indexesOf(ranges)
  const items = indexes.map((index) => subject.descriptors.get(index))
  if (items.some((item) => item === undefined) || indexes.at(-1)! >= subject.manifest.payload.latchkey.items)
    return [...findings, finding('CONSENT_INVALID', 'names items that the clip does not have', 'items')]
  const named = items as ItemDescriptor[]
  return [
    ...findings,
    ...checkItems(subject, named),
    ...checkHeaders(subject, named.length),
    ...checkNotice(subject, named),
  ]
}

/** Does another owner stand behind the consent where the quorum is 2? */
export function checkQuorum(
  consent: Signed<Consent>,
  keyset: Signed<Keyset>,
  approvals: readonly Signed<Approval>[],
): Finding[] {
  if (keyset.payload.latchkey.quorum === 1) return []
  const signer = signingMember(keyset.payload, consent)
  const others = approvals.filter((approval) => {
    const member = signingMember(keyset.payload, approval)
    const names =
      approval.payload.latchkey.consent === consent.digest && approval.payload.latchkey.keyset === keyset.digest
    return (
      names &&
      approval.payload.iss === keyset.payload.iss &&
      member?.role === 'owner' &&
      member.signingKey.x !== signer?.signingKey.x
    )
  })
  return others.length > 0 ? [] : [finding('CONSENT_QUORUM', 'a second owner has not approved')]
}

/** b64u of a header list, as submitted. */
export function encodeHeaders(headers: readonly Uint8Array[]): string[] {
  return headers.map(encodeBase64url)
}
