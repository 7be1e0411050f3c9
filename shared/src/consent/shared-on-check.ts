import { urnOf } from '../crypto/keys.ts'
import type { Consent } from '../wire/consent.ts'
import { isSignedBy, type Signed } from '../wire/jws.ts'
import type { Release } from '../wire/release.ts'
import type { SharedOn } from '../wire/shared-on.ts'

const DAY_MS = 86_400_000

/** What stands against an entry: it went to somebody for another purpose, after the days that were allowed, or after it was taken back. */
export const SHARED_ON_CONFLICTS = ['other-purpose', 'kept-too-long', 'taken-back'] as const
export type SharedOnConflict = (typeof SHARED_ON_CONFLICTS)[number]

/**
 * Where an entry goes against the consent under which the thing was given. Pure: desk, phone and anyone who holds the papers say the same.
 * @param papers.releasedSeconds `iat` of the release: from then on the days of the consent are counted
 * @param papers.takenBackMs when the consent was taken back; null when it was not, or where nobody can know
 */
export function checkSharedOn(
  said: Pick<SharedOn['latchkey'], 'atMs' | 'purpose'>,
  papers: { readonly consent: Consent; readonly releasedSeconds: number; readonly takenBackMs: number | null },
): SharedOnConflict[] {
  const { consent, releasedSeconds, takenBackMs } = papers
  const keptUntilMs = releasedSeconds * 1000 + consent.latchkey.retentionDays * DAY_MS
  const conflicts: Record<SharedOnConflict, boolean> = {
    'other-purpose': said.purpose === 'other',
    'kept-too-long': said.atMs > keptUntilMs,
    'taken-back': takenBackMs !== null && said.atMs > takenBackMs,
  }
  return SHARED_ON_CONFLICTS.filter((conflict) => conflicts[conflict])
}

/**
 * Is the entry by whom the consent names, about this release of it? Its signature is checked.
 * @param signed Untrusted: as a relay tells it
 */
export function isSharedOnOf(
  signed: Signed<SharedOn>,
  of: { readonly consent: Signed<Consent>; readonly release: Signed<Release> },
): boolean {
  const { iss, sub, cnf, latchkey } = signed.payload
  const { payload: given, digest: consent } = of.consent
  const isAbout = latchkey.consent === consent && latchkey.release === of.release.digest
  const isByRequester = sub === given.sub && iss === given.aud[1] && urnOf(cnf.jwk) === sub
  return isAbout && isByRequester && isSignedBy(signed, cnf.jwk)
}
