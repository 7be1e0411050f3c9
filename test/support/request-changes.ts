/** Requests that differ from what policy allows in one thing each. */
import type { ClipRequest } from '@latchkey/shared'
import { randomSalt } from './relay-world.ts'

const HOUR_MS = 3_600_000

type Detail = ClipRequest['authorization_details'][0]

/** What of a request is another. */
export interface RequestChange {
  readonly latchkey?: object
  readonly detail?: Partial<Detail>
  readonly top?: Partial<ClipRequest>
}

export function changeRequest(base: ClipRequest, { latchkey, detail, top }: RequestChange): ClipRequest {
  return {
    ...base,
    ...top,
    authorization_details: [{ ...base.authorization_details[0]!, ...detail }],
    latchkey: { ...base.latchkey, ...latchkey },
  }
}

/** A square in San Francisco. @param metres of one side */
export function square(metres: number): Detail['area'] {
  const [lat, lon] = [Math.round(metres / 0.111_19), Math.round(metres / 0.087_9)]
  const [south, west] = [37_775_000, -122_420_000]
  return [
    [south, west],
    [south + lat, west],
    [south + lat, west + lon],
    [south, west + lon],
  ]
}

/** Its edges cross. */
export const crossedArea = (): Detail['area'] => {
  const [first, second, third, fourth] = square(300)
  return [first!, third!, second!, fourth!]
}

/** Minutes that lie so far back. */
export const windowAgo = (nowMs: number, startAgoMs: number, endAgoMs: number): Partial<Detail> => ({
  window: { startMs: nowMs - startAgoMs, endMs: nowMs - endAgoMs },
})

/** Every limit on what one request says, with a request that is beyond it. What is signed at `nowMs` is judged then. */
export const BEYOND_LIMITS: Readonly<Record<string, (nowMs: number) => RequestChange>> = {
  FIELD_MISSING: () => ({ latchkey: { contact: '' } }),
  CASE_NUMBER_INVALID: () => ({ latchkey: { caseNumber: 'N/A' } }),
  PURPOSE_REFUSED: () => ({ latchkey: { incidentType: 'protest' } }),
  REQUEST_INVALID: () => ({ latchkey: { template: 'my-own' } }),
  AREA_TOO_SMALL: () => ({ detail: { area: square(200) } }),
  AREA_TOO_LARGE: (nowMs) => ({ detail: { area: square(1_300), ...windowAgo(nowMs, HOUR_MS, 1_000) } }),
  AREA_TIME_BUDGET: (nowMs) => ({ detail: { area: square(1_000), ...windowAgo(nowMs, 8 * HOUR_MS, 1_000) } }),
  AREA_INVALID: () => ({ detail: { area: crossedArea() } }),
  WINDOW_TOO_SHORT: (nowMs) => ({ detail: windowAgo(nowMs, HOUR_MS / 6, 1_000) }),
  WINDOW_TOO_LONG: (nowMs) => ({ detail: windowAgo(nowMs, 13 * HOUR_MS, 1_000) }),
  WINDOW_IN_FUTURE: (nowMs) => ({ detail: windowAgo(nowMs, HOUR_MS, -60_000) }),
  WINDOW_TOO_OLD: (nowMs) => ({ detail: windowAgo(nowMs, 31 * 24 * HOUR_MS, 31 * 24 * HOUR_MS - HOUR_MS) }),
  POLICY_UNKNOWN: () => ({ latchkey: { policy: randomSalt() } }),
}
