/** Who takes part, counted from the log: the number now, and at any past day. */
import { type CellBounds, decodeGeohash } from '@latchkey/shared'
import type { AskedRequest, Entry, PublicRecord } from './record.ts'
import { hourEndMs } from './record-times.ts'

type Change = PublicRecord['agencies'][number]

/** One agency and what it did, at some moment. */
export interface AgencyRow {
  readonly uri: string
  /** Newest entry at that moment. */
  readonly now: Change
  /** First entry. */
  readonly joined: Change
  readonly requests: number
  readonly refused: number
  /** Of its accepted requests; null without any. */
  readonly medianAreaM2: number | null
  readonly medianWindowMs: number | null
  readonly cells: readonly string[]
}

function median(values: readonly number[]): number | null {
  if (values.length === 0) return null
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length / 2
  return Number.isInteger(middle) ? (sorted[middle - 1]! + sorted[middle]!) / 2 : sorted[Math.floor(middle)]!
}

function rowOf(changes: readonly Change[], asked: readonly AskedRequest[], refused: number): AgencyRow {
  const cells = [...new Set(asked.flatMap(({ data }) => data.cells))].sort()
  return {
    uri: changes[0]!.data.uri,
    joined: changes[0]!,
    now: changes.at(-1)!,
    requests: asked.length,
    refused,
    medianAreaM2: median(asked.map(({ data }) => data.areaM2)),
    medianWindowMs: median(asked.map(({ data }) => data.windowEndMs - data.windowStartMs)),
    cells,
  }
}

/** Until when the agency must report, by the rules in force; null where text or rules are not shown. */
export function reportDueMs(record: PublicRecord, { text }: AskedRequest): number | null {
  const { inForce } = record.audit.rules
  return text === null || inForce === null ? null : text.exp * 1000 + inForce.policy.outcomeDueMs
}

/** Closed requests of an agency of which a report is overdue. */
export function overdueReports(record: PublicRecord, uri: string, nowMs: number): AskedRequest[] {
  const reported = new Set(record.outcomes.map(({ data }) => data.requestDigest))
  return record.requests.filter((request) => {
    if (request.data.agency !== uri || reported.has(request.data.requestDigest)) return false
    const dueMs = reportDueMs(record, request)
    return dueMs !== null && dueMs < nowMs
  })
}

function grouped<T>(entries: readonly Entry<T>[], of: (data: T) => string): Map<string, Entry<T>[]> {
  const groups = new Map<string, Entry<T>[]>()
  for (const entry of entries) {
    const key = of(entry.data)
    const group = groups.get(key)
    if (group) group.push(entry)
    else groups.set(key, [entry])
  }
  return groups
}

/**
 * Every agency that ever took part, by address, as the log had it at the end of `atMs`'s hour.
 * @param atMs null for now
 */
export function agencyRows(record: PublicRecord, atMs: number | null = null): AgencyRow[] {
  const by = <T extends { readonly hour: number }>(entries: readonly T[]) =>
    atMs === null ? entries : entries.filter(({ hour }) => hourEndMs(hour) - 1 <= atMs)
  const asked = grouped(by(record.requests), ({ agency }) => agency) as Map<string, AskedRequest[]>
  const refused = grouped(by(record.refusals), ({ agency }) => agency)
  return [...grouped(by(record.agencies), ({ uri }) => uri)]
    .map(([uri, changes]) => rowOf(changes, asked.get(uri) ?? [], refused.get(uri)?.length ?? 0))
    .sort((a, b) => (a.uri < b.uri ? -1 : 1))
}

/** How many agencies have each status. */
export function statusTotals(rows: readonly AgencyRow[]): ReadonlyMap<string, number> {
  const totals = new Map<string, number>()
  for (const { now } of rows) totals.set(now.data.status, (totals.get(now.data.status) ?? 0) + 1)
  return totals
}

/** An agency without what only the log's reader needs. */
export function agencyJson({ uri, now, joined, ...counts }: AgencyRow) {
  const { name, kind, status, statusSinceMs, noticeUntilMs } = now.data
  const { requests, refused, medianAreaM2, medianWindowMs, cells } = counts
  return {
    uri,
    name,
    kind,
    status,
    statusSinceMs,
    noticeUntilMs,
    joinedHour: joined.hour,
    joinedIndex: joined.index,
    index: now.index,
    requests,
    refused,
    medianAreaM2,
    medianWindowMs,
    cells,
  }
}

/** A field of RFC 4180, and nothing that a spreadsheet would run. */
function csvField(value: string | number | null): string {
  const text = value === null ? '' : String(value)
  const safe = typeof value === 'string' && /^[=+\-@\t\r]/.test(text) ? `'${text}` : text
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
}

const CSV_COLUMNS = [
  ...(['uri', 'name', 'kind', 'status', 'statusSince', 'noticeUntil', 'joinedHour', 'joinedIndex', 'index'] as const),
  ...(['requests', 'refused', 'medianAreaM2', 'medianWindowMinutes', 'cells'] as const),
]

/** @see RFC 4180 */
export function agenciesCsv(rows: readonly AgencyRow[]): string {
  const lines = rows.map((row) => {
    const { statusSinceMs, noticeUntilMs, medianWindowMs, cells, joinedHour, ...rest } = agencyJson(row)
    const fields = {
      ...rest,
      statusSince: new Date(statusSinceMs).toISOString(),
      noticeUntil: new Date(noticeUntilMs).toISOString(),
      joinedHour: new Date(joinedHour * 3_600_000).toISOString(),
      medianWindowMinutes: medianWindowMs === null ? null : Math.round(medianWindowMs / 60_000),
      cells: cells.join(' '),
    }
    return CSV_COLUMNS.map((column) => csvField(fields[column])).join(',')
  })
  return [CSV_COLUMNS.join(','), ...lines, ''].join('\r\n')
}

function ringOf({ south, north, west, east }: CellBounds): [number, number][] {
  const at = (lon: number, lat: number): [number, number] => [lon / 1e6, lat / 1e6]
  return [at(west, south), at(east, south), at(east, north), at(west, north), at(west, south)]
}

/** Where agencies asked: the cells of their requests, never those of a camera. @see RFC 7946 */
export function agenciesGeoJson(rows: readonly AgencyRow[]) {
  return {
    type: 'FeatureCollection',
    features: rows.map((row) => ({
      type: 'Feature',
      id: row.uri,
      // An agency that never asked has no place here.
      geometry:
        row.cells.length === 0
          ? null
          : { type: 'MultiPolygon', coordinates: row.cells.map((cell) => [ringOf(decodeGeohash(cell))]) },
      properties: agencyJson(row),
    })),
  }
}
