import { decodeBase64url, encodeBase64url } from '../bytes/base64url.ts'
import { wrapHeader } from '../crypto/age-header.ts'
import { digestOf, randomBytes } from '../crypto/hash.ts'
import type { HeaderOpener, Signer } from '../crypto/keys.ts'
import { recoverFileKeyWith } from '../crypto/seal.ts'
import { LatchkeyError } from '../errors.ts'
import type { ClipManifest, ItemDescriptor } from '../wire/clip.ts'
import { type Consent, consent, type ConsentSubmission } from '../wire/consent.ts'
import type { DeviceCertificate } from '../wire/device.ts'
import type { Seen } from '../wire/fields.ts'
import type { Signed } from '../wire/jws.ts'
import type { Keyset } from '../wire/keyset.ts'
import type { OwnerDetails } from '../wire/owner-details.ts'
import type { Policy } from '../wire/policy.ts'
import type { ClipRequest } from '../wire/request.ts'
import { checkConsent, encodeHeaders, headersDigest } from './consent-check.ts'
import { sealIdentity } from './identity-item.ts'
import { rangesOf } from './item-ranges.ts'
import { type ConsentDraft, NOTICE_VERSION, noticeDigest, renderNotice } from './notice.ts'

/** A sealed item as the phone fetched it: its header and the payload's first 16 bytes. */
export interface FetchedHeader {
  readonly header: Uint8Array
  readonly nonce: Uint8Array
}

/** What the owner decided, and everything the phone verified before showing it. */
export interface ConsentPlan {
  readonly keyset: Signed<Keyset>
  readonly deviceCertificate: Signed<DeviceCertificate>
  readonly manifest: Signed<ClipManifest>
  /** All descriptors of the clip, verified against the manifest's root. */
  readonly descriptors: readonly ItemDescriptor[]
  readonly request: Signed<ClipRequest>
  readonly agencyName: string
  readonly relayOrigin: string
  readonly policy: Policy
  /** Indexes that the owner chose; `init` is added where media is chosen. */
  readonly items: readonly number[]
  readonly purpose: string
  readonly retentionDays: number
  readonly utcOffsetMinutes: number
  /** What the owner tells about themselves; null for nothing, as long as no box was ticked. */
  readonly disclosure: OwnerDetails | null
  readonly seen: Seen
  readonly nowSeconds: number
}

/** The phone's own keys. */
export interface ConsentKeys {
  readonly signer: Signer
  /** Its X25519 half: WebCrypto on a phone, an `Identity` elsewhere. */
  readonly identity: HeaderOpener
}

/** A consent ready to send, and the words it stands for. */
export interface BuiltConsent {
  readonly submission: ConsentSubmission
  readonly notice: string
}

/**
 * Items that answer a request: media inside its window and the init segment; never poster, sound or meta, which are
 * given only when the owner names them.
 */
export function defaultItems(descriptors: readonly ItemDescriptor[], request: ClipRequest): number[] {
  const { startMs, endMs } = request.authorization_details[0]!.window
  const media = descriptors.filter(
    (item) => item.kind === 'media' && item.startMs <= endMs && item.startMs + item.durationMs >= startMs,
  )
  return media.length === 0
    ? []
    : withInit(
        descriptors,
        media.map((item) => item.index),
      )
}

function withInit(descriptors: readonly ItemDescriptor[], items: readonly number[]): number[] {
  const chosen = new Set(items)
  const needs = (kind: string, init: string) => {
    if (descriptors.some((item) => item.kind === kind && chosen.has(item.index)))
      for (const item of descriptors) if (item.kind === init) chosen.add(item.index)
  }
  needs('media', 'init')
  needs('audio', 'audioInit')
  return [...chosen].sort((a, b) => a - b)
}

/** One new single-recipient header per item; a header whose key is not the committed one is refused (the polyglot). */
async function rewrapHeaders(
  plan: ConsentPlan,
  items: readonly number[],
  input: { identity: HeaderOpener; fetched: ReadonlyMap<number, FetchedHeader> },
): Promise<Uint8Array[]> {
  const headers: Uint8Array[] = []
  for (const index of items) {
    const descriptor = plan.descriptors[index]
    const fetched = input.fetched.get(index)
    if (!descriptor || !fetched) throw new LatchkeyError('CONSENT_INVALID', `item ${index} is not there`)
    const fileKey = await recoverFileKeyWith(fetched.header, input.identity, {
      nonce: fetched.nonce,
      keyCommitment: decodeBase64url(descriptor.keyCommitment),
    })
    headers.push(wrapHeader(fileKey, [plan.request.payload.latchkey.recipient]))
    fileKey.fill(0)
  }
  return headers
}

/** What only the keys can make: digests of the new headers and of the sealed identity. */
interface Sealed {
  readonly headersSha256: string
  readonly disclosure: string | null
}

function draftOf(plan: ConsentPlan, items: readonly number[], { headersSha256, disclosure }: Sealed): ConsentDraft {
  const { policy, request, nowSeconds } = plan
  const nbf = nowSeconds + policy.consent.undoSeconds
  return {
    iss: plan.keyset.payload.iss,
    sub: request.payload.sub,
    aud: [plan.relayOrigin, request.payload.iss],
    jti: encodeBase64url(randomBytes(16)),
    iat: nowSeconds,
    nbf,
    exp: Math.min(nbf + policy.consent.lifeSeconds, request.payload.exp),
    authorization_details: [
      {
        type: 'latchkey/clip-release',
        actions: ['decrypt'],
        identifier: plan.manifest.digest,
        items: rangesOf(items),
        headersSha256,
        recipient: request.payload.latchkey.recipient,
      },
    ],
    latchkey: {
      v: 1,
      request: request.digest,
      keyset: plan.keyset.digest,
      deviceCertificate: plan.deviceCertificate.digest,
      purpose: plan.purpose,
      retentionDays: plan.retentionDays,
      maxDownloads: policy.consent.maxDownloads,
      disclosure,
      claimedApp: null,
      seen: plan.seen,
    },
  }
}

function noticeOf(plan: ConsentPlan, items: readonly number[], draft: ConsentDraft): string {
  return renderNotice(NOTICE_VERSION, 'en', {
    request: plan.request.payload,
    agencyName: plan.agencyName,
    consent: draft,
    items: items.map((index) => plan.descriptors[index]!),
    utcOffsetMinutes: plan.utcOffsetMinutes,
  })
}

/**
 * The words that {@link buildConsent} makes a signature stand for, before there is one: what an owner is shown.
 * @throws CONSENT_INVALID when an item is chosen that the clip does not have
 */
export function renderPlan(plan: ConsentPlan): string {
  const items = withInit(plan.descriptors, plan.items)
  const missing = items.find((index) => plan.descriptors[index] === undefined)
  if (missing !== undefined) throw new LatchkeyError('CONSENT_INVALID', `item ${missing} is not there`)
  // No word depends on what takes keys to make, only on whether something about the owner is told.
  const nothing = headersDigest([])
  const sealed = { headersSha256: nothing, disclosure: plan.disclosure && nothing }
  return noticeOf(plan, items, draftOf(plan, items, sealed))
}

/**
 * Signs an owner's decision: re-wraps the file keys of the chosen items to the requester and nothing more.
 * @param fetched headers by item index, from the relay or a file (untrusted until their commitment matched)
 * @returns the submission and the notice text that its digest stands for
 * @throws COMMITMENT_MISMATCH (polyglot or swapped header) | AGE_NO_MATCH | AGE_HEADER_INVALID | those of `sealIdentity` |
 *   the first finding's code
 */
export async function buildConsent(
  plan: ConsentPlan,
  keys: ConsentKeys,
  fetched: ReadonlyMap<number, FetchedHeader>,
): Promise<BuiltConsent> {
  const items = withInit(plan.descriptors, plan.items)
  const headers = await rewrapHeaders(plan, items, { identity: keys.identity, fetched })
  const identity = plan.disclosure && sealIdentity(plan.disclosure, plan.request.payload.latchkey.recipient)
  const disclosure = identity && digestOf(identity)
  const draft = draftOf(plan, items, { headersSha256: headersDigest(headers), disclosure })
  const descriptors = new Map(plan.descriptors.map((item) => [item.index, item]))
  const notice = noticeOf(plan, items, draft)
  const payload: Consent = {
    ...draft,
    latchkey: {
      ...draft.latchkey,
      notice: {
        sha256: noticeDigest(notice),
        version: NOTICE_VERSION,
        language: 'en',
        utcOffsetMinutes: plan.utcOffsetMinutes,
      },
    },
  }
  const raw = await consent.encode(payload, keys.signer)
  const [first] = checkConsent({ ...plan, consent: consent.parse(raw), headers, descriptors })
  if (first) throw new LatchkeyError(first.code, first.message)
  return {
    submission: {
      consent: raw,
      headers: encodeHeaders(headers),
      salt: encodeBase64url(randomBytes(32)),
      ...(identity && { disclosure: encodeBase64url(identity) }),
    },
    notice,
  }
}
