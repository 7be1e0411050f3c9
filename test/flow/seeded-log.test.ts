/** Months of requests under the policy as it is: the monitor comes to every answer of the relay again, and to no crooked one. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import {
  type ClipRequest,
  clipRequest,
  digestOfJson,
  encodeLeaf,
  type Leaf,
  leafHourOf,
  type LeafData,
  parseCheckpoint,
  type Policy,
  requestLeafData,
  trust as trustFile,
} from '@latchkey/shared'
import { readFile } from 'node:fs/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { latchkey } from '../support/command-line.ts'
import { createSeededRandom, runs, tellSoak } from '../support/counts.ts'
import { eventually } from '../support/poll.ts'
import { type Agency, enrolAgency, type Investigator, randomSalt, randomSigner } from '../support/relay-world.ts'
import { BEYOND_LIMITS, type RequestChange } from '../support/request-changes.ts'
import { certifyForLong, draftAt, lifeMs, playLife, STEPS, type Told } from '../support/seeded-life.ts'
import { createTemporaryFolder } from '../support/temporary-folder.ts'
import { createTwoFacedRelay, type TwoFacedRelay } from '../support/two-faced-relay.ts'

const REQUESTS = runs(120, 1_000)
/** Of each kind of violation. */
const TIMES = runs(1, 4)
const SEED = 20_261_123
const DAY_STEPS = 3
/** A request whose report is due `REPORT_STEPS` later is overdue by then. */
const REPORT_STEPS = 168

let stack: AsyncDisposableStack
let folder: string
let relay: TwoFacedRelay
let told: Told
/** Agencies and their investigators who will be seen to do what no rule allows: they never ask the honest relay. */
let crooked: Investigator[]

async function loadPolicy(): Promise<Policy> {
  return JSON.parse(await readFile(new URL('../../shared/policy/us.json', import.meta.url), 'utf8')) as Policy
}

async function publishedSize(): Promise<number> {
  return parseCheckpoint(await relay.world.anyone.bytes('GET', '/log/checkpoint')).size
}

beforeAll(async () => {
  stack = new AsyncDisposableStack()
  folder = stack.use(await createTemporaryFolder()).path
  await mkdir(join(folder, 'texts'))
  const policy = await loadPolicy()
  relay = stack.use(await createTwoFacedRelay({ policy, shiftMs: -lifeMs(policy) }))
  const trust = await relay.world.anyone.json('GET', '/v1/trust.json', trustFile)
  await writeFile(join(folder, 'trust.json'), JSON.stringify(trust))
  crooked = []
  for (let n = 0; n < TIMES * Object.keys(SEEDS).length; n++)
    crooked.push(await certifyForLong(relay.world, await enrolAgency(relay.world)))
  told = await playLife(relay.world, {
    count: REQUESTS,
    seed: SEED,
    texts: join(folder, 'texts'),
    size: async (atLeast) => {
      await eventually(async () => (await publishedSize()) >= atLeast, 'the log to hold what was taken')
      return publishedSize()
    },
  })
  // What is open now is told by clocks that agree.
  relay.world.clock.shift(Date.now() - relay.world.clock.nowMs())
})
afterAll(() => stack.disposeAsync())

/** What one look tells. */
async function look() {
  const words = ['monitor', '--log', relay.origin, '--trust', 'trust.json', '--once', '--texts', 'texts', '--json']
  const { status, stdout } = await latchkey(words, folder)
  return { status, ...(JSON.parse(stdout) as Seen) }
}

interface Tally {
  readonly derived: number
  readonly open: number
  readonly contradicted: number
}
interface Seen {
  readonly judged: number
  readonly accepted: Tally
  readonly refused: Tally
  readonly findings: readonly { readonly code: string; readonly index: number | null; readonly reason: string | null }[]
}

test('every answer of months under the policy as it is, is derived again, none left open', async () => {
  const refusals = [...told.refused.values()].reduce((sum, n) => sum + n, 0)
  expect(await look()).toMatchObject({
    status: 0,
    accepted: { derived: told.accepted, open: 0, contradicted: 0 },
    refused: { derived: refusals, open: 0, contradicted: 0 },
    findings: [],
  })
  expect(told.accepted + refusals).toBeGreaterThanOrEqual(REQUESTS)
  expect(told.reported).toBeGreaterThan(0)
  // The life is one that meets the limits, not only the forms.
  if (REQUESTS >= 1_000)
    expect([...told.refused.keys()].sort()).toEqual(
      [
        ...Object.keys(BEYOND_LIMITS),
        ...['AGENCY_LIMIT', 'AGENCY_NOTICE', 'AGENCY_SUSPENDED', 'CASE_LIMIT', 'OUTCOME_DUE'],
      ].sort(),
    )
  tellSoak({
    what: 'answers to requests that the monitor derives again',
    count: told.accepted + refusals,
    outcome: `${told.accepted} accepted, ${refusals} refused with ${told.refused.size} codes, none open`,
  })
})

/** Puts entries into the true log where they would have stood, each with what must be found in it. */
class Crook {
  readonly by: Investigator
  readonly #at: number
  readonly #planted: Planted[]

  constructor(by: Investigator, at: number, planted: Planted[]) {
    this.by = by
    this.#at = at
    this.#planted = planted
  }

  #nowMs(step: number): number {
    return told.steps[this.#at + step]!.nowMs
  }

  plant(step: number, content: Pick<Leaf, 'type' | 'data'>, expected: string | null): void {
    const hour = leafHourOf(this.#nowMs(step))
    const bytes = encodeLeaf({ v: 1, hour, ...content } as Leaf)
    this.#planted.push({ before: told.steps[this.#at + step]!.size, hour, bytes, expected })
  }

  draft(step: number, change: RequestChange = {}, by = this.by): ClipRequest {
    return draftAt(relay.world, by, this.#nowMs(step), change)
  }

  /** The relay takes it, whatever the rules say. @param reason what they say; null where it is right */
  async accept(step: number, draft: ClipRequest, reason: string | null, by = this.by): Promise<void> {
    const data = await this.shownRequest(draft, by)
    this.plant(step, { type: 'request', data }, reason === null ? null : `REQUEST_AGAINST_POLICY ${reason}`)
  }

  /** The entry of a request whose text the relay shows. */
  async shownRequest(draft: ClipRequest, by = this.by): Promise<LeafData<'request'>> {
    const raw = await clipRequest.encode(draft, by.signer)
    const data = requestLeafData(clipRequest.parse(raw))
    this.show(data.requestDigest, raw, by)
    return data
  }

  /** Looser rules, shown and announced as they should be. All that is planted at one step stands together. */
  async announce(): Promise<string> {
    const policy = await loadPolicy()
    const loose = { ...policy, requestsPerCase: policy.requestsPerCase + 1 }
    const digest = digestOfJson(loose)
    relay.lies.set(`/v1/policies/${digest}`, { body: JSON.stringify(loose) })
    this.plant(0, { type: 'policy', data: { digest } }, null)
    return digest
  }

  /** The rules in force say that they go on. */
  async withdraw(): Promise<void> {
    this.plant(0, { type: 'policy', data: { digest: digestOfJson(await loadPolicy()) } }, null)
  }

  show(digest: string, raw: string, { certificate } = this.by): void {
    relay.lies.set(`/v1/requests/${digest}`, { body: raw })
    relay.lies.set(`/v1/requests/${digest}/certificate`, { body: certificate })
  }

  beyond(code: string): RequestChange {
    return BEYOND_LIMITS[code]!(Math.floor(this.#nowMs(0) / 1000) * 1000)
  }

  /** Somebody whom an agency like this one certified in time. */
  certified(other: Partial<Agency>): Promise<Investigator> {
    return certifyForLong(relay.world, { ...this.by.agency, ...other }, this.draft(0).iat - 60)
  }

  agency(status: 'active' | 'suspended', noticeUntilMs: number): LeafData<'agency'> {
    const { uri, name, signer } = this.by.agency
    const keys = [signer.jwk]
    return { uri, name, kind: 'police', status, keys, statusSinceMs: this.#nowMs(0), noticeUntilMs }
  }
}

interface Planted {
  /** Index in the true log. */
  readonly before: number
  readonly hour: number
  readonly bytes: Uint8Array
  readonly expected: string | null
}

const shortLife = (crook: Crook, step: number): ClipRequest => {
  const draft = crook.draft(step)
  return { ...draft, exp: draft.iat + 86_400 }
}

/** Every way to answer against the rules, as a relay would be seen to do it. */
const SEEDS: Readonly<Record<string, (crook: Crook) => Promise<void>>> = {
  ...Object.fromEntries(
    Object.keys(BEYOND_LIMITS)
      // It has no cells: no entry can be made of it.
      .filter((code) => code !== 'AREA_INVALID')
      .map((code) => [code, (crook: Crook) => crook.accept(0, crook.draft(0, crook.beyond(code)), code)]),
  ),
  AREA_INVALID: async (crook) => {
    const raw = await clipRequest.encode(crook.draft(0, crook.beyond('AREA_INVALID')), crook.by.signer)
    const likely = requestLeafData(clipRequest.parse(await clipRequest.encode(crook.draft(0), crook.by.signer)))
    const { digest } = clipRequest.parse(raw)
    crook.show(digest, raw)
    crook.plant(0, { type: 'request', data: { ...likely, requestDigest: digest } }, 'DOCUMENT_WRONG')
  },
  REQUEST_EXPIRED: (crook) => {
    const draft = crook.draft(0)
    const iat = draft.iat - 10 * 3_600
    const window = { startMs: (iat - 3_600) * 1000, endMs: iat * 1000 }
    const late = crook.draft(0, { top: { iat, exp: iat + 3_600 }, detail: { window } })
    return crook.accept(0, late, 'REQUEST_EXPIRED')
  },
  LIFE_TOO_LONG: (crook) => {
    const { iat } = crook.draft(0)
    return crook.accept(0, crook.draft(0, { top: { iat, exp: iat + 29 * 86_400 } }), 'REQUEST_INVALID')
  },
  CASE_LIMIT: async (crook) => {
    const latchkey = { caseNumber: '26-0042' }
    for (const step of [0, DAY_STEPS]) await crook.accept(step, crook.draft(step, { latchkey }), null)
    const spelt = { latchkey: { caseNumber: '26 0042' } }
    await crook.accept(2 * DAY_STEPS, crook.draft(2 * DAY_STEPS, spelt), 'CASE_LIMIT')
  },
  LIMIT_OF_A_DAY: async (crook) => {
    for (const step of [0, 1, 2]) await crook.accept(step, crook.draft(step), null)
    await crook.accept(2, crook.draft(2), 'AGENCY_LIMIT')
  },
  LIMIT_OF_OPEN: async (crook) => {
    for (let n = 0; n < 5; n++) await crook.accept(n * DAY_STEPS, crook.draft(n * DAY_STEPS), null)
    await crook.accept(5 * DAY_STEPS, crook.draft(5 * DAY_STEPS), 'AGENCY_LIMIT')
  },
  LIMIT_OF_30_DAYS: async (crook) => {
    for (let n = 0; n < 20; n++) await crook.accept(n * DAY_STEPS, shortLife(crook, n * DAY_STEPS), null)
    await crook.accept(20 * DAY_STEPS, shortLife(crook, 20 * DAY_STEPS), 'AGENCY_LIMIT')
  },
  OUTCOME_DUE: async (crook) => {
    await crook.accept(0, crook.draft(0), null)
    await crook.accept(REPORT_STEPS, crook.draft(REPORT_STEPS), 'OUTCOME_DUE')
  },
  AGENCY_SUSPENDED: async (crook) => {
    crook.plant(0, { type: 'agency', data: crook.agency('suspended', 0) }, 'AGENCY_NOTICE_SHORT')
    await crook.accept(1, crook.draft(1), 'AGENCY_SUSPENDED')
  },
  AGENCY_NOTICE: async (crook) => {
    const by = await crook.certified({ uri: `https://new${crook.draft(0).iat}.example.gov` })
    const noticeUntilMs = told.steps[STEPS - 1]!.nowMs
    crook.plant(0, { type: 'agency', data: { ...crook.agency('active', noticeUntilMs), uri: by.agency.uri } }, null)
    await crook.accept(1, crook.draft(1, {}, by), 'AGENCY_NOTICE', by)
  },
  AGENCY_UNKNOWN: async (crook) => {
    const by = await crook.certified({ uri: 'https://nobody.example.gov' })
    await crook.accept(0, crook.draft(0, {}, by), 'AGENCY_UNKNOWN', by)
  },
  INVESTIGATOR_INVALID: async (crook) => {
    const by = await crook.certified({ signer: randomSigner() })
    await crook.accept(0, crook.draft(0, {}, by), 'INVESTIGATOR_INVALID', by)
  },
  REFUSAL_UNFOUNDED: async (crook) => {
    const raw = await clipRequest.encode(crook.draft(0), crook.by.signer)
    const { digest } = clipRequest.parse(raw)
    await writeFile(join(folder, 'texts', `${digest}.jws`), raw)
    const data = { agency: crook.by.agency.uri, code: 'AREA_TOO_LARGE', requestDigest: digest }
    crook.plant(0, { type: 'refusal', data }, 'REFUSAL_UNFOUNDED')
  },
  POLICY_NOTICE_SHORT: async (crook) => {
    const digest = await crook.announce()
    crook.plant(0, { type: 'policy', data: { digest } }, 'POLICY_NOTICE_SHORT')
    // Nothing has changed: what names the rules in force is right, what names the others is not.
    await crook.accept(0, crook.draft(0), null)
    await crook.withdraw()
    await crook.accept(0, crook.draft(0, { latchkey: { policy: digest } }), 'POLICY_UNKNOWN')
  },
  POLICY_NOT_IN_FORCE: async (crook) => {
    const policy = await crook.announce()
    const data = await crook.shownRequest(crook.draft(0, { latchkey: { policy } }))
    crook.plant(0, { type: 'request', data }, 'POLICY_NOT_IN_FORCE POLICY_UNKNOWN')
    await crook.withdraw()
  },
  REFUSAL_UNSEEN: (crook) => {
    const data = { agency: crook.by.agency.uri, code: 'CASE_LIMIT', requestDigest: randomSalt() }
    crook.plant(0, { type: 'refusal', data }, 'REFUSAL_UNFOUNDED')
    return Promise.resolve()
  },
}

test('every way to answer against a rule, planted anywhere in it, is found, and nothing else is', async () => {
  const random = createSeededRandom(SEED + 1)
  const planted: Planted[] = []
  const kinds = Object.values(SEEDS)
  for (const [n, by] of crooked.entries())
    await kinds[n % kinds.length]!(new Crook(by, random(STEPS - REPORT_STEPS - 1), planted))
  const entries = await relay.entries()
  planted.sort((a, b) => a.before - b.before || a.hour - b.hour)
  const all: Uint8Array[] = []
  const expected: string[] = []
  let next = 0
  for (let index = 0; index <= entries.length; index++) {
    for (; next < planted.length && planted[next]!.before === index; next++) {
      const { bytes, expected: what } = planted[next]!
      if (what !== null) expected.push(`entry/${all.length} ${what}`)
      all.push(bytes)
    }
    if (index < entries.length) all.push(entries[index]!)
  }
  await relay.showLog(all)
  const { findings, accepted, refused, judged } = await look()
  const found = findings
    // What the relay tells beside its log is of the true one.
    .filter(({ code }) => code !== 'TOLD_OTHERWISE' && code !== 'REQUEST_WITHHELD')
    .map(({ code, index, reason }) => [`entry/${index}`, code, ...(reason === null ? [] : [reason])].join(' '))
  expect(found.sort()).toEqual(expected.sort())
  expect(judged).toBe(all.length)
  expect([accepted.open, refused.open]).toEqual([0, 0])
  tellSoak({
    what: 'violations of policy planted in a log of 1,000 requests',
    count: expected.length,
    outcome: `all found, of ${kinds.length} kinds; nothing else accused`,
  })
})
