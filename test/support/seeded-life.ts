/** Months of a relay's life with many agencies, most of them honest, at moments that the log's hours tell apart. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import {
  type ClipRequest,
  clipRequest,
  digestOfJws,
  investigatorCertificate,
  monthEndMs,
  monthOf,
} from '@latchkey/shared'
import { createSeededRandom } from './counts.ts'
import {
  type Agency,
  codeOf,
  draftOutcome,
  draftRequest,
  enrolAgency,
  expectStatus,
  type Investigator,
  postOutcome,
  postRequest,
  randomId,
  type RelayWorld,
} from './relay-world.ts'
import { BEYOND_LIMITS, changeRequest, type RequestChange } from './request-changes.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
/**
 * Days, months and lives of requests are no multiple of it, by hours: so the log, which tells hours, tells every limit of
 * the `us` policy apart, and nothing has to stay open.
 */
export const STEP_MS = 10.5 * HOUR_MS
export const STEPS = 274
/** What investigators here ask for, in seconds. */
const REQUEST_LIFE_S = 310 * 3_600
const CERTIFICATE_LIFE_S = 300 * 86_400
const REPORT_FROM_MS = 60 * DAY_MS

/** From the first agency to the last step, and a day. */
export const lifeMs = ({ agencyNoticeMs }: { agencyNoticeMs: number }): number =>
  agencyNoticeMs + STEPS * STEP_MS + 2 * DAY_MS

/** When a step was, and how many entries the log had before it. */
export interface Step {
  readonly nowMs: number
  readonly size: number
}

/** A certificate for as long as the whole life. @param iat when it was signed, seconds */
export async function certifyForLong(
  world: RelayWorld,
  agency: Agency,
  iat = world.nowSeconds(),
): Promise<Investigator> {
  const party = world.party()
  const certificate = await investigatorCertificate.encode(
    {
      iss: agency.uri,
      sub: party.signer.urn,
      iat,
      exp: iat + CERTIFICATE_LIFE_S,
      cnf: { jwk: party.signer.jwk },
      latchkey: { v: 1, name: 'Det. A. Rivera', role: 'detective', recipient: party.identity.recipient },
    },
    agency.signer,
  )
  return { ...party, agency, certificate }
}

/** A request as signed at `nowMs`. */
export function draftAt(world: RelayWorld, by: Investigator, nowMs: number, change: RequestChange = {}): ClipRequest {
  const iat = Math.floor(nowMs / 1000)
  const window = { startMs: iat * 1000 - HOUR_MS, endMs: iat * 1000 - 1_000 }
  const base = changeRequest(draftRequest(world, by, window), { top: { iat, exp: iat + REQUEST_LIFE_S } })
  return changeRequest(base, change)
}

interface Asked {
  readonly digest: string
  readonly caseNumber: string
  readonly atMs: number
}

/** What the relay answered, over the whole life. */
export interface Told {
  readonly accepted: number
  readonly reported: number
  /** By code, how often. */
  readonly refused: ReadonlyMap<string, number>
  readonly steps: readonly Step[]
}

/** One agency that works with the relay; its accepted requests that it has not reported of. */
class Office {
  readonly investigator: Investigator
  readonly asked: Asked[] = []
  constructor(investigator: Investigator) {
    this.investigator = investigator
  }
}

/**
 * Plays it. Same `seed`, same life but for keys.
 * @param options.count requests, accepted or refused
 * @param options.texts folder for the texts of refused requests, as their requesters hold them
 * @param options.size of the published log, once everything taken so far is in it
 */
export async function playLife(
  world: RelayWorld,
  options: { count: number; seed: number; texts: string; size: (atLeast: number) => Promise<number> },
): Promise<Told> {
  const { count, seed, texts } = options
  const random = createSeededRandom(seed)
  const refused = new Map<string, number>()
  let [accepted, reported, size] = [0, 0, await options.size(0)]
  const steps: Step[] = []
  const startMs = world.clock.nowMs()

  async function post(office: Office, change: RequestChange): Promise<void> {
    const { investigator } = office
    const draft = draftAt(world, investigator, world.clock.nowMs(), change)
    const raw = await clipRequest.encode(draft, investigator.signer)
    const answer = await postRequest(investigator, draft)
    size++
    if (answer.status === 201) {
      await answer.body?.cancel()
      office.asked.push({ digest: digestOfJws(raw), caseNumber: draft.latchkey.caseNumber, atMs: world.clock.nowMs() })
      accepted++
      return
    }
    const code = await codeOf(answer)
    refused.set(code, (refused.get(code) ?? 0) + 1)
    await writeFile(join(texts, `${randomId()}.jws`), raw)
  }

  async function report(office: Office): Promise<void> {
    const dueMs = world.clock.nowMs() - REPORT_FROM_MS
    const [oldest] = office.asked
    if (oldest === undefined || oldest.atMs > dueMs || random(12) > 0) return
    office.asked.shift()
    await expectStatus(
      await postOutcome(office.investigator, draftOutcome(world, office.investigator, oldest.digest)),
      201,
    )
    size++
    reported++
  }

  const enrolled = async (): Promise<Office> => {
    const office = new Office(await certifyForLong(world, await enrolAgency(world)))
    size++
    return office
  }

  const offices: Office[] = []
  for (let n = Math.max(4, Math.ceil(count / 33)); n > 0; n--) offices.push(await enrolled())
  const stopped = await enrolled()
  const { uri, name, signer } = stopped.investigator.agency
  const json = { uri, name, kind: 'police', status: 'suspended', keys: [signer.jwk] }
  await expectStatus(await world.operator.send('POST', '/v1/agencies', { json }), 201)
  size++
  world.clock.shift(world.policy.agencyNoticeMs + 3 * HOUR_MS)

  /** The relay tells every month by itself: how many entries more the log has now. */
  let untold = monthOf(startMs)
  async function monthsTold(): Promise<number> {
    let more = 0
    for (; monthEndMs(untold) + 2 * HOUR_MS < world.clock.nowMs(); untold = monthOf(monthEndMs(untold))) more++
    if (more === 0) return 0
    world.clock.tick()
    await options.size(size + more)
    return more
  }

  const beyond = Object.entries(BEYOND_LIMITS)
  async function ask(): Promise<void> {
    const office = offices[random(offices.length)]!
    const lot = random(100)
    const again = office.asked[random(office.asked.length || 1)]
    if (lot < 2) await post(await enrolled(), {})
    else if (lot < 4) await post(stopped, {})
    else if (lot < 30) await post(office, beyond[random(beyond.length)]![1](world.clock.nowMs()))
    else if (lot < 45 && again) await post(office, { latchkey: { caseNumber: again.caseNumber } })
    else if (lot < 55) for (let n = 0; n < 2; n++) await post(office, {})
    else await post(office, {})
  }

  const taken = (): number => accepted + [...refused.values()].reduce((sum, n) => sum + n, 0)
  for (let step = 0; step < STEPS; step++) {
    size += await monthsTold()
    steps.push({ nowMs: world.clock.nowMs(), size })
    for (const office of offices) await report(office)
    while (taken() < (count * (step + 1)) / STEPS) await ask()
    if ((await options.size(size)) !== size) throw new Error('the log holds what nobody sent')
    world.clock.shift(STEP_MS)
  }
  return { accepted, reported, refused, steps }
}
