import {
  type ClipRequest,
  clipRequest,
  codeOf,
  digestOfJson,
  type Digest,
  type EntryOf,
  investigatorCertificate,
  type InvestigatorCertificate,
  LatchkeyError,
  type Leaf,
  type LeafData,
  logTrustOf,
  parseLeaf,
  type Policy,
  policy as policyValidator,
  type RegisterEntry,
  registerEntry,
  type Trust,
  type VerifiedCheckpoint,
} from '@latchkey/shared'
import { type AuditFinding, type AuditState, createLogMonitor, type PublicRelay } from '@latchkey/shared/monitor'

/** One public entry of the log. */
export interface Entry<T> {
  readonly index: number
  /** Whole hours since 1970, UTC. */
  readonly hour: number
  readonly data: T
}

/** A request as the public has it. */
export interface AskedRequest extends Entry<LeafData<'request'>> {
  /** Null where the law removed the text, or where the relay shows none. */
  readonly text: ClipRequest | null
  readonly certificate: InvestigatorCertificate | null
  /** Both as they were signed. */
  readonly signed: { readonly request: string; readonly certificate: string | null } | null
}

/** A policy that was announced, or is or was in force. */
export interface EnactedPolicy extends Entry<LeafData<'policy'>> {
  /** Null where the relay does not show it. */
  readonly text: Policy | null
}

/** An entry of the register. */
export interface DisclosedEntry<B extends RegisterEntry['book']> extends Entry<LeafData<'legal'>> {
  /** Null where the relay does not show it. */
  readonly text: EntryOf<B> | null
}

/** Everything that one look at a relay's public side gave, in log order. */
export interface PublicRecord {
  /** The relay's public origin. */
  readonly origin: string
  /** Null before the first look that succeeded. */
  readonly checkpoint: VerifiedCheckpoint | null
  /** Was every entry under that checkpoint read and judged? */
  readonly isWhole: boolean
  readonly lookedMs: number | null
  /** Why the newest look failed; null when it did not. */
  readonly failure: string | null
  readonly findings: readonly AuditFinding[]
  readonly audit: AuditState
  readonly requests: readonly AskedRequest[]
  readonly refusals: readonly Entry<LeafData<'refusal'>>[]
  readonly outcomes: readonly Entry<LeafData<'outcome'>>[]
  readonly agencies: readonly Entry<LeafData<'agency'>>[]
  readonly policies: readonly EnactedPolicy[]
  readonly apps: readonly Entry<LeafData<'app'>>[]
  readonly disclosures: readonly DisclosedEntry<'disclosure'>[]
  readonly demands: readonly DisclosedEntry<'legal'>[]
  /** The relay's own numbers, by month. */
  readonly months: readonly DisclosedEntry<'statistics'>[]
  /** What the relay told of agencies, web apps and rules at that look; null before the first. */
  readonly told: ToldLists | null
  /** How many entries there are of each type, filling included. */
  readonly counts: ReadonlyMap<Leaf['type'] | 'unreadable', number>
}

export type ToldLists = Awaited<ReturnType<PublicRelay['lists']>>

/** Follows one relay. */
export interface RecordKeeper {
  readonly record: PublicRecord
  /** One look; what fails is in `record.failure`, and the next look goes on from there. */
  look(): Promise<void>
}

/** What the judge read on its way, so that the pages show the very bytes that were judged. */
class Texts {
  readonly requests = new Map<string, string>()
  readonly certificates = new Map<string, string>()
  readonly policies = new Map<string, unknown>()
  readonly entries = new Map<string, unknown>()
  told: ToldLists | null = null

  remembering(relay: PublicRelay): PublicRelay {
    const { request, certificate, policy, entry } = relay.documents
    const keep = <T>(into: Map<string, T>, read: (digest: string) => Promise<T | null>) => {
      return async (digest: string) => {
        const text = await read(digest)
        if (text !== null) into.set(digest, text)
        return text
      }
    }
    return {
      ...relay,
      lists: async () => (this.told = await relay.lists()),
      documents: {
        request: keep(this.requests, request),
        certificate: keep(this.certificates, certificate),
        policy: keep(this.policies, policy),
        entry: keep(this.entries, entry),
      },
    }
  }

  drop(digest: string): void {
    this.requests.delete(digest)
    this.certificates.delete(digest)
  }
}

/** Null for what is not one: the judge has said so already. Untrusted: `raw`. */
function parsed<T>(parse: (raw: string) => { payload: T; digest: Digest }, raw: string | undefined, digest: string) {
  if (raw === undefined) return null
  try {
    const message = parse(raw)
    return message.digest === digest ? message.payload : null
  } catch (error) {
    if (error instanceof LatchkeyError) return null
    throw error
  }
}

const policyOf = (value: unknown, digest: string): Policy | null =>
  policyValidator.check(value) && digestOfJson(value) === digest ? value : null

/** The books of the public record: every public entry, with the text that it names. */
class Books {
  readonly requests: AskedRequest[] = []
  readonly refusals: Entry<LeafData<'refusal'>>[] = []
  readonly outcomes: Entry<LeafData<'outcome'>>[] = []
  readonly agencies: Entry<LeafData<'agency'>>[] = []
  readonly policies: EnactedPolicy[] = []
  readonly apps: Entry<LeafData<'app'>>[] = []
  readonly disclosures: DisclosedEntry<'disclosure'>[] = []
  readonly demands: DisclosedEntry<'legal'>[] = []
  readonly months: DisclosedEntry<'statistics'>[] = []
  readonly counts = new Map<Leaf['type'] | 'unreadable', number>()
  readonly #texts: Texts

  constructor(texts: Texts) {
    this.#texts = texts
  }

  add(index: number, bytes: Uint8Array): void {
    let leaf: Leaf
    try {
      leaf = parseLeaf(bytes)
    } catch (error) {
      if (!(error instanceof LatchkeyError)) throw error
      this.#count('unreadable')
      return
    }
    this.#count(leaf.type)
    this.#enter(index, leaf)
  }

  #count(type: Leaf['type'] | 'unreadable'): void {
    this.counts.set(type, (this.counts.get(type) ?? 0) + 1)
  }

  #enter(index: number, leaf: Leaf): void {
    const { hour } = leaf
    if (leaf.type === 'request') this.requests.push(this.#requestOf({ index, hour, data: leaf.data }))
    else if (leaf.type === 'refusal') this.refusals.push({ index, hour, data: leaf.data })
    else if (leaf.type === 'outcome') this.outcomes.push({ index, hour, data: leaf.data })
    else if (leaf.type === 'agency') this.agencies.push({ index, hour, data: leaf.data })
    else if (leaf.type === 'app') this.apps.push({ index, hour, data: leaf.data })
    else if (leaf.type === 'legal') this.#demand({ index, hour, data: leaf.data })
    else if (leaf.type === 'disclosure')
      this.disclosures.push({ index, hour, data: leaf.data, text: this.#entryOf('disclosure', leaf.data.digest) })
    else if (leaf.type === 'statistics')
      this.months.push({ index, hour, data: leaf.data, text: this.#entryOf('statistics', leaf.data.digest) })
    else if (leaf.type === 'policy') {
      const text = policyOf(this.#texts.policies.get(leaf.data.digest), leaf.data.digest)
      this.policies.push({ index, hour, data: leaf.data, text })
    }
  }

  #requestOf(entry: Entry<LeafData<'request'>>): AskedRequest {
    const digest = entry.data.requestDigest
    const request = this.#texts.requests.get(digest)
    const text = parsed(clipRequest.parse, request, digest)
    if (text === null || request === undefined) return { ...entry, text: null, certificate: null, signed: null }
    const raw = this.#texts.certificates.get(digest)
    const certificate = parsed(investigatorCertificate.parse, raw, text.latchkey.investigatorCertificate)
    return { ...entry, text, certificate, signed: { request, certificate: certificate === null ? null : raw! } }
  }

  #entryOf<B extends RegisterEntry['book']>(book: B, digest: string): EntryOf<B> | null {
    const value = this.#texts.entries.get(digest)
    if (!registerEntry.check(value) || value.book !== book || digestOfJson(value) !== digest) return null
    return value as EntryOf<B>
  }

  #demand(entry: Entry<LeafData<'legal'>>): void {
    this.demands.push({ ...entry, text: this.#entryOf('legal', entry.data.digest) })
    const { removes } = entry.data
    if (removes === undefined) return
    this.#texts.drop(removes)
    const at = this.requests.findIndex(({ data }) => data.requestDigest === removes)
    if (at >= 0) this.requests[at] = { ...this.requests[at]!, text: null, certificate: null, signed: null }
  }
}

/**
 * Reads the public side of one relay as anyone can, judges it, and keeps it for pages. It trusts nothing but `trust`: what does
 * not lead to a signed root is not shown, and what was answered against the rules is in `findings`.
 * @param parts.relay how the relay is read
 */
export async function createRecordKeeper(parts: {
  origin: string
  relay: PublicRelay
  trust: Pick<Trust, 'logs' | 'witnesses' | 'quorum'>
  nowMs: () => number
}): Promise<RecordKeeper> {
  const { origin, nowMs } = parts
  const texts = new Texts()
  const books = new Books(texts)
  const findings = new Map<string, AuditFinding>()
  let held: Uint8Array | null = null
  let state: Pick<PublicRecord, 'checkpoint' | 'isWhole' | 'lookedMs' | 'failure'> = {
    checkpoint: null,
    isWhole: false,
    lookedMs: null,
    failure: null,
  }
  const monitor = await createLogMonitor({
    origin,
    relay: texts.remembering(parts.relay),
    trust: logTrustOf(parts.trust),
    folder: {
      load: async () => held,
      save: async (raw) => void (held = raw),
    },
    refused: new Map(),
    nowMs,
    report: async (finding) => void findings.set(digestOfJson(finding), finding),
    judged: (index, bytes) => books.add(index, bytes),
  })
  return {
    get record() {
      const { requests, refusals, outcomes, agencies, policies, apps, disclosures, demands, months, counts } = books
      const entries = { requests, refusals, outcomes, agencies, policies, apps, disclosures, demands, months, counts }
      const { told } = texts
      return { origin, ...state, told, findings: [...findings.values()], audit: monitor.audit.state, ...entries }
    },
    look: async () => {
      try {
        const { held: checkpoint, isWhole } = await monitor.look(() => undefined)
        state = { checkpoint, isWhole, lookedMs: nowMs(), failure: null }
      } catch (error) {
        const { message } = error as Error
        state = { ...state, failure: `${codeOf(error)}: ${message}` }
      }
    },
  }
}
