/** An agency says what came of what it asked, or asks for nothing new. */
import { type Outcome, parseEntries, parseLeaf } from '@latchkey/shared'
import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  acceptedRequest,
  type Agency,
  certifyInvestigator,
  codeOf,
  createRelayWorld,
  draftOutcome,
  draftRequest,
  enrolAgency,
  expectStatus,
  type Investigator,
  postOutcome,
  postRequest,
  type RelayWorld,
} from '../support/relay-world.ts'

const HOUR_MS = 3_600_000
const DUE_MS = 48 * HOUR_MS
const OPEN_SECONDS = 3_600

let world: RelayWorld
let agency: Agency
let investigator: Investigator
let asked: Awaited<ReturnType<typeof acceptedRequest>>

beforeAll(async () => {
  world = await createRelayWorld({
    policy: { outcomeDueMs: DUE_MS, requestLifeSeconds: { default: OPEN_SECONDS, maximum: OPEN_SECONDS } },
  })
  agency = await enrolAgency(world)
  investigator = await certified()
  asked = await acceptedRequest(world, investigator)
})
afterAll(() => world[Symbol.asyncDispose]())

/** For a day, from now on. */
const certified = (of = agency) => certifyInvestigator(world, of)

const report = (change: Partial<Outcome['latchkey']> = {}, by = investigator): Outcome => {
  const base = draftOutcome(world, by, asked.digest)
  return { ...base, latchkey: { ...base.latchkey, ...change } }
}

async function outcomeLeaves() {
  const size = await sizeOf()
  const bytes = await world.anyone.bytes('GET', `/log/tile/entries/000.p/${size}`)
  const leaves = parseEntries({ level: 'entries', index: 0, width: size }, bytes).map(parseLeaf)
  return leaves.flatMap((leaf) => (leaf.type === 'outcome' ? [leaf.data] : []))
}

async function sizeOf(): Promise<number> {
  const text = new TextDecoder().decode(await world.anyone.bytes('GET', '/log/checkpoint'))
  return Number(text.split('\n')[1])
}

test('until a report is overdue an agency may ask; then it is refused everything new, in public', async () => {
  world.clock.shift(OPEN_SECONDS * 1000 + DUE_MS - HOUR_MS)
  investigator = await certified()
  await expectStatus(await postRequest(investigator, draftRequest(world, investigator)), 201)
  world.clock.shift(HOUR_MS + 2_000)
  expect(await codeOf(postRequest(investigator, draftRequest(world, investigator)))).toBe('OUTCOME_DUE')
  const other = await certified(await enrolAgency(world))
  await expectStatus(await postRequest(other, draftRequest(world, other)), 201)
})

test('only whom the agency certifies reports, of what the agency asked, to this relay', async () => {
  const stranger = await certified(await enrolAgency(world))
  expect(await codeOf(postOutcome(stranger, report({}, stranger)))).toBe('OUTCOME_INVALID')
  expect(await codeOf(postOutcome(stranger, { ...report({}, stranger), iss: agency.uri }))).toBe('INVESTIGATOR_INVALID')
  expect(await codeOf(postOutcome(stranger, report()))).toBe('CALLER_REFUSED')
  expect(await codeOf(postOutcome(investigator, report({ request: 'A'.repeat(43) })))).toBe('OUTCOME_INVALID')
  expect(await codeOf(postOutcome(investigator, { ...report(), aud: 'https://other.example' }))).toBe('OUTCOME_INVALID')
  expect(await codeOf(postOutcome(investigator, { ...report(), iss: 'https://nobody.example' }))).toBe('AGENCY_UNKNOWN')
  expect(await outcomeLeaves()).toEqual([])
})

test('a report pays the debt; that it was given stands in the log, and what it says does not', async () => {
  const given = report({ outcome: 'charge-without' })
  const { digest } = await expectStatus(await postOutcome(investigator, given), 201)
  expect(await outcomeLeaves()).toEqual([{ agency: agency.uri, requestDigest: asked.digest, digest }])
  await expectStatus(await postRequest(investigator, draftRequest(world, investigator)), 201)
})

test('the same report again changes nothing, another one of the same request is refused', async () => {
  const again = await acceptedRequest(world, investigator)
  const given = draftOutcome(world, investigator, again.digest)
  const first = await expectStatus(await postOutcome(investigator, given), 201)
  expect(await expectStatus(await postOutcome(investigator, given), 201)).toEqual(first)
  const before = await outcomeLeaves()
  const colleague = await certified()
  expect(await codeOf(postOutcome(colleague, draftOutcome(world, colleague, again.digest)))).toBe('CONFLICT')
  expect(await outcomeLeaves()).toEqual(before)
})

test('an agency that was suspended still reports', async () => {
  const last = await acceptedRequest(world, investigator)
  const { uri, name, signer } = agency
  const json = { uri, name, kind: 'police', status: 'suspended', keys: [signer.jwk] }
  await expectStatus(await world.operator.send('POST', '/v1/agencies', { json }), 201)
  await expectStatus(await postOutcome(investigator, draftOutcome(world, investigator, last.digest)), 201)
})
