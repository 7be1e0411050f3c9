/** A decision under way: what the owner chose, the words for it, and the signature over exactly those words. */
import {
  buildConsent,
  type BuiltConsent,
  clipHeaders,
  type ClipEntry,
  clipManifest,
  type ConsentPlan,
  decodeBase64url,
  deviceCertificate,
  type FetchedHeader,
  keyset,
  LatchkeyError,
  type OwnerDetails,
  renderPlan,
  type Seen,
} from '@latchkey/shared'
import type { Home } from '../household/home.ts'
import { memberClient } from '../household/relay-clients.ts'
import { utcOffsetMinutesAt } from '../../kernel/clock.ts'
import { phoneOf } from '../keys/phone-keys.ts'
import type { Question } from '../questions/load-questions.ts'

/** What the owner chose to answer a question with. */
export interface Choice {
  readonly question: Question
  readonly clip: ClipEntry
  /** Indexes of the items to give; what they need to be played is added. */
  readonly items: readonly number[]
  readonly retentionDays: number
  /** What the owner tells about themselves; null for nothing. */
  readonly about: OwnerDetails | null
  readonly seen: Seen
}

/** A purpose of the closed list that fits who asks and why. */
export function purposeOf({ request, agency, policy: { consent } }: Question): string {
  const wanted =
    request.payload.latchkey.incidentType === 'missing-person'
      ? 'locate-missing-person'
      : agency.kind === 'public-defender' || agency.kind === 'defence-investigator'
        ? 'defence'
        : 'case-investigation'
  return consent.purposes.includes(wanted) ? wanted : consent.purposes[0]!
}

function planOf(home: Home, choice: Choice, nowSeconds: number): ConsentPlan {
  const { question, clip } = choice
  const { policy } = question
  return {
    keyset: keyset.parse(home.keyset),
    deviceCertificate: deviceCertificate.parse(clip.deviceCertificate),
    manifest: clipManifest.parse(clip.manifest),
    descriptors: clip.descriptors,
    request: question.request,
    agencyName: question.agency.name,
    relayOrigin: home.relay,
    policy,
    items: choice.items,
    purpose: purposeOf(question),
    retentionDays: choice.retentionDays,
    utcOffsetMinutes: utcOffsetMinutesAt(clip.descriptors[0]!.startMs),
    disclosure: choice.about,
    seen: choice.seen,
    nowSeconds,
  }
}

/** The small headers of a clip: all that a phone fetches to decide without looking. Untrusted until each one's key matched. */
export async function loadHeaders(home: Home, clip: string): Promise<ReadonlyMap<number, FetchedHeader>> {
  const asMember = await memberClient(home)
  const { headers } = await asMember.json('GET', `/v1/clips/${clip}/headers`, clipHeaders)
  return new Map(
    headers.map(({ index, header, nonce }) => [
      index,
      { header: decodeBase64url(header), nonce: decodeBase64url(nonce) },
    ]),
  )
}

/** The words for a choice at a moment. */
export const renderDecision = (home: Home, choice: Choice, nowSeconds: number): string =>
  renderPlan(planOf(home, choice, nowSeconds))

/** Words shown, and what they were shown for. */
export interface Shown {
  readonly notice: string
  readonly nowSeconds: number
}

/**
 * Signs what was shown: the signature is made over words rendered anew, and thrown away unless they are the same ones.
 * @throws CONSENT_NOTICE when anything that was shown changed between showing and signing
 */
export async function signDecision(
  home: Home,
  choice: Choice,
  given: { headers: ReadonlyMap<number, FetchedHeader>; shown: Shown },
): Promise<BuiltConsent> {
  const built = await build(home, choice, given.headers, given.shown.nowSeconds)
  if (built.notice !== given.shown.notice)
    throw new LatchkeyError('CONSENT_NOTICE', 'what is to be signed is not what was shown: nothing was signed')
  return built
}

async function build(
  home: Home,
  choice: Choice,
  headers: ReadonlyMap<number, FetchedHeader>,
  nowSeconds: number,
): Promise<BuiltConsent> {
  const { signer, opener } = await phoneOf(home.keys)
  return buildConsent(planOf(home, choice, nowSeconds), { signer, identity: opener }, headers)
}
