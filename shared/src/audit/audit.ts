import { canonicalJson } from '../bytes/canonical-json.ts'
import { NO_RULES, nextRules } from '../consent/policy-course.ts'
import { LatchkeyError } from '../errors.ts'
import { type Leaf, type LeafData, leafHourStartMs, parseLeaf } from '../tlog/leaf.ts'
import { requestLeafData } from '../verify/bundle-leaf.ts'
import type { Signed } from '../wire/jws.ts'
import { type RegisterEntry, registerEntry } from '../wire/register.ts'
import { type ClipRequest, clipRequest, investigatorCertificate } from '../wire/request.ts'
import type { AuditedAgency, AuditedRequest, AuditState, AuditTally } from './audit-state.ts'
import { checkAgencyEntry } from './agency-entry.ts'
import { auditFinding, type AuditFinding } from './audit-finding.ts'
import {
  type Judged,
  REFUSAL_CODES,
  type Rederived,
  rederiveAccept,
  rederiveRefusal,
  rederiveUnseenRefusal,
} from './rederive.ts'
import { checkDisclosed } from './disclosed-entry.ts'
import { LATE_MS, type RecordedRequest, spanOfHour } from './request-record.ts'
import { readPolicy } from './read-policy.ts'
import { StatedMonths } from './stated-months.ts'

/**
 * Public documents beside the log, as anyone gets them; null when they are not shown.
 * Untrusted: what comes. Each throws only when nobody answers: that is no evidence.
 */
export interface AuditDocuments {
  request(digest: string): Promise<string | null>
  certificate(requestDigest: string): Promise<string | null>
  policy(digest: string): Promise<unknown>
  /** An entry of the register. */
  entry(digest: string): Promise<unknown>
  /** The text of a refused request, from who holds one. */
  refusedRequest(digest: string): string | null
}

/** Judges the leaves of one log in their order. */
export interface Audit {
  readonly state: AuditState
  /** The law removed these texts: entries further on say so. */
  expectRemoved(digest: string): void
  /** The next leaf. Untrusted: `bytes`. @throws what the documents throw */
  add(bytes: Uint8Array): Promise<AuditFinding[]>
}

interface LeafAt<T> {
  readonly index: number
  readonly data: T
  readonly hour: number
}

class LogAudit implements Audit {
  readonly #origin: string
  readonly #documents: AuditDocuments
  readonly #nowMs: () => number
  readonly #agencies = new Map<string, AuditedAgency>()
  readonly #notices = new Map<string, number>()
  readonly #requests = new Map<string, RecordedRequest[]>()
  readonly #asked = new Map<string, { readonly agency: string; readonly record: { isReported: boolean } }>()
  readonly #shown: (AuditedRequest & { isOver: boolean })[] = []
  readonly #accepted = new Map<string, number>()
  readonly #refused = new Map<string, number>()
  readonly #apps: { name: string; digest: string; index: number }[] = []
  readonly #removed = new Set<string>()
  readonly #months = new StatedMonths()
  readonly #tally: AuditTally = {
    accepted: { derived: 0, open: 0, contradicted: 0 },
    refused: { derived: 0, open: 0, contradicted: 0 },
    open: new Map(),
  }
  #rules = NO_RULES
  #size = 0
  #hour = 0

  constructor(parts: { origin: string; documents: AuditDocuments; nowMs: () => number }) {
    this.#origin = parts.origin
    this.#documents = parts.documents
    this.#nowMs = parts.nowMs
  }

  get state(): AuditState {
    return {
      size: this.#size,
      agencies: this.#agencies,
      requests: this.#shown,
      apps: this.#apps,
      rules: this.#rules,
      tally: this.#tally,
    }
  }

  expectRemoved(digest: string): void {
    this.#removed.add(digest)
    for (const asked of this.#shown) if (asked.digest === digest) asked.isOver = true
  }

  async add(bytes: Uint8Array): Promise<AuditFinding[]> {
    const index = this.#size
    let leaf: Leaf
    try {
      leaf = parseLeaf(bytes)
    } catch (error) {
      if (!(error instanceof LatchkeyError)) throw error
      this.#size++
      return [auditFinding('LEAF_INVALID', index, `entry ${index} has no form that the log allows: ${error.message}`)]
    }
    const judged = await this.#judge(index, leaf)
    const findings = [...this.#checkHour(index, leaf.hour), ...this.#months.pass(index, leaf.hour), ...judged]
    // Only now: a document that nobody answered for is asked for again.
    this.#hour = Math.max(this.#hour, leaf.hour)
    this.#size++
    return findings
  }

  #checkHour(index: number, hour: number): AuditFinding[] {
    const findings: AuditFinding[] = []
    if (hour < this.#hour)
      findings.push(auditFinding('HOUR_RUNS_BACK', index, `entry ${index} is of an earlier hour than one before it`))
    if (leafHourStartMs(hour) > this.#nowMs() + LATE_MS)
      findings.push(auditFinding('HOUR_IN_FUTURE', index, `entry ${index} is of an hour that has not come`))
    return findings
  }

  async #judge(index: number, { type, data, hour }: Leaf): Promise<AuditFinding[]> {
    switch (type) {
      case 'request':
        return this.#judgeRequest({ index, data, hour })
      case 'refusal':
        return this.#judgeRefusal({ index, data, hour })
      case 'agency':
        return this.#judgeAgency({ index, data, hour })
      case 'outcome':
        return this.#judgeOutcome({ index, data, hour })
      case 'policy':
        return this.#judgePolicy({ index, data, hour })
      case 'app':
        this.#apps.push({ ...data, index })
        return []
      case 'disclosure':
        return this.#judgeEntry(index, 'disclosure', data)
      case 'statistics':
        return this.#judgeNumbers({ index, data, hour })
      case 'legal':
        return this.#judgeEntry(index, 'legal', data)
      // Of these nothing but their form and their place can be judged.
      case 'feed':
      case 'keyset':
      case 'sealed':
        return []
    }
  }

  /** What was in force, or why an answer cannot be judged. */
  #judgedAt({ data, hour }: LeafAt<{ agency: string }>): Judged | string {
    const agency = this.#agencies.get(data.agency)?.data
    const { inForce } = this.#rules
    if (agency === undefined) return `no entry before it enrols ${data.agency}`
    if (inForce === null) return 'the policy in force is not shown'
    const before = this.#requests.get(data.agency) ?? []
    return { agency, policy: inForce.policy, policyDigest: inForce.digest, before, now: spanOfHour(hour) }
  }

  #count(which: 'accepted' | 'refused', { kind, ...more }: Rederived): void {
    this.#tally[which][kind]++
    if ('why' in more) this.#tally.open.set(more.why, (this.#tally.open.get(more.why) ?? 0) + 1)
  }

  async #judgeRequest(leaf: LeafAt<LeafData<'request'>>): Promise<AuditFinding[]> {
    const { index, data, hour } = leaf
    const earlier = this.#accepted.get(data.requestDigest)
    const twice =
      earlier === undefined
        ? []
        : [auditFinding('LOGGED_TWICE', index, `entry ${index} accepts the request of entry ${earlier} again`)]
    const read = await this.#readRequest(leaf)
    const findings = [...twice, ...read.findings]
    if (read.request !== null) {
      const answer = await this.#rederive(leaf, read.request)
      this.#count('accepted', answer)
      if (answer.kind === 'contradicted') findings.push(this.#wronglyAccepted(leaf, read.request, answer))
    } else if (findings.length > 0) this.#tally.accepted.contradicted++
    else this.#count('accepted', { kind: 'open', why: 'the law removed the text of the request' })
    this.#accepted.set(data.requestDigest, index)
    const taken = spanOfHour(hour)
    const iat = read.request?.payload.iat
    const fromMs = iat === undefined ? taken.fromMs : Math.max(taken.fromMs, (iat - 60) * 1000)
    const record = {
      caseHash: data.caseHash,
      expSeconds: read.request?.payload.exp ?? null,
      taken: { ...taken, fromMs },
      isReported: false,
    }
    this.#asked.set(data.requestDigest, { agency: data.agency, record })
    const { requestDigest: digest, agency, cells } = data
    const isOver = this.#removed.has(digest)
    this.#shown.push({ digest, index, agency, cells, expSeconds: record.expSeconds, isOver })
    const list = this.#requests.get(data.agency) ?? []
    list.push(record)
    this.#requests.set(data.agency, list)
    return findings
  }

  #wronglyAccepted(
    { index, data }: LeafAt<LeafData<'request'>>,
    { raw }: Signed<ClipRequest>,
    { reason, message }: Extract<Rederived, { kind: 'contradicted' }>,
  ): AuditFinding {
    const more = { reason, evidence: { request: raw } }
    const { announced } = this.#rules
    return reason === 'POLICY_UNKNOWN' && data.policy === announced?.digest
      ? auditFinding(
          'POLICY_NOT_IN_FORCE',
          index,
          `entry ${index} accepts by the rules that entry ${announced.index} only announced`,
          more,
        )
      : auditFinding('REQUEST_AGAINST_POLICY', index, `entry ${index} accepts what the rules refuse: ${message}`, more)
  }

  async #rederive(leaf: LeafAt<LeafData<'request'>>, request: Signed<ClipRequest>): Promise<Rederived> {
    const judged = this.#judgedAt(leaf)
    if (typeof judged === 'string')
      return this.#agencies.has(leaf.data.agency)
        ? { kind: 'open', why: judged }
        : { kind: 'contradicted', reason: 'AGENCY_UNKNOWN', message: `AGENCY_UNKNOWN: ${judged}` }
    const raw = await this.#documents.certificate(leaf.data.requestDigest)
    try {
      const certificate = raw === null ? null : investigatorCertificate.parse(raw)
      return rederiveAccept(request, certificate, { ...judged, origin: this.#origin })
    } catch (error) {
      if (!(error instanceof LatchkeyError)) throw error
      return { kind: 'contradicted', reason: 'INVESTIGATOR_INVALID', message: `INVESTIGATOR_INVALID: ${error.message}` }
    }
  }

  /** The text that a leaf names, and that it is the one. */
  async #readRequest({
    index,
    data,
  }: LeafAt<LeafData<'request'>>): Promise<{ request: Signed<ClipRequest> | null; findings: AuditFinding[] }> {
    const raw = await this.#documents.request(data.requestDigest)
    if (raw === null && this.#removed.has(data.requestDigest)) return { request: null, findings: [] }
    const wrong = (code: 'DOCUMENT_MISSING' | 'DOCUMENT_WRONG', message: string) => ({
      request: null,
      findings: [auditFinding(code, index, message, { evidence: raw === null ? {} : { shown: raw } })],
    })
    if (raw === null)
      return wrong(
        'DOCUMENT_MISSING',
        `the text of the request of entry ${index} is not shown, and no entry removes it`,
      )
    try {
      const request = clipRequest.parse(raw)
      if (request.digest !== data.requestDigest)
        return wrong('DOCUMENT_WRONG', `what is shown for entry ${index} is not the request that the entry names`)
      if (canonicalJson(requestLeafData(request)) !== canonicalJson(data))
        return wrong('DOCUMENT_WRONG', `entry ${index} says something else than the request that it names`)
      return { request, findings: [] }
    } catch (error) {
      if (!(error instanceof LatchkeyError)) throw error
      return wrong('DOCUMENT_WRONG', `what is shown for entry ${index} is not a request: ${error.message}`)
    }
  }

  #judgeRefusal(leaf: LeafAt<LeafData<'refusal'>>): AuditFinding[] {
    const { index, data } = leaf
    const findings: AuditFinding[] = []
    const [accepted, refused] = [this.#accepted.get(data.requestDigest), this.#refused.get(data.requestDigest)]
    if (refused !== undefined)
      findings.push(auditFinding('LOGGED_TWICE', index, `entry ${index} refuses the request of entry ${refused} again`))
    if (accepted !== undefined)
      findings.push(auditFinding('LOGGED_TWICE', index, `entry ${index} refuses what entry ${accepted} accepted`))
    this.#refused.set(data.requestDigest, index)
    const answer = this.#rederiveRefused(leaf)
    this.#count('refused', answer)
    if (answer.kind !== 'contradicted') return findings
    const message = `entry ${index} refuses with ${data.code}, which cannot be: ${answer.message}`
    return [...findings, auditFinding('REFUSAL_UNFOUNDED', index, message)]
  }

  #rederiveRefused(leaf: LeafAt<LeafData<'refusal'>>): Rederived {
    const { code, requestDigest, agency } = leaf.data
    if (!REFUSAL_CODES.has(code))
      return { kind: 'contradicted', reason: null, message: 'no rule refuses with this code' }
    const judged = this.#judgedAt(leaf)
    if (typeof judged === 'string')
      return this.#agencies.has(agency)
        ? { kind: 'open', why: judged }
        : { kind: 'contradicted', reason: null, message: judged }
    const raw = this.#documents.refusedRequest(requestDigest)
    if (raw === null) return rederiveUnseenRefusal(code, judged)
    const request = clipRequest.parse(raw)
    return request.payload.iss === agency
      ? rederiveRefusal(request, code, judged)
      : { kind: 'contradicted', reason: null, message: 'the request is of another agency' }
  }

  #judgeOutcome({ index, data }: LeafAt<LeafData<'outcome'>>): AuditFinding[] {
    const asked = this.#asked.get(data.requestDigest)
    if (asked?.agency !== data.agency)
      return [
        auditFinding('OUTCOME_UNFOUNDED', index, `entry ${index} reports of a request that ${data.agency} never made`),
      ]
    if (asked.record.isReported)
      return [auditFinding('LOGGED_TWICE', index, `entry ${index} reports of a request that an entry before it did`)]
    asked.record.isReported = true
    return []
  }

  /** A register that only its digests are public of would be none. */
  async #judgeEntry(index: number, book: RegisterEntry['book'], data: LeafData<'legal'>): Promise<AuditFinding[]> {
    const value = await this.#documents.entry(data.digest)
    return checkDisclosed(value, { index, book, data })
  }

  async #judgeNumbers({ index, data, hour }: LeafAt<LeafData<'statistics'>>): Promise<AuditFinding[]> {
    const value = await this.#documents.entry(data.digest)
    const findings = checkDisclosed(value, { index, book: 'statistics', data })
    if (findings.length > 0 || !registerEntry.check(value) || value.book !== 'statistics') return findings
    return this.#months.state(value, { index, hour, isAgency: (uri) => this.#agencies.has(uri) })
  }

  #judgeAgency({ index, data, hour }: LeafAt<LeafData<'agency'>>): AuditFinding[] {
    const policy = this.#rules.inForce?.policy ?? null
    const findings = checkAgencyEntry({ index, data, hour }, this.#agencies.get(data.uri)?.data ?? null, policy)
    const notice = `${data.uri} ${data.noticeUntilMs}`
    if (!this.#notices.has(notice)) this.#notices.set(notice, index)
    this.#agencies.set(data.uri, { data, index, noticeIndex: this.#notices.get(notice)! })
    if (data.status === 'withdrawn') for (const asked of this.#shown) if (asked.agency === data.uri) asked.isOver = true
    return findings
  }

  async #judgePolicy({ index, data, hour }: LeafAt<LeafData<'policy'>>): Promise<AuditFinding[]> {
    const { policy, findings } = await readPolicy(this.#documents, { index, digest: data.digest })
    const { announced } = this.#rules
    const { state, effect } = nextRules(this.#rules, { digest: data.digest, index, hour, policy })
    this.#rules = state
    if (effect !== 'too-early') return findings
    const from = new Date(leafHourStartMs(announced!.fromHour)).toISOString()
    const message = `entry ${index} puts in force what entry ${announced!.index} announced, which cannot count before ${from}`
    return [...findings, auditFinding('POLICY_NOTICE_SHORT', index, message)]
  }
}

/**
 * Starts at the first leaf of a log.
 * @param parts.origin the relay's public origin: requests must be meant for it
 * @param parts.nowMs the reader's clock
 */
export function createAudit(parts: { origin: string; documents: AuditDocuments; nowMs: () => number }): Audit {
  return new LogAudit(parts)
}
