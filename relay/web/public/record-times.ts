const HOUR_MS = 3_600_000
const two = (value: number): string => String(value).padStart(2, '0')

/** `2026-11-23`, UTC. */
export const dayText = (ms: number): string => new Date(ms).toISOString().slice(0, 10)

/** `2026-11-23 17:05 UTC`. */
export function minuteText(ms: number): string {
  const at = new Date(ms)
  return `${dayText(ms)} ${two(at.getUTCHours())}:${two(at.getUTCMinutes())} UTC`
}

/** The log tells hours: `2026-11-23, 17:00–18:00 UTC`. */
export function hourText(hour: number): string {
  const at = new Date(hour * HOUR_MS).getUTCHours()
  return `${dayText(hour * HOUR_MS)}, ${two(at)}:00–${two(at + 1)}:00 UTC`
}

/** The moment at which an hour of the log has passed. */
export const hourEndMs = (hour: number): number => (hour + 1) * HOUR_MS

/** `2 hours 30 minutes`, `14 days`: whole units, the largest two. */
export function durationText(ms: number): string {
  const minutes = Math.round(ms / 60_000)
  const units: [number, string][] = [
    [Math.floor(minutes / 1440), 'day'],
    [Math.floor((minutes % 1440) / 60), 'hour'],
    [minutes % 60, 'minute'],
  ]
  const told = units.filter(([count]) => count > 0).slice(0, 2)
  if (told.length === 0) return '0 minutes'
  return told.map(([count, unit]) => `${count} ${unit}${count === 1 ? '' : 's'}`).join(' ')
}

/** `November 2026`. @param month `2026-11` */
export const monthText = (month: string): string =>
  new Intl.DateTimeFormat('en-GB', { month: 'long', year: 'numeric', timeZone: 'UTC' }).format(
    Date.parse(`${month}-01T00:00:00Z`),
  )
