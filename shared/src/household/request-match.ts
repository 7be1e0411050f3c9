import { assertPolygon, type MicroPoint, polygonContains } from '../area/polygon.ts'
import { meetsWindow } from '../consent/consent-check.ts'
import type { ClockStatement, ItemDescriptor } from '../wire/clip.ts'
import type { Signed } from '../wire/jws.ts'
import type { ClipRequest } from '../wire/request.ts'
import type { SettingsChoices } from '../wire/settings.ts'

/** A clip of this household, judged before. */
export interface OwnClip {
  readonly clip: string
  /** Random id of the camera, as in its certificate. */
  readonly device: string
  readonly clock: ClockStatement
  readonly descriptors: readonly ItemDescriptor[]
}

/** What of one clip answers a request: indexes to propose, rising; `init` is among them. */
export interface OfferedClip {
  readonly clip: OwnClip
  readonly items: readonly number[]
}

/** A request that concerns this household, and what could answer it. */
export interface RequestMatch {
  readonly request: Signed<ClipRequest>
  /** At least one; earliest first. */
  readonly offers: readonly OfferedClip[]
}

/** What a phone matches; every request was verified before. */
export interface MatchInput {
  readonly requests: readonly Signed<ClipRequest>[]
  readonly choices: SettingsChoices
  readonly clips: readonly OwnClip[]
  readonly nowMs: number
}

/** A polygon that is none holds no door: what a relay let through is not shown. */
function holdsPlace(area: readonly MicroPoint[], place: MicroPoint): boolean {
  try {
    assertPolygon(area)
  } catch {
    return false
  }
  return polygonContains(area, place)
}

function offerOf(clip: OwnClip, window: { startMs: number; endMs: number }): OfferedClip | null {
  const chosen = clip.descriptors.filter(
    (item) => item.kind === 'init' || (item.kind === 'media' && meetsWindow(item, clip.clock, window)),
  )
  if (!chosen.some(({ kind }) => kind === 'media')) return null
  return { clip, items: chosen.map(({ index }) => index).sort((a, b) => a - b) }
}

const byText = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0)

/** When a clip truly began, as far as its device knew. */
const beginOf = ({ clip }: OfferedClip) =>
  Math.min(...clip.descriptors.map(({ startMs }) => startMs)) + clip.clock.offsetMs

function matchOne(request: Signed<ClipRequest>, { choices, clips, nowMs }: MatchInput): RequestMatch | null {
  const { iss, exp, authorization_details } = request.payload
  const { area, window } = authorization_details[0]!
  if (exp * 1000 <= nowMs || choices.requests.muted.includes(iss)) return null
  const doors = choices.doors.filter(({ place }) => place !== null && holdsPlace(area, place))
  const inside = new Set(doors.map(({ device }) => device))
  const offers = clips
    .filter(({ device }) => inside.has(device))
    .map((clip) => offerOf(clip, window))
    .filter((offer) => offer !== null)
    .sort((a, b) => beginOf(a) - beginOf(b) || byText(a.clip.clip, b.clip.clip))
  return offers.length === 0 ? null : { request, offers }
}

/**
 * Which requests concern this household: its area holds the door of a camera, and a clip of that camera meets its window.
 * Everything else is not shown, and nobody learns the difference. Proposed are the init and media items that
 * `checkConsent` would admit; poster, sound and meta only ever by name. Pure; the order does not depend on the input's.
 * @returns newest request first; none when the household did not ask to be asked, or paused
 * @see protocol §5
 */
export function matchRequests(input: MatchInput): RequestMatch[] {
  const { on, pausedUntilMs } = input.choices.requests
  if (!on || (pausedUntilMs !== null && input.nowMs < pausedUntilMs)) return []
  return input.requests
    .map((request) => matchOne(request, input))
    .filter((match) => match !== null)
    .sort((a, b) => b.request.payload.iat - a.request.payload.iat || byText(a.request.digest, b.request.digest))
}
