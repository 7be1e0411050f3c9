/** Looser rules wait in public, stricter ones count at once, whatever restarts, crashes or other relays come between. */
import {
  clipList,
  digestOfJson,
  holdings,
  LatchkeyError,
  type LoggedPolicy,
  parseLeaf,
  type Policy,
  policy as policyValidator,
  policyList,
  logTrustOf,
  rulesInForceAt,
} from '@latchkey/shared'
import { createLogMonitor, createPublicRelay } from '@latchkey/shared/monitor'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createLog } from '../../relay/src/kernel/log.ts'
import { createLeafSettler } from '../../relay/src/kernel/leaf-settler.ts'
import { createPgLogStore } from '../../relay/src/log/pg-log-store.ts'
import { followPolicyEntries, proposePolicy } from '../../relay/src/policy/policies.ts'
import type { LeafLog } from '../../relay/src/flow.ts'
import { databaseUrlOf } from '../support/kill-database.ts'
import { eventually } from '../support/poll.ts'
import { createTestDatabase, type TestDatabase } from '../support/relay-database.ts'
import {
  type Agency,
  certifyInvestigator,
  codeOf,
  createRelayWorld,
  draftRequest,
  enrolAgency,
  enrolHousehold,
  type Household,
  type OwnRelayWorld,
  postRequest,
} from '../support/relay-world.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
const log = createLog({ level: 'silent' })

let store: TestDatabase
let world: OwnRelayWorld
let agency: Agency
let household: Household
let base: Policy
let loose: Policy
let looser: Policy
let strict: Policy

beforeAll(async () => {
  store = await createTestDatabase()
  world = await createRelayWorld({ config: { databaseUrl: databaseUrlOf(store.target) } })
  base = world.policy
  loose = { ...base, version: 10, retentionDays: { ...base.retentionDays, maximum: 60 }, requestsPerCase: 9 }
  looser = { ...loose, version: 11, requestsPerCase: 10 }
  strict = { ...base, version: 12, requestsPerCase: 1 }
  agency = await enrolAgency(world)
  household = await enrolHousehold(world)
})
afterAll(async () => {
  await world[Symbol.asyncDispose]()
  await store[Symbol.asyncDispose]()
})

const told = () => world.anyone.json('GET', '/v1/policies', policyList)
const shown = () => world.anyone.json('GET', '/v1/policy.json', policyValidator)
const held = async () => (await world.anyone.json('GET', '/v1/holdings', holdings)).running
const keptDays = async () => (await household.owner.client.json('GET', '/v1/clips', clipList)).days

/** What the relay answers to a request that names these rules. Certificates end sooner than notices: each time a new one. */
async function answerTo(policy: Policy): Promise<string> {
  const investigator = await certifyInvestigator(world, agency)
  const draft = draftRequest(world, investigator)
  const named = { ...draft, latchkey: { ...draft.latchkey, policy: digestOfJson(policy) } }
  const answer = await postRequest(investigator, named)
  return answer.status === 201 ? 'accepted' : codeOf(answer)
}

/** Every leaf of the log so far. */
async function leaves() {
  const rows = await store.database.query<{ bytes: Uint8Array }>('SELECT bytes FROM log_leaves ORDER BY leaf_index')
  return rows.map(({ bytes }) => parseLeaf(bytes))
}

/** Another process beside the same database. @param published how it learns that a leaf stands */
function elsewhere(published: LeafLog['published']) {
  const { enqueue } = createPgLogStore(store.database)
  const own: LeafLog = { enqueue, published }
  const settler = createLeafSettler({ database: store.database, leaves: own, log, follow: followPolicyEntries })
  return { database: store.database, leaves: own, settler, clock: world.clock, log }
}
const published: LeafLog['published'] = (ticket) =>
  eventually(async () => (await createPgLogStore(store.database).places([ticket]))[0] ?? null, 'the leaf to stand')

describe('looser rules', () => {
  test('do not stop a relay: it goes on by the old ones, and says which are announced, from when', async () => {
    await world.restart(loose)
    const { policies, inForce, announced } = await told()
    expect(policies.map(({ digest }) => digest)).toEqual([digestOfJson(base), digestOfJson(loose)])
    expect(inForce).toBe(digestOfJson(base))
    const [, entry] = policies
    const fromMs = (entry!.hour + 1) * HOUR_MS + 14 * DAY_MS
    expect(announced).toEqual({ digest: digestOfJson(loose), index: entry!.index, fromMs })
    expect(await shown()).toEqual(base)
    expect(await world.anyone.json('GET', `/v1/policies/${digestOfJson(loose)}`, policyValidator)).toEqual(loose)
    expect(await held()).toMatchObject({
      policy: digestOfJson(base),
      announced: { digest: digestOfJson(loose), fromMs },
      retentionDays: { kept: 30 },
    })
    expect(await keptDays()).toMatchObject({ kept: 30 })
    expect(await answerTo(loose)).toBe('POLICY_UNKNOWN')
    expect(await answerTo(base)).toBe('accepted')
  })

  test('wait through restarts, and count with a second entry once the whole notice is over', async () => {
    const fromMs = (await told()).announced!.fromMs
    world.clock.shift(fromMs - HOUR_MS / 2 - world.clock.nowMs())
    await world.restart(loose)
    expect(await told()).toMatchObject({ inForce: digestOfJson(base), policies: { length: 2 } })
    expect(await answerTo(loose)).toBe('POLICY_UNKNOWN')
    world.clock.shift(HOUR_MS)
    world.clock.tick()
    await expect.poll(async () => (await told()).inForce).toBe(digestOfJson(loose))
    const { policies, announced } = await told()
    expect(announced).toBeNull()
    expect(policies.map(({ digest }) => digest)).toEqual([base, loose, loose].map(digestOfJson))
    expect(await held()).toMatchObject({ policy: digestOfJson(loose), announced: null, retentionDays: { kept: 60 } })
    expect(await keptDays()).toMatchObject({ kept: 60 })
    expect(await answerTo(base)).toBe('POLICY_UNKNOWN')
    expect(await answerTo(loose)).toBe('accepted')
    await world.restart(loose)
    expect((await told()).policies).toHaveLength(3)
  })

  test('are withdrawn before their time by configuring those in force again', async () => {
    await world.restart(looser)
    expect((await told()).announced?.digest).toBe(digestOfJson(looser))
    await world.restart(loose)
    expect(await told()).toMatchObject({ inForce: digestOfJson(loose), announced: null, policies: { length: 5 } })
    world.clock.shift(15 * DAY_MS)
    await world.restart(looser)
    // Announced anew: what was withdrawn does not count for the notice.
    expect(await told()).toMatchObject({ inForce: digestOfJson(loose), announced: { digest: digestOfJson(looser) } })
  })

  test('that a relay announced and did not live to publish are announced once', async () => {
    await world.restart(loose)
    const before = (await told()).policies.length
    await world.stop()
    const dying = elsewhere(() => Promise.reject(new LatchkeyError('UNAVAILABLE', 'the relay has died')))
    await expect(proposePolicy(dying, looser)).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    await world.restart(looser)
    const after = await told()
    expect(after).toMatchObject({ inForce: digestOfJson(loose), announced: { digest: digestOfJson(looser) } })
    expect(after.policies).toHaveLength(before + 1)
  })
})

describe('stricter rules', () => {
  test('count at once for every relay beside the database, and in the log nothing is accepted by others after them', async () => {
    const asking = Array.from({ length: 12 }, () => answerTo(loose))
    const changing = Promise.race(asking).then(() => proposePolicy(elsewhere(published), strict))
    const [answers] = await Promise.all([Promise.all(asking), changing])
    expect(answers).toContain('accepted')
    expect(answers.filter((answer) => answer !== 'accepted' && answer !== 'POLICY_UNKNOWN')).toEqual([])
    expect(await answerTo(loose)).toBe('POLICY_UNKNOWN')
    expect(await answerTo(strict)).toBe('accepted')
    expect(await told()).toMatchObject({ inForce: digestOfJson(strict), announced: null })
    const byDigest = new Map([base, loose, looser, strict].map((policy) => [digestOfJson(policy), policy]))
    const all = await leaves()
    const entries: LoggedPolicy[] = all.flatMap(({ type, data, hour }, index) =>
      type === 'policy'
        ? [{ digest: data.digest, index, hour, policy: byDigest.get(data.digest as never) ?? null }]
        : [],
    )
    const judged = all.flatMap(({ type, data }, index) =>
      type === 'request' ? [[data.policy, rulesInForceAt(entries, index)?.digest]] : [],
    )
    expect(judged.length).toBeGreaterThan(2)
    expect(judged.filter(([named, inForce]) => named !== inForce)).toEqual([])
  })

  test('may be rules that counted before: the log says that they count again', async () => {
    await world.restart(strict)
    const strictest = { ...strict, version: 13, incidentTypes: ['burglary'] }
    await world.restart(strictest)
    await world.restart({ ...strictest, incidentTypes: ['burglary'], version: 14 })
    await world.restart(strictest)
    expect(await told()).toMatchObject({ inForce: digestOfJson(strictest), announced: null })
  })
})

test('who follows the log from outside comes to every answer again', async () => {
  const findings: string[] = []
  const monitor = await createLogMonitor({
    origin: world.relay.publicOrigin,
    relay: createPublicRelay(world.relay.publicOrigin, world.clock.nowMs),
    trust: logTrustOf({ logs: [world.relay.logVkey], witnesses: [], quorum: 0 }),
    folder: { load: async () => null, save: async () => {} },
    refused: new Map(),
    nowMs: world.clock.nowMs,
    report: async ({ code, message }) => void findings.push(`${code} ${message}`),
  })
  await monitor.look(() => {})
  expect(findings).toEqual([])
  expect(monitor.audit.state.tally.accepted.derived).toBeGreaterThan(3)
  expect(monitor.audit.state.tally.accepted).toMatchObject({ open: 0, contradicted: 0 })
})
