/** Every consent of the household, as the relay tells it and as this phone knows it. */
import {
  type Consent,
  type ConsentList,
  consent,
  consentList,
  decodeBase64url,
  type OwnLeafState,
  type Signed,
  utf8,
} from '@latchkey/shared'
import type { KeptDecision } from '../decide/outbox.ts'
import type { Home } from '../household/home.ts'
import { memberClient } from '../household/relay-clients.ts'
import type { LogKeeper } from '../log/log-keeper.ts'

type Told = ConsentList['consents'][number]

/** One consent with its state. */
export interface GivenConsent {
  readonly digest: string
  readonly signed: Signed<Consent>
  /** What this phone kept of it; `null` when another phone of the household signed. */
  readonly kept: KeptDecision | null
  /** The relay's word; `null` before it was sent. */
  readonly told: Told | null
  /** Whether it stands in the log, by this phone's own look; null when nothing was to be looked for, or nobody answered. */
  readonly inLog: OwnLeafState['state'] | null
}

/** Newest first. Untrusted: what the relay tells is only ever shown as its word. */
export async function loadHistory(home: Home, kept: readonly KeptDecision[]): Promise<GivenConsent[]> {
  const asMember = await memberClient(home)
  const { consents } = await asMember.json('GET', '/v1/consents', consentList)
  return joinHistory(consents, kept)
}

async function findInLog({ told, kept, signed }: GivenConsent, log: LogKeeper): Promise<OwnLeafState['state'] | null> {
  if (told === null) return null
  // The salt of this phone's own making, where it has one: the relay's word for it proves less.
  const salt = decodeBase64url(kept?.submission.salt ?? told.salt)
  // The same of the time: a relay that hides a consent must not say for ever that it only just came.
  const takenMs = Math.min(told.receivedMs, kept?.sentMs ?? told.receivedMs)
  const leaf = { salt, kind: 'consent', object: utf8(signed.raw), takenMs, index: told.index } as const
  try {
    return (await log.check(leaf)).state
  } catch {
    return null
  }
}

/** Looks every consent up in the log. A log that cannot be read now says nothing either way. */
export const checkHistory = (history: readonly GivenConsent[], log: LogKeeper): Promise<GivenConsent[]> =>
  Promise.all(history.map(async (given) => ({ ...given, inLog: await findInLog(given, log) })))

/** What is known without the relay. */
export const localHistory = (kept: readonly KeptDecision[]): GivenConsent[] => joinHistory([], kept)

function joinHistory(consents: readonly Told[], kept: readonly KeptDecision[]): GivenConsent[] {
  const told = new Map(consents.map((entry) => [consent.parse(entry.consent).digest, entry]))
  const here = new Map(kept.map((decision) => [decision.digest, decision]))
  return [...new Set([...told.keys(), ...here.keys()])]
    .map((digest) => {
      const entry = told.get(digest) ?? null
      const decision = here.get(digest) ?? null
      const signed = consent.parse(entry?.consent ?? decision!.submission.consent)
      return { digest, signed, kept: decision, told: entry, inLog: null }
    })
    .sort((a, b) => b.signed.payload.iat - a.signed.payload.iat)
}
