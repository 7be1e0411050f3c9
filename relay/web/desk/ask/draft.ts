/** A request while it is written: what stands in the fields, and what would be refused of it. */
import {
  type Asked,
  assertPlainText,
  buildRequest,
  checkRequest,
  type ClipRequest,
  codeOf,
  type Finding,
  findTemplate,
  type InvestigatorCertificate,
  type Policy,
  REQUEST_TEMPLATES,
  type Signed,
} from '@latchkey/shared'
import { nowMs } from '../../kernel/clock.ts'
import type { Database } from '../../kernel/database.ts'
import { lineOf, momentOf } from '../words/field-text.ts'
import { parseCorners } from './corners.ts'

/** As it stands in the fields. */
export interface Draft {
  readonly caseNumber: string
  readonly incidentType: string
  readonly template: string
  readonly reason: string
  /** Text, one corner on each line: the map draws what it says, and writes into it. */
  readonly corners: string
  /** `YYYY-MM-DDTHH:MM`, by this computer's zone; empty while it is not whole. */
  readonly from: string
  readonly to: string
  readonly retentionDays: number
  readonly contact: string
}

/** Who asks, under which rules. */
export interface Asker {
  readonly certificate: Signed<InvestigatorCertificate>
  readonly relay: string
  readonly policy: Policy
}

const RECORD = 'draft'
const USUAL_DAYS = 90
const USUAL_TEMPLATE = 'general-1'

/** A draft with nothing in it. */
export const EMPTY_DRAFT: Draft = {
  caseNumber: '',
  incidentType: '',
  template: USUAL_TEMPLATE,
  reason: findTemplate(USUAL_TEMPLATE)?.text ?? '',
  corners: '',
  from: '',
  to: '',
  retentionDays: USUAL_DAYS,
  contact: '',
}

/** What was being written when the page was last open. */
export const loadDraft = async (database: Database): Promise<Draft> => ({
  ...EMPTY_DRAFT,
  ...((await database.load(RECORD)) as Partial<Draft> | undefined),
})

export const saveDraft = (database: Database, draft: Draft): Promise<void> => database.save(RECORD, draft)

/** What stands in the field once that template is chosen: its text, unless somebody has written words of their own. */
export function reasonUnder(template: string, reason: string): string {
  const isOwn = reason.trim() !== '' && REQUEST_TEMPLATES.every(({ text }) => text !== reason)
  return isOwn ? reason : (findTemplate(template)?.text ?? '')
}

function askedOf(draft: Draft): Asked {
  const [startMs, endMs] = [momentOf(draft.from), momentOf(draft.to)]
  const { area } = parseCorners(draft.corners)
  return {
    caseNumber: lineOf(draft.caseNumber),
    incidentType: draft.incidentType,
    reason: lineOf(draft.reason),
    contact: lineOf(draft.contact),
    window: { startMs, endMs },
    area: area ?? [],
    retentionDays: draft.retentionDays,
    template: draft.template,
  }
}

/** What would be signed now. */
export function requestOf(draft: Draft, asker: Asker): ClipRequest {
  return buildRequest(askedOf(draft), { ...asker, nowSeconds: Math.floor(nowMs() / 1000) })
}

function textFindings({ latchkey }: ClipRequest): Finding[] {
  return (['caseNumber', 'reason', 'contact'] as const).flatMap((field): Finding[] => {
    try {
      assertPlainText(latchkey[field])
      return []
    } catch (error) {
      return [{ code: codeOf(error), field, message: 'holds characters that cannot be seen' }]
    }
  })
}

function formFindings(request: ClipRequest): Finding[] {
  const { retentionDays } = request.latchkey
  const isWhole = Number.isInteger(retentionDays) && retentionDays >= 1 && retentionDays <= 36_500
  const ofDays: Finding = { code: 'MESSAGE_INVALID', field: 'retentionDays', message: 'is not a whole number of days' }
  return [...textFindings(request), ...(isWhole ? [] : [ofDays])]
}

/** Everything that would be refused, by the relay's own rules; without the history that only the relay counts. */
export function findingsOf(request: ClipRequest, policy: Policy): Finding[] {
  const judged = checkRequest(request, policy, { nowMs: nowMs(), history: null })
  const { startMs, endMs } = request.authorization_details[0]!.window
  const form = formFindings(request)
  if (!Number.isNaN(startMs) && !Number.isNaN(endMs)) return [...form, ...judged]
  const missing: Finding = { code: 'FIELD_MISSING', field: 'window', message: 'window is required' }
  return [...form, ...judged.filter(({ field }) => field !== 'window'), missing]
}
