/** Who follows a relay's log from outside: every answer is judged again, and what a relay does against its rules is found. */
import { once } from 'node:events'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import {
  canonicalBytes,
  type CellRequests,
  cellRequests,
  clipRequest,
  type ClipRequest,
  digestOfJson,
  encodeLeaf,
  investigatorCertificate,
  type Leaf,
  leafHourOf,
  type LeafData,
  logTrustOf,
  openCheckpoint,
  parseLeaf,
  requestLeafData,
  signCheckpoint,
  trust as trustFile,
  utf8,
} from '@latchkey/shared'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { latchkey, startLatchkey } from '../support/command-line.ts'
import { eventually } from '../support/poll.ts'
import {
  acceptedRequest,
  type Agency,
  certifyInvestigator,
  codeOf,
  draftRequest,
  enrolAgency,
  enrolHousehold,
  expectStatus,
  type Investigator,
  postRequest,
  randomSalt,
} from '../support/relay-world.ts'
import { BEYOND_LIMITS, changeRequest, type RequestChange, square, windowAgo } from '../support/request-changes.ts'
import { createTemporaryFolder } from '../support/temporary-folder.ts'
import { createTwoFacedRelay, type TwoFacedRelay } from '../support/two-faced-relay.ts'

/** Within what a monitor's clock may differ. */
const NOTICE_MS = 30 * 60_000
const HOUR_MS = 3_600_000
const PER_DAY = 6

interface Monitored {
  readonly status: number | null
  readonly stderr: string
  readonly stdout: string
}

let stack: AsyncDisposableStack
let folder: string
let relay: TwoFacedRelay
let investigator: Investigator
let asked: ClipRequest
/** The agency that has used its day. */
let spent: Investigator
let suspended: Agency
/** An agency that never asked. */
let quiet: Agency
/** Refusals that the relay gave. */
const refused: string[] = []

/** A legal demand as the register publishes it. */
const LEGAL = {
  v: 1,
  book: 'legal',
  id: 'removal-1',
  kind: 'removal',
  from: 'Superior Court',
  date: '2026-11-20',
  asked: 'That the name of a victim be removed.',
  answered: 'The text is no longer shown.',
  contentDisclosed: 0,
  ownerNotified: 'nobody-concerned',
  version: 1,
} as const

const windowOf = (startAgoMs: number, endAgoMs: number) => windowAgo(relay.world.clock.nowMs(), startAgoMs, endAgoMs)

const draft = (change: RequestChange = {}, by = investigator): ClipRequest =>
  changeRequest(draftRequest(relay.world, by), change)

/** Is refused by the relay; its text is kept, as its requester can. */
async function refuse(code: string, request: ClipRequest, by = investigator): Promise<void> {
  expect(await codeOf(postRequest(by, request))).toBe(code)
  const raw = await clipRequest.encode(request, by.signer)
  await writeFile(join(folder, 'texts', `${refused.length}.jws`), raw)
  refused.push(code)
}

async function changeAgency({ uri, name, signer }: Agency, status: string): Promise<void> {
  const json = { uri, name, kind: 'police', status, keys: [signer.jwk] }
  await expectStatus(await relay.world.operator.send('POST', '/v1/agencies', { json }), 201)
}

/** Every code that a relay can refuse with, and some requests that it accepts. */
async function fillLog(): Promise<void> {
  const early = await certifyInvestigator(relay.world, await enrolAgency(relay.world))
  await refuse('AGENCY_NOTICE', draft({}, early), early)
  const agency = await enrolAgency(relay.world)
  suspended = await enrolAgency(relay.world)
  quiet = await enrolAgency(relay.world)
  const limited = await enrolAgency(relay.world)
  relay.world.clock.shift(NOTICE_MS)
  investigator = await certifyInvestigator(relay.world, agency)
  spent = await certifyInvestigator(relay.world, limited)
  asked = draft({ latchkey: { caseNumber: '2026-4711' } })
  await expectStatus(await postRequest(investigator, asked), 201)
  await expectStatus(await postRequest(investigator, draft({ latchkey: { caseNumber: '2026 4711' } })), 201)
  await refuse('CASE_LIMIT', draft({ latchkey: { caseNumber: '2026/4711' } }))
  for (const [code, change] of Object.entries(BEYOND_LIMITS))
    await refuse(code, draft(change(relay.world.clock.nowMs())))
  const { clock } = relay.world
  const now = () => relay.world.nowSeconds()
  clock.shift(60_000)
  await refuse(
    'REQUEST_EXPIRED',
    draft({ top: { iat: now() - 30, exp: now() - 1 }, detail: windowOf(HOUR_MS, 60_000) }),
  )
  clock.shift(-60_000)
  for (let n = 0; n < PER_DAY; n++) await acceptedRequest(relay.world, spent)
  await refuse('AGENCY_LIMIT', draft({}, spent), spent)
  const officer = await certifyInvestigator(relay.world, suspended)
  await changeAgency(suspended, 'suspended')
  await refuse('AGENCY_SUSPENDED', draft({}, officer), officer)
  // Sealed leaves and a keyset are none of a monitor's business.
  await enrolHousehold(relay.world)
}

const monitorWords = (...more: string[]) => ['monitor', '--log', relay.origin, '--trust', 'trust.json', ...more]
const look = (...more: string[]): Promise<Monitored> => latchkey(monitorWords('--once', ...more), folder)
const linesOf = ({ stderr }: Monitored) => stderr.split('\n').filter((line) => line !== '')

beforeAll(async () => {
  stack = new AsyncDisposableStack()
  folder = stack.use(await createTemporaryFolder()).path
  await mkdir(join(folder, 'texts'))
  const policy = { agencyNoticeMs: NOTICE_MS, agencyLimits: { perDay: PER_DAY, per30Days: 20, open: 20 } }
  relay = stack.use(await createTwoFacedRelay({ policy }))
  const told = await relay.world.anyone.json('GET', '/v1/trust.json', trustFile)
  await writeFile(join(folder, 'trust.json'), JSON.stringify(told))
  await fillLog()
})
afterAll(() => stack.disposeAsync())
afterEach(() => relay.beHonest())

describe('an honest relay', () => {
  test('is judged again in every answer that it gave, and passes', async () => {
    const { status, stdout, stderr } = await look('--texts', 'texts', '--json')
    expect([status, stderr]).toEqual([0, ''])
    const told = JSON.parse(stdout) as Record<string, unknown>
    const entries = await relay.entries()
    expect(told).toMatchObject({
      origin: relay.logKey.key.name,
      size: entries.length,
      judged: entries.length,
      isWhole: true,
      accepted: { derived: 2 + PER_DAY, open: 0, contradicted: 0 },
      refused: { derived: refused.length, open: 0, contradicted: 0 },
      findings: [],
    })
    expect(new Set(refused).size).toBe(refused.length)
  })

  test('and who holds no text of a refused request is told what stays open', async () => {
    const { status, stdout } = await look()
    expect(status).toBe(0)
    // Only the suspension, and a notice period that lasts the hour, say by themselves what the answer must be.
    const [, derived, open] = /refused requests: \d+, of which (\d+) derived again, (\d+) left open/.exec(stdout)!
    expect(Number(derived)).toBeGreaterThanOrEqual(1)
    expect(Number(derived) + Number(open)).toBe(refused.length)
    expect(stdout).toContain(`open, ${open} times: the text of a refused request is not public`)
    expect(stdout).toMatch(/\nPASS\n\nNot judged:\n- /)
  })
})

/** Leaves that no honest relay writes, each with the finding that it must give, after the true log. */
class Forgery {
  readonly entries: Uint8Array[] = []
  readonly expected: string[] = []
  readonly #size: number
  readonly hour: number

  constructor(entries: readonly Uint8Array[]) {
    this.#size = entries.length
    this.hour = parseLeaf(entries.at(-1)!).hour
  }

  add(bytes: Uint8Array, ...codes: string[]): void {
    const index = this.#size + this.entries.push(bytes) - 1
    this.expected.push(...codes.map((code) => `${code} entry/${index}`))
  }

  leaf(content: Pick<Leaf, 'type' | 'data'>, ...codes: string[]): void {
    this.add(encodeLeaf({ v: 1, hour: this.hour, ...content } as Leaf), ...codes)
  }

  /** An accepted request, with the text and certificate that it must have. */
  async accept(request: ClipRequest, by: Investigator, ...codes: string[]): Promise<LeafData<'request'>> {
    const raw = await clipRequest.encode(request, by.signer)
    const data = requestLeafData(clipRequest.parse(raw))
    relay.lies.set(`/v1/requests/${data.requestDigest}`, { body: raw })
    relay.lies.set(`/v1/requests/${data.requestDigest}/certificate`, { body: by.certificate })
    this.leaf({ type: 'request', data }, ...codes)
    return data
  }

  refuse(by: Pick<Agency, 'uri'>, code: string, requestDigest = randomSalt()): void {
    this.leaf({ type: 'refusal', data: { agency: by.uri, code, requestDigest } }, 'REFUSAL_UNFOUNDED')
  }
}

/** An agency that was there long ago, as only a forged entry can say, and an investigator whom it certified then. */
async function forgeVeteran(forged: Forgery, iat: number): Promise<Investigator> {
  const { agency, ...party } = { ...relay.world.party(), agency: { ...quiet, uri: `https://${iat}.example.gov` } }
  const certificate = await investigatorCertificate.encode(
    {
      ...investigatorCertificate.parse(investigator.certificate).payload,
      iss: agency.uri,
      sub: party.signer.urn,
      iat,
      exp: iat + 300 * 86_400,
      cnf: { jwk: party.signer.jwk },
      latchkey: { v: 1, name: 'A', role: 'B', recipient: party.identity.recipient },
    },
    agency.signer,
  )
  const data = {
    ...{ uri: agency.uri, name: 'Old', kind: 'police', status: 'active' as const, keys: [agency.signer.jwk] },
    ...{ statusSinceMs: 0, noticeUntilMs: 0 },
  }
  forged.leaf({ type: 'agency', data }, 'AGENCY_NOTICE_SHORT')
  return { ...party, agency, certificate }
}

async function forgeRequests(forged: Forgery): Promise<void> {
  const against = 'REQUEST_AGAINST_POLICY'
  await forged.accept(draft({ detail: { area: square(1_300) } }), investigator, against)
  await forged.accept(draft({ latchkey: { incidentType: 'protest' } }), investigator, against)
  await forged.accept(draft({ latchkey: { policy: randomSalt() } }), investigator, against)
  await forged.accept(draft({ latchkey: { caseNumber: '20264711' } }), investigator, against)
  await forged.accept(draft({ top: { aud: 'https://other.example' } }), investigator, against)
  await forged.accept(draft({}, spent), spent, against)
  for (const late of [
    { agoDays: 10, reachDays: 1 },
    { agoDays: 6, reachDays: 27 },
  ]) {
    const iat = Math.floor(forged.hour * 3_600 - late.agoDays * 86_400)
    const startMs = (iat - late.reachDays * 86_400) * 1000
    const top = { iat, exp: iat + 7 * 86_400 }
    const veteran = await forgeVeteran(forged, iat - 60)
    await forged.accept(
      draft({ top, detail: { window: { startMs, endMs: startMs + HOUR_MS } } }, veteran),
      veteran,
      against,
    )
  }
  const officer = await certifyInvestigator(relay.world, suspended)
  await forged.accept(draft({}, officer), officer, against)
  const stranger = { ...investigator.agency, uri: 'https://nobody.example.gov' }
  const nobody = await certifyInvestigator(relay.world, stranger)
  await forged.accept(draft({}, nobody), nobody, against)
  const other = await certifyInvestigator(relay.world, { ...investigator.agency, signer: suspended.signer })
  await forged.accept(draft({}, other), other, against)
}

async function forgeDocuments(forged: Forgery): Promise<void> {
  const [shown, hidden] = [await clipRequest.encode(draft(), investigator.signer), requestLeafData]
  const data = hidden(clipRequest.parse(shown))
  forged.leaf({ type: 'request', data }, 'DOCUMENT_MISSING')
  const other = { ...data, requestDigest: randomSalt() }
  relay.lies.set(`/v1/requests/${other.requestDigest}`, { body: shown })
  forged.leaf({ type: 'request', data: other }, 'DOCUMENT_WRONG')
  const garbage = { ...data, requestDigest: randomSalt() }
  relay.lies.set(`/v1/requests/${garbage.requestDigest}`, { body: 'not a request' })
  forged.leaf({ type: 'request', data: garbage }, 'DOCUMENT_WRONG')
  const smaller = clipRequest.parse(await clipRequest.encode(draft(), investigator.signer))
  relay.lies.set(`/v1/requests/${smaller.digest}`, { body: smaller.raw })
  const stub = requestLeafData(smaller)
  forged.leaf({ type: 'request', data: { ...stub, areaM2: stub.areaM2 - 1 } }, 'DOCUMENT_WRONG')
  // The law may remove a text, when an entry says so.
  const removed = { ...data, requestDigest: randomSalt() }
  forged.leaf({ type: 'request', data: removed })
  const demand = { ...LEGAL, removes: removed.requestDigest }
  const shownAt = (digest: string) => `/v1/register/${digest}`
  relay.lies.set(shownAt(digestOfJson(demand)), { body: JSON.stringify(demand) })
  forged.leaf({ type: 'legal', data: { digest: digestOfJson(demand), removes: removed.requestDigest } })
  // What it discloses must be shown, as it is, in its book.
  forged.leaf({ type: 'disclosure', data: { digest: randomSalt() } }, 'DOCUMENT_MISSING')
  forged.leaf({ type: 'disclosure', data: { digest: digestOfJson(demand) } }, 'DOCUMENT_WRONG')
  const silent = { ...LEGAL, version: 2 }
  relay.lies.set(shownAt(digestOfJson(silent)), { body: JSON.stringify(silent) })
  forged.leaf({ type: 'legal', data: { digest: digestOfJson(silent), removes: randomSalt() } }, 'DOCUMENT_WRONG')
  const elsewhere = randomSalt()
  relay.lies.set(shownAt(elsewhere), { body: JSON.stringify(silent) })
  forged.leaf({ type: 'legal', data: { digest: elsewhere } }, 'DOCUMENT_WRONG')
}

async function forgeRefusals(forged: Forgery): Promise<void> {
  const { agency } = investigator
  forged.refuse(agency, 'NO_SUCH_RULE')
  forged.refuse(agency, 'AGENCY_SUSPENDED')
  forged.refuse(suspended, 'AREA_TOO_LARGE')
  forged.refuse({ uri: 'https://nobody.example.gov' }, 'AREA_TOO_LARGE')
  forged.refuse(quiet, 'AGENCY_LIMIT')
  forged.refuse(spent.agency, 'CASE_LIMIT')
  forged.refuse(quiet, 'OUTCOME_DUE')
  // Whoever holds the text can tell more.
  const raw = await clipRequest.encode(draft(), investigator.signer)
  await writeFile(join(folder, 'texts', 'good.jws'), raw)
  forged.refuse(agency, 'AREA_TOO_LARGE', clipRequest.parse(raw).digest)
  const again = { agency: agency.uri, code: 'AREA_TOO_LARGE', requestDigest: randomSalt() }
  forged.leaf({ type: 'refusal', data: again })
  forged.leaf({ type: 'refusal', data: again }, 'LOGGED_TWICE')
  const accepted = clipRequest.parse(await clipRequest.encode(asked, investigator.signer))
  const ofAccepted = { ...again, code: 'PURPOSE_REFUSED', requestDigest: accepted.digest }
  forged.leaf({ type: 'refusal', data: ofAccepted }, 'LOGGED_TWICE')
  relay.lies.set(`/v1/requests/${accepted.digest}/certificate`, { body: investigator.certificate })
  forged.leaf({ type: 'request', data: requestLeafData(accepted) }, 'LOGGED_TWICE', 'REQUEST_AGAINST_POLICY')
  const report = { agency: agency.uri, requestDigest: accepted.digest, digest: randomSalt() }
  forged.leaf({ type: 'outcome', data: { ...report, agency: spent.agency.uri } }, 'OUTCOME_UNFOUNDED')
  forged.leaf({ type: 'outcome', data: { ...report, requestDigest: randomSalt() } }, 'OUTCOME_UNFOUNDED')
  forged.leaf({ type: 'outcome', data: report })
  forged.leaf({ type: 'outcome', data: { ...report, digest: randomSalt() } }, 'LOGGED_TWICE')
}

function forgeAgencies(forged: Forgery, entries: readonly Uint8Array[]): void {
  const logged = entries.map((bytes) => parseLeaf(bytes))
  const known = logged.findLast((leaf) => leaf.type === 'agency' && leaf.data.uri === spent.agency.uri)!
  const data = known.data as LeafData<'agency'>
  const soon = { ...data, uri: 'https://soon.example.gov', noticeUntilMs: 0 }
  forged.leaf({ type: 'agency', data: soon }, 'AGENCY_NOTICE_SHORT')
  forged.leaf({ type: 'agency', data: { ...data, noticeUntilMs: data.noticeUntilMs - 1 } }, 'AGENCY_NOTICE_SHORT')
  // One less than what an entry that came an hour late may say.
  const tooSoonMs = (forged.hour - 1) * HOUR_MS + NOTICE_MS - 1
  const withKey = { ...data, keys: [...data.keys, suspended.signer.jwk], noticeUntilMs: tooSoonMs }
  forged.leaf({ type: 'agency', data: withKey }, 'AGENCY_NOTICE_SHORT')
  const noticeUntilMs = (forged.hour + 1) * HOUR_MS + NOTICE_MS
  const border = { ...data, uri: 'https://ice.example.gov', kind: 'immigration', noticeUntilMs }
  forged.leaf({ type: 'agency', data: border }, 'AGENCY_AGAINST_POLICY')
}

function forgeForms(forged: Forgery): void {
  const sealed = { v: 1, type: 'sealed', data: randomSalt() } as const
  forged.add(utf8('{"v":1,"type":"sealed"}'), 'LEAF_INVALID')
  forged.add(canonicalBytes({ ...sealed, type: 'rumour', hour: forged.hour }), 'LEAF_INVALID')
  forged.add(encodeLeaf({ ...sealed, hour: forged.hour - 1 }), 'HOUR_RUNS_BACK')
  forged.add(encodeLeaf({ ...sealed, hour: forged.hour + 3 }), 'HOUR_IN_FUTURE')
  forged.leaf({ type: 'policy', data: { digest: randomSalt() } }, 'DOCUMENT_MISSING', 'HOUR_RUNS_BACK')
}

test('everything that a relay can log or show against its rules is found, each with its entry', async () => {
  const entries = await relay.entries()
  const forged = new Forgery(entries)
  await forgeRequests(forged)
  await forgeDocuments(forged)
  await forgeRefusals(forged)
  forgeAgencies(forged, entries)
  forgeForms(forged)
  await relay.showLog([...entries, ...forged.entries])
  const given = await look('--texts', 'texts', '--state', 'seeded')
  expect(given.status).toBe(1)
  const codes = linesOf(given).map((line) => line.split(' ').slice(0, 2).join(' '))
  const ofLists = codes.filter((line) => /^(TOLD_OTHERWISE|REQUEST_WITHHELD)/.test(line))
  expect(codes.filter((line) => !ofLists.includes(line)).sort()).toEqual(forged.expected.sort())
  // The relay's lists are the honest ones: of what was forged they know nothing.
  expect(ofLists.length).toBeGreaterThan(0)
  const kept = (await readdir(join(folder, 'seeded'))).filter((name) => name.endsWith('.json'))
  expect(kept).toHaveLength(codes.length)
  const reasons = [...given.stderr.matchAll(/accepts what the rules refuse: ([A-Z_]+)/g)].map(([, code]) => code)
  expect(new Set(reasons)).toEqual(
    new Set([
      ...['AREA_TOO_LARGE', 'PURPOSE_REFUSED', 'POLICY_UNKNOWN', 'CASE_LIMIT', 'AGENCY_LIMIT', 'REQUEST_INVALID'],
      ...['REQUEST_EXPIRED', 'WINDOW_TOO_OLD', 'AGENCY_SUSPENDED', 'AGENCY_UNKNOWN', 'INVESTIGATOR_INVALID'],
    ]),
  )
})

describe('what a cell is told', () => {
  const path = '/v1/cells/9q8yy/requests'
  const told = () => relay.world.anyone.json('GET', path, cellRequests)
  const show = (requests: CellRequests['requests']) =>
    relay.lies.set(path, { body: JSON.stringify({ cell: '9q8yy', requests }) })
  const findings = async () => linesOf(await look()).map((line) => line.split(' ').slice(0, 2).join(' '))

  test('without a question that is open there is found, with the entry that was withheld', async () => {
    const { requests } = await told()
    expect(requests.length).toBeGreaterThan(2)
    show(requests.filter((_, i) => i !== 1))
    expect(await findings()).toEqual([`REQUEST_WITHHELD entry/${requests[1]!.index}`])
  })

  test('with a question of nobody, or at another place in the log, is found too', async () => {
    const { requests } = await told()
    const [first, ...rest] = requests
    const raw = await clipRequest.encode(draft(), investigator.signer)
    show([...requests, { ...first!, request: raw, index: 1 }])
    expect(await findings()).toEqual(['TOLD_OTHERWISE entry/1'])
    show([{ ...first!, index: 1 }, ...rest])
    expect(await findings()).toEqual(['TOLD_OTHERWISE entry/1'])
  })

  test('after an agency left, or is suspended, is no longer what it asked', async () => {
    const { requests } = await told()
    const leaver = await certifyInvestigator(relay.world, await enrolAgency(relay.world))
    relay.world.clock.shift(NOTICE_MS)
    const { raw, index } = await acceptedRequest(relay.world, leaver)
    expect((await told()).requests.map(({ request }) => request)).toContain(raw)
    for (const status of ['suspended', 'withdrawn']) {
      await changeAgency(leaver.agency, status)
      expect((await told()).requests).toEqual(requests)
      expect(await findings()).toEqual([])
    }
    show([...requests, { request: raw, investigatorCertificate: leaver.certificate, index }])
    expect(await findings()).toEqual([`TOLD_OTHERWISE entry/${index}`])
  })
})

describe('a log that changes its story', () => {
  let before: Uint8Array[]
  const memory = ['--state', 'memory']
  const evidence = async () => (await readdir(join(folder, 'memory'))).filter((name) => name.endsWith('.json')).sort()
  const last = async (code: string) => {
    const name = (await evidence()).find((file) => file.includes(`.${code}-`))!
    return JSON.parse(await readFile(join(folder, 'memory', name), 'utf8')) as { held: string; evidence: object }
  }
  const otherLeaf = () => encodeLeaf({ v: 1, type: 'sealed', data: randomSalt(), hour: leafHourOf(Date.now()) })

  beforeAll(async () => {
    before = await relay.entries()
    expect((await look(...memory)).status).toBe(0)
  })

  test('by two histories of one size is caught, and both signed words are kept for anyone to check', async () => {
    await relay.showLog([...before.slice(0, -1), otherLeaf()])
    const given = await look(...memory)
    expect(given.status).toBe(1)
    // Its entries, too, are now those of the other history.
    expect(linesOf(given).map((line) => line.split(' ')[0])).toEqual(['LOG_FORKED', 'ENTRIES_WRONG'])
    const { evidence: both } = (await last('LOG_FORKED')) as { evidence: { held: string; refused: string } }
    const { logs } = logTrustOf(await relay.world.anyone.json('GET', '/v1/trust.json', trustFile))
    const [held, other] = [both.held, both.refused].map((text) => openCheckpoint(utf8(text), { logs }))
    expect([held!.size, held!.root]).toEqual([other!.size, expect.not.objectContaining(other!.root)])
  })

  test('by a longer one that drops what was there, or a shorter one, is caught too, and the old memory stays', async () => {
    await relay.showLog([otherLeaf(), ...before])
    expect(linesOf(await look(...memory))).toContainEqual(expect.stringMatching(/^LOG_UNPROVEN log /))
    await relay.showLog(before.slice(0, -1))
    expect(linesOf(await look(...memory))).toContainEqual(expect.stringMatching(/^LOG_ROLLED_BACK log /))
    relay.beHonest()
    const honest = await look(...memory)
    expect([honest.status, honest.stdout]).toEqual([0, expect.stringContaining('\nPASS\n')])
    expect(honest.stderr).toMatch(/^[3-9] pieces of evidence of earlier findings are in memory\n$/)
  })

  test('by other entries than it signed, an unsigned checkpoint, or too few witnesses, is not believed', async () => {
    const raw = await relay.showLog([...before, otherLeaf()])
    await relay.showLog([...before, otherLeaf()])
    relay.lies.set('/log/checkpoint', { body: raw })
    expect(linesOf(await look())).toEqual([expect.stringMatching(/^ENTRIES_WRONG entry\/0 /)])
    relay.lies.set('/log/checkpoint', { body: 'relay.example/log\n1\nAAAA\n' })
    expect(linesOf(await look())).toEqual([expect.stringMatching(/^CHECKPOINT_UNSIGNED log /)])
    relay.beHonest()
    const told = await relay.world.anyone.json('GET', '/v1/trust.json', trustFile)
    const { stdout } = await latchkey(['keygen', 'witness', '--name', 'w.example/1', '--out', 'w'], folder)
    const witnesses = [/\S+\+[0-9a-f]{8}\+\S+/.exec(stdout)![0]]
    await writeFile(join(folder, 'strict.json'), JSON.stringify({ ...told, witnesses, quorum: 1 }))
    const words = ['monitor', '--log', relay.origin, '--trust', 'strict.json', '--once']
    expect(linesOf(await latchkey(words, folder))).toEqual([expect.stringContaining('0 of 1 witnesses')])
  })
})

test('one that runs on says what is new, waits out a relay that is away, and ends when it is told to', async () => {
  const child = startLatchkey(monitorWords('--every', '1', '--state', 'running', '--json'), folder)
  const said: string[] = []
  const [out, notes] = [createInterface({ input: child.stdout! }), createInterface({ input: child.stderr! })]
  const looks: { size: number; findings: { code: string }[] }[] = []
  out.on('line', (line) => looks.push(JSON.parse(line) as (typeof looks)[number]))
  notes.on('line', (line) => said.push(line))
  await eventually(() => looks.length === 1, 'the first look')
  relay.isAway = true
  await eventually(() => said.some((line) => line.startsWith('UNAVAILABLE: ')), 'the relay to be missed')
  relay.isAway = false
  await eventually(() => looks.length === 2, 'the relay to be found again')
  // Another agency than those whose limits were reached.
  await enrolAgency(relay.world)
  await eventually(() => looks.length === 3, 'the new entry')
  expect(looks[2]!.size).toBeGreaterThan(looks[1]!.size)
  const size = looks[2]!.size
  const root = new Uint8Array(32).fill(7)
  relay.lies.set('/log/checkpoint', {
    body: await signCheckpoint({ origin: relay.logKey.key.name, size, root }, relay.logKey),
  })
  await eventually(() => said.some((line) => line.startsWith('LOG_FORKED log ')), 'the fork')
  child.kill('SIGTERM')
  expect(await once(child, 'exit')).toEqual([1, null])
  expect(said.filter((line) => line.startsWith('LOG_FORKED')).length).toBe(1)
  relay.beHonest()
  // What it held is what the next one holds.
  const next = await look('--state', 'running')
  expect([next.status, next.stderr]).toEqual([0, '1 pieces of evidence of earlier findings are in running\n'])
})

test('a wrong command line says what to do', async () => {
  const both = await latchkey(monitorWords('--app', 'https://app.example'), folder)
  expect([both.status, both.stderr]).toEqual([2, expect.stringContaining('one of --log URL and --app URL')])
  const foreign = await latchkey(monitorWords('--name', 'owner'), folder)
  expect([foreign.status, foreign.stderr]).toEqual([2, expect.stringContaining('--name does not go with --log')])
})
