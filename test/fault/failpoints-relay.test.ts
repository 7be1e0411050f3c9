import {
  clipList,
  clipManifest,
  type ClipManifest,
  type ConsentSubmission,
  dayRecord,
  decodeBase64url,
  digestOf,
  digestOfJws,
  sealedLeafData,
  utf8,
} from '@latchkey/shared'
import { readdir, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { DELETE_FAILPOINTS } from '../../relay/src/clip/clips.ts'
import { ITEM_FAILPOINTS } from '../../relay/src/clip/items.ts'
import { MANIFEST_FAILPOINTS } from '../../relay/src/clip/manifests.ts'
import { loadConfig } from '../../relay/src/config.ts'
import { createLog } from '../../relay/src/kernel/log.ts'
import { SEQUENCER_FAILPOINTS } from '../../relay/src/log/sequencer.ts'
import { createRelay, type Relay } from '../../relay/src/relay.ts'
import { RELEASE_FAILPOINTS } from '../../relay/src/release/downloads.ts'
import { ITEM_STORE_FAILPOINTS } from '../../relay/src/store/disk-item-store.ts'
import { findFreePort } from '../../infra/local/port.ts'
import { databaseUrlOf } from '../support/kill-database.ts'
import { createFatalFailpoints, type FatalFailpoints, loadDurableSteps } from '../support/kill-failpoints.ts'
import { createGate } from '../support/kill-gate.ts'
import { assertOneLog, loadLog } from '../support/kill-log.ts'
import { createWorldAround, createWorldTerms } from '../support/kill-world.ts'
import { createTemporaryFolder } from '../support/temporary-folder.ts'
import { eventually } from '../support/poll.ts'
import { createTestDatabase, type TestDatabase } from '../support/relay-database.ts'
import {
  type Case,
  consentPlan,
  createCase,
  draftManifest,
  expectStatus,
  postConsent,
  putItem,
  randomId,
  randomSalt,
  type RelayWorld,
  sealClip,
  signConsent,
  uploadClip,
  type UploadedClip,
} from '../support/relay-world.ts'

const SOURCE = new URL('../../relay/src', import.meta.url).pathname
const POINTS: readonly string[] = [
  ...ITEM_STORE_FAILPOINTS,
  ...ITEM_FAILPOINTS,
  ...MANIFEST_FAILPOINTS,
  ...DELETE_FAILPOINTS,
  ...SEQUENCER_FAILPOINTS,
  ...RELEASE_FAILPOINTS,
]
const MAX_DOWNLOADS = 3

/** A relay that can be stopped by a failpoint and started again on what it left. */
interface MortalRelay extends AsyncDisposable {
  readonly world: RelayWorld
  /** Those of the relay that runs now; armed with nothing. */
  readonly failpoints: FatalFailpoints
  /** Where it keeps its data now. */
  readonly dataDir: string
  /** Takes from the dead relay what the kernel takes from a dead process, and starts another. */
  restart(): Promise<void>
}

const END_CONNECTIONS = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE pid <> pg_backend_pid() AND datname = current_database() AND backend_type = 'client backend'`

async function startMortalRelay(folder: string, store: TestDatabase): Promise<MortalRelay> {
  const { policy, operator } = await createWorldTerms()
  await writeFile(join(folder, 'policy.json'), JSON.stringify(policy))
  const gate = await createGate()
  const origin = `http://127.0.0.1:${gate.port}`
  const log = createLog({ level: 'silent' })
  const dataDirOf = (life: number) => join(folder, `data-${life}`)
  let life = 0
  const start = async (failpoints: FatalFailpoints): Promise<Relay> => {
    const port = await findFreePort()
    const at = (number: number) => ({ host: '127.0.0.1', port: number })
    const settings = {
      publicOrigin: origin,
      enrolment: 'open',
      listen: at(port),
      operatorListen: at(0),
      broker: at(0),
      dataDir: dataDirOf(life),
      policyFile: 'policy.json',
      operatorJwk: operator.jwk,
      databaseUrl: databaseUrlOf(store.target),
      log: { batchMs: 10 },
    }
    const started = await createRelay(await loadConfig(settings, folder), { log, failpoints })
    gate.lead(port)
    return started
  }
  let failpoints = createFatalFailpoints()
  let relay = await start(failpoints)
  return {
    world: createWorldAround(() => relay, { policy, operator, folder, origin }),
    get failpoints() {
      return failpoints
    },
    get dataDir() {
      return dataDirOf(life)
    },
    async restart() {
      gate.cut()
      // Not awaited: what stands still for ever is never done.
      void Promise.resolve(relay[Symbol.asyncDispose]()).catch(() => {})
      await store.database.query(END_CONNECTIONS)
      // What the dead one was about to write between two points finds no place any more.
      const left = dataDirOf(life++)
      await rename(left, dataDirOf(life))
      failpoints = createFatalFailpoints()
      relay = await start(failpoints)
    },
    [Symbol.asyncDispose]: async () => {
      await relay[Symbol.asyncDispose]()
      await gate[Symbol.asyncDispose]()
    },
  }
}

/** One piece of everything that a relay does durably: the same bytes however often it is tried. */
interface Work {
  readonly subject: Case
  readonly clip: string
  readonly sealed: ReturnType<typeof sealClip>
  readonly manifest: string
  readonly day: { readonly day: string; readonly salt: string }
  /** Logged already, to be downloaded. */
  readonly granted: ConsentSubmission
  readonly consent: ConsentSubmission
  readonly download: string
  readonly doomed: UploadedClip
}

async function createDay(world: RelayWorld, { household, device }: Case): Promise<string> {
  const [fromMs, toMs] = [world.clock.nowMs() - 1_000, world.clock.nowMs()]
  const latchkey = {
    v: 1 as const,
    deviceCertificate: digestOfJws(device.certificate),
    epoch: 1,
    fromMs,
    toMs,
    boot: randomId(),
    keyset: household.keyset.digest,
    manifests: { first: 0, last: 0, head: null },
    events: { stream: randomId(), first: 0, last: 0, sha256: digestOf() },
    watching: [{ fromMs, toMs, state: 'on' as const }],
    seen: null,
  }
  return dayRecord.encode({ iss: device.signer.urn, iat: world.nowSeconds(), latchkey }, device.signer)
}

async function createWork(world: RelayWorld, subject: Case): Promise<Work> {
  const { household, device } = subject
  const doomed = await uploadClip(world, { household, device })
  const granted = await signConsent(subject, consentPlan(world, subject))
  expect((await postConsent(household.owner, granted)).status).toBe(201)
  await eventually(() => isGranted(subject, granted), 'the consent to be logged')
  const clip = randomId()
  const sealed = sealClip(household, { media: 1, startMs: world.clock.nowMs() - 60_000 })
  const payload: ClipManifest = draftManifest(world, { household, device }, { clip, descriptors: sealed.descriptors })
  return {
    subject,
    clip,
    sealed,
    manifest: await clipManifest.encode(payload, device.signer),
    day: { day: await createDay(world, subject), salt: randomSalt() },
    granted,
    consent: await signConsent(subject, consentPlan(world, subject)),
    download: randomId(),
    doomed,
  }
}

async function isGranted({ investigator }: Case, granted: ConsentSubmission): Promise<boolean> {
  const answer = await expectStatus(await investigator.client.send('GET', '/v1/releases'), 200)
  const { releases } = answer as { releases: readonly { consent: string }[] }
  return releases.some(({ consent }) => consent === granted.consent)
}

/** Takes a download under this id, waiting for its leaf. @returns the answer, or the refusal's code */
async function takeDownload(subject: Case, granted: ConsentSubmission, download: string): Promise<string> {
  const path = `/v1/releases/${digestOfJws(granted.consent)}/downloads`
  return eventually(async () => {
    const response = await subject.investigator.client.send('POST', path, { json: { download } })
    const body = (await response.json()) as { release?: string; code?: string }
    return response.status === 202 ? null : (body.release ?? body.code)
  }, 'the release to be logged')
}

/** Does the work, one deed after the other. `onDone`: the relay said that this is done, with this answer. */
async function doWork(work: Work, onDone: (deed: string, answer: string) => void): Promise<void> {
  const { subject, clip, sealed } = work
  const { device, household } = subject
  const said = async (response: Response | Promise<Response>, status: number): Promise<string> =>
    JSON.stringify(await expectStatus(await response, status))
  for (const [index, body] of sealed.bodies.entries()) {
    const put = putItem(device, clip, index, body, sealed.descriptors[index]!.payloadSha256)
    onDone(`item ${index}`, await said(put, 201))
  }
  const upload = { manifest: work.manifest, descriptors: sealed.descriptors }
  onDone('manifest', await said(device.client.send('PUT', `/v1/clips/${clip}/manifest`, { json: upload }), 201))
  const day = device.client.send('PUT', `/v1/days/${digestOfJws(work.day.day)}`, { json: work.day })
  onDone('day', await said(day, 201))
  await expectStatus(await postConsent(household.owner, work.consent), 201)
  onDone('consent', 'taken')
  // Its leaf and the download's are then in two batches: a quick machine would else write both in one, and the log's
  // points would be passed only once.
  await eventually(() => isGranted(subject, work.consent), 'the consent to be logged')
  onDone('download', await takeDownload(subject, work.granted, work.download))
  await said(household.owner.client.send('DELETE', `/v1/clips/${work.doomed.clip}`), 204)
  onDone('deletion', 'done')
}

async function payloadFiles(dataDir: string, clip: string): Promise<number> {
  const files = await readdir(join(dataDir, 'items'), { recursive: true, withFileTypes: true })
  expect(files.filter((file) => file.isFile() && file.parentPath.includes('/temporary'))).toEqual([])
  return files.filter((file) => file.isFile() && file.parentPath.endsWith(`/${clip}`)).length
}

/** What a clean run would have left: everything once, byte for byte, and nothing of what was deleted. */
async function assertWorkDoneOnce(work: Work, { world, dataDir }: MortalRelay, store: TestDatabase): Promise<void> {
  const { subject, clip, sealed, doomed } = work
  const { owner } = subject.household
  for (const [index, body] of sealed.bodies.entries())
    expect(digestOf(await owner.client.bytes('GET', `/v1/clips/${clip}/items/${index}`))).toBe(digestOf(body))
  const { clips } = await owner.client.json('GET', '/v1/clips', clipList)
  expect(clips.filter((entry) => entry.clip === clip).map((entry) => entry.manifest)).toEqual([work.manifest])
  expect(clips.filter((entry) => entry.clip === doomed.clip)).toEqual([])
  expect(await payloadFiles(dataDir, clip)).toBe(sealed.bodies.length)
  expect(await payloadFiles(dataDir, doomed.clip)).toBe(0)
  const gone = await owner.client.send('GET', `/v1/clips/${doomed.clip}/items/0`)
  expect(gone.status).toBe(404)

  // The rest of the downloads and not one more, whatever had been counted when it died.
  const answers: string[] = []
  for (let n = 1; n <= MAX_DOWNLOADS; n++) answers.push(await takeDownload(subject, work.granted, randomId()))
  expect(answers.filter((answer) => answer !== 'CONSENT_USED')).toHaveLength(MAX_DOWNLOADS - 1)
  expect(answers.at(-1)).toBe('CONSENT_USED')
  const consent = digestOfJws(work.granted.consent)
  const taken = await store.database.query<{ number: number; jws: string; salt: string }>(
    'SELECT number, release_jws AS jws, salt FROM downloads WHERE consent = $1 ORDER BY number',
    [consent],
  )
  expect(taken.map(({ number }) => number)).toEqual([1, 2, 3])

  const log = await loadLog(store.database)
  const checkpoint = await world.anyone.bytes('GET', '/log/checkpoint')
  await assertOneLog(store.database, log, [checkpoint], world.relay.logVkey)
  const times = (salt: string, kind: 'consent' | 'day' | 'release', object: string) =>
    log.counts.get(JSON.stringify(sealedLeafData(decodeBase64url(salt), kind, utf8(object))))
  expect(times(work.consent.salt, 'consent', work.consent.consent)).toBe(1)
  expect(times(work.day.salt, 'day', work.day.day)).toBe(1)
  expect(taken.map(({ salt, jws }) => times(salt, 'release', jws))).toEqual([1, 1, 1])
}

/** More are not bad luck. */
const MAX_ATTEMPTS = 5

let folder: Awaited<ReturnType<typeof createTemporaryFolder>>
let store: TestDatabase
let relay: MortalRelay
let subject: Case
beforeAll(async () => {
  folder = await createTemporaryFolder()
  store = await createTestDatabase()
  relay = await startMortalRelay(folder.path, store)
  subject = await createCase(relay.world)
})
afterAll(async () => {
  await relay[Symbol.asyncDispose]()
  await store[Symbol.asyncDispose]()
  await folder[Symbol.asyncDispose]()
})

/**
 * Works as people do: what fails, because a connection was the dead relay's or because it dies just now, is asked again.
 * Goes on beside the test; it ends when the work is done or the relay is dead.
 */
function workUntil(isOver: () => boolean, work: () => Promise<void>): { readonly failures: unknown[] } {
  const failures: unknown[] = []
  const attempt = async (): Promise<void> => {
    while (!isOver() && failures.length < MAX_ATTEMPTS) {
      try {
        await work()
        return
      } catch (error) {
        failures.push(error)
      }
    }
  }
  void attempt()
  return { failures }
}

/** The log passes its points again and again; the second time something is in it already. */
const deaths = POINTS.flatMap((name) => (name.startsWith('log.') ? [0, 1] : [0]).map((skip) => ({ name, skip })))

describe('the relay that dies between two durable steps', () => {
  it.each(deaths)(
    'keeps what it acknowledged, doubles nothing, and can be asked again: $name (after $skip)',
    async ({ name, skip }) => {
      const work = await createWork(relay.world, subject)
      const { failpoints } = relay
      const before = new Map<string, string>()
      failpoints.arm(name, skip)
      const attempts = workUntil(
        () => failpoints.reached,
        () => doWork(work, (deed, answer) => before.set(deed, answer)),
      )
      await eventually(() => failpoints.reached, `failpoint ${name}`).catch((error: unknown) => {
        throw new AggregateError([error, ...attempts.failures], `failpoint ${name} was not reached`)
      })
      await relay.restart()
      const after = new Map<string, string>()
      await doWork(work, (deed, answer) => after.set(deed, answer))
      subject.device.finals.push(clipManifest.parse(work.manifest))
      for (const [deed, answer] of before) expect([deed, after.get(deed)]).toEqual([deed, answer])
      await assertWorkDoneOnce(work, relay, store)
    },
  )

  it('has a failpoint behind every durable step but the last, which is the answer, and names each in a list', async () => {
    const { steps, names } = await loadDurableSteps(SOURCE)
    expect(steps.length).toBeGreaterThan(15)
    expect(steps.filter(({ step, of, hits }) => step < of && hits.length === 0)).toEqual([])
    expect([...new Set(names)].sort()).toEqual([...POINTS].sort())
  })
})
