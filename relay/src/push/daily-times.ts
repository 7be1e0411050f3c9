const DAY_MS = 24 * 3_600_000
const MINUTE_MS = 60_000
/** Whoever moves the minute gets no second push for the same day. */
const APART_MS = 20 * 3_600_000

/**
 * The next moment at which it is this minute of the UTC day, and not soon after the last push.
 * @param minuteUtc 0 … 1439
 * @param from.lastMs of the last push, for a minute that is new; null where there was none, or the minute is as it was
 * @returns after `nowMs`, UTC ms
 */
export function nextDailyMs(
  minuteUtc: number,
  { nowMs, lastMs }: { readonly nowMs: number; readonly lastMs: number | null },
): number {
  const fromMs = Math.max(nowMs, (lastMs ?? -APART_MS) + APART_MS)
  const todayMs = Math.floor(fromMs / DAY_MS) * DAY_MS + minuteUtc * MINUTE_MS
  return todayMs > fromMs ? todayMs : todayMs + DAY_MS
}
