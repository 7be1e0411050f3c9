/** What phones are asked: the questions that a relay tells of a cell, against its own log. */
import { digestOfJws } from '../crypto/hash.ts'
import { type CellRequests, MAX_CELL_REQUESTS } from '../wire/http.ts'
import type { AuditedRequest, AuditState } from './audit-state.ts'
import { auditFinding, type AuditFinding } from './audit-finding.ts'

/** The clocks of relay and reader differ: a question that ends about now may stand there or not. */
const CLOCK_MS = 5 * 60_000

/** `open`: it must stand there · `ending`: it may · `over`: it must not. */
function standOf({ agency, expSeconds, isOver }: AuditedRequest, state: AuditState, nowMs: number) {
  if (isOver || state.agencies.get(agency)?.data.status === 'suspended') return 'over'
  // A text that is not shown is a finding of its own.
  if (expSeconds === null || Math.abs(expSeconds * 1000 - nowMs) <= CLOCK_MS) return 'ending'
  return expSeconds * 1000 > nowMs ? 'open' : 'over'
}

/** Cells in which some question is open, or may be: those that a reader should ask for. */
export function openCells(state: AuditState, nowMs: number): string[] {
  const open = state.requests.filter((request) => standOf(request, state, nowMs) !== 'over')
  return [...new Set(open.flatMap(({ cells }) => cells))].sort()
}

/** A list as the relay tells it, fetched after the checkpoint. Untrusted: `told`. */
export function checkToldCell(told: CellRequests, state: AuditState, nowMs: number): AuditFinding[] {
  const { cell } = told
  const asked = state.requests.filter(({ cells }) => cells.includes(cell))
  const listed = new Map(told.requests.map(({ request, index }) => [digestOfJws(request), index]))
  const open = asked.filter((request) => standOf(request, state, nowMs) === 'open')
  const withheld = open.slice(0, MAX_CELL_REQUESTS).filter(({ digest }) => !listed.has(digest))
  const known = new Map(asked.map((request) => [request.digest, request]))
  const wrong = [...listed].filter(([digest, index]) => {
    // What was accepted after the checkpoint is judged under the next one.
    if (index >= state.size) return false
    const request = known.get(digest)
    return request?.index !== index || standOf(request, state, nowMs) === 'over'
  })
  return [
    ...withheld.map(({ index }) =>
      auditFinding('REQUEST_WITHHELD', index, `the relay does not tell cell ${cell} of the question of entry ${index}`),
    ),
    ...wrong.map(([, index]) =>
      auditFinding('TOLD_OTHERWISE', index, `the relay tells cell ${cell} of a question that is not open there`),
    ),
  ]
}
