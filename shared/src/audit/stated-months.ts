import { leafHourStartMs } from '../tlog/leaf.ts'
import { type EntryOf, monthEndMs, monthOf } from '../wire/register.ts'
import { auditFinding, type AuditFinding } from './audit-finding.ts'
import { spanOfHour } from './request-record.ts'

const DAY_MS = 24 * 3_600_000
/** A relay that wrote anything after a month may take as long to tell the month's numbers. */
export const STATE_WITHIN_MS = 7 * DAY_MS

/** Which months a relay told the numbers of, and which it owes. */
export class StatedMonths {
  readonly #stated = new Map<string, number>()
  /** The oldest month that is not known to be told, and where the log first was past it. */
  #next: string | null = null
  #pastSinceMs: number | null = null

  /** A leaf of this hour was read, before it is judged: is a month overdue? */
  pass(index: number, hour: number): AuditFinding[] {
    const nowMs = leafHourStartMs(hour)
    this.#next ??= monthOf(nowMs)
    const findings: AuditFinding[] = []
    for (; this.#stated.has(this.#next); this.#next = monthOf(monthEndMs(this.#next))) this.#pastSinceMs = null
    if (nowMs < monthEndMs(this.#next)) return findings
    this.#pastSinceMs ??= nowMs
    if (nowMs < this.#pastSinceMs + STATE_WITHIN_MS) return findings
    const message = `entry ${index} is of a time when the numbers of ${this.#next} were long due, and no entry before it tells them`
    findings.push(auditFinding('NUMBERS_MISSING', index, message))
    this.#next = monthOf(monthEndMs(this.#next))
    this.#pastSinceMs = null
    return findings
  }

  /** @param entry as shown; it is the one that the leaf names */
  state(
    entry: EntryOf<'statistics'>,
    at: { index: number; hour: number; isAgency: (uri: string) => boolean },
  ): AuditFinding[] {
    const { index, hour, isAgency } = at
    const findings: AuditFinding[] = []
    const earlier = this.#stated.get(entry.id)
    if (earlier !== undefined)
      findings.push(auditFinding('LOGGED_TWICE', index, `entry ${index} tells the month of entry ${earlier} again`))
    this.#stated.set(entry.id, index)
    const wrong = (message: string) =>
      findings.push(
        auditFinding('DOCUMENT_WRONG', index, `entry ${index} ${message}`, {
          evidence: { shown: JSON.stringify(entry) },
        }),
      )
    if (spanOfHour(hour).toMs < monthEndMs(entry.id)) wrong(`tells the numbers of ${entry.id} before it has ended`)
    const named = entry.agencies.map(({ agency }) => agency)
    if (named.some((agency, i) => i > 0 && agency <= named[i - 1]!)) wrong('does not name each agency once, in order')
    const unknown = named.find((agency) => !isAgency(agency))
    if (unknown !== undefined) wrong(`tells numbers of ${unknown}, which no entry before it enrols`)
    return findings
  }
}
