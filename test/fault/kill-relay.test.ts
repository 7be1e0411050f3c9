import {
  type ConsentSubmission,
  consentList,
  decodeBase64url,
  digestOf,
  digestOfJws,
  sealedLeafData,
  utf8,
} from '@latchkey/shared'
import { describe, expect, test } from 'vitest'
import { createSeededRandom, runs, tellSoak } from '../support/counts.ts'
import {
  assertOpens,
  assertWholeChain,
  assertWholeDays,
  assertWholeEvents,
  loadHeldClips,
} from '../support/kill-checks.ts'
import { loadDays, loadEvents, readStoppedRelay } from '../support/kill-database.ts'
import { createHastyClock, type DeviceRig, openDeviceRig, untilAnswered } from '../support/kill-device-rig.ts'
import { assertOneLog, loadLog } from '../support/kill-log.ts'
import { startRelayProcess } from '../support/kill-relay-process.ts'
import { createTemporaryFolder } from '../support/temporary-folder.ts'
import { eventually } from '../support/poll.ts'
import {
  type Case,
  consentPlan,
  createCase,
  enrolDevice,
  randomId,
  type RelayWorld,
  signConsent,
} from '../support/relay-world.ts'

const KILLS = runs(2, 100)
/** Longest life of a relay once it takes uploads, ms. */
const LIFE_MS = 400
/** So much faster time goes by for the device: what it waits for after a failure comes soon. */
const HASTE = 20
/** Clips on their way at once. */
const BACKLOG = 4
const MAX_DOWNLOADS = 3

const passed = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

/** What people and devices do to a relay all the time, and what it said was done. */
interface Deeds {
  readonly consents: ConsentSubmission[]
  /** Download id → the release's digest. */
  readonly downloads: Map<string, { consent: string; release: string }>
  readonly checkpoints: Uint8Array[]
  /** What ended them too early. */
  failure: unknown
  stop(): Promise<void>
}

async function recordWithout(rig: DeviceRig, stopped: () => boolean): Promise<void> {
  while (!stopped()) {
    if (rig.spool.status().clips < BACKLOG) await rig.record(4)
    else await passed(5)
  }
}

/** One download after the other of each consent, until the relay says that all are taken. */
async function takeAll(subject: Case, consent: string, deeds: Deeds, stopped: () => boolean): Promise<void> {
  for (let used = false; !used && !stopped();) {
    const download = randomId()
    used = await untilTaken(subject, { consent, download }, deeds, stopped)
  }
}

async function untilTaken(
  subject: Case,
  asked: { consent: string; download: string },
  deeds: Deeds,
  stopped: () => boolean,
): Promise<boolean> {
  const { consent, download } = asked
  const path = `/v1/releases/${consent}/downloads`
  while (!stopped()) {
    const answer = await untilAnswered(stopped, async () => {
      const response = await subject.investigator.client.send('POST', path, { json: { download } })
      return { status: response.status, body: (await response.json()) as { release?: string; code?: string } }
    })
    if (answer?.status === 200) {
      deeds.downloads.set(download, { consent, release: digestOfJws(answer.body.release!) })
      return false
    }
    if (answer?.body.code === 'CONSENT_USED') return true
    // Not yet in the log, or not yet known to be.
    await passed(10)
  }
  return true
}

async function consentWithout(world: RelayWorld, subject: Case, deeds: Deeds, stopped: () => boolean): Promise<void> {
  while (!stopped()) {
    const submission = await signConsent(subject, consentPlan(world, subject))
    const status = await untilAnswered(stopped, async () => {
      const response = await subject.household.owner.client.send('POST', '/v1/consents', { json: submission })
      await response.arrayBuffer()
      return response.status
    })
    // 503: the device's own leaf is not yet published.
    if (status === null || status === 503) continue
    expect(status).toBe(201)
    deeds.consents.push(submission)
    await takeAll(subject, digestOfJws(submission.consent), deeds, stopped)
  }
}

async function watchLog(world: RelayWorld, deeds: Deeds, stopped: () => boolean): Promise<void> {
  while (!stopped()) {
    const raw = await untilAnswered(stopped, () => world.anyone.bytes('GET', '/log/checkpoint'))
    if (raw) deeds.checkpoints.push(raw)
    await passed(15)
  }
}

function startDeeds(world: RelayWorld, subject: Case, rig: DeviceRig): Deeds {
  let over = false
  const stopped = (): boolean => over
  const deeds: Deeds = {
    consents: [],
    downloads: new Map(),
    checkpoints: [],
    failure: null,
    async stop() {
      over = true
      await running
    },
  }
  const running = Promise.all([
    recordWithout(rig, stopped),
    consentWithout(world, subject, deeds, stopped),
    watchLog(world, deeds, stopped),
  ])
  running.catch((error: unknown) => (deeds.failure = error))
  return deeds
}

describe('the relay killed at any moment', () => {
  test(
    'has every item, event, consent, download and leaf that it acknowledged, and one log',
    async () => {
      await using folder = await createTemporaryFolder()
      await using doorbell = await createTemporaryFolder()
      await using relay = await startRelayProcess(folder.path)
      const { world } = relay
      const subject = await createCase(world)
      const device = await enrolDevice(world, subject.household)
      const random = createSeededRandom(424_242)
      await using rig = await openDeviceRig({
        folder: doorbell.path,
        world,
        household: subject.household,
        device,
        clock: createHastyClock(HASTE),
        random: () => random(1_000) / 1_000,
      })
      const deeds = startDeeds(world, subject, rig)
      for (let kill = 0; kill < KILLS; kill++) {
        const before = rig.receipted.size
        await eventually(() => rig.receipted.size > before, 'uploads to go on', 30_000)
        await passed(random(LIFE_MS))
        await relay.kill(kill % 2 === 1)
        await relay.start()
      }
      await eventually(() => {
        if (deeds.failure !== null) throw new Error('what people do failed', { cause: deeds.failure })
        return deeds.consents.length > 0 && deeds.downloads.size > 0
      }, 'a consent and a download')
      await deeds.stop()
      expect(await rig.drained(600_000)).toBe(true)
      await rig.days.sign()
      expect(await rig.drained(600_000)).toBe(true)

      const { owner, recovery } = subject.household
      const clips = (await loadHeldClips(owner.client)).filter(({ clip }) => clip !== subject.clip.clip)
      const { consents } = await owner.client.json('GET', '/v1/consents', consentList)
      const { logVkey } = world.relay
      expect(await relay.stop()).toBe(0)

      assertWholeChain(clips, device.signer.jwk)
      for (const clip of clips) assertOpens(clip, recovery)
      const held = new Map(
        clips.flatMap(({ clip, bodies }) => bodies.map((body, i) => [`${clip}/${i}`, digestOf(body)])),
      )
      expect([...rig.receipted].filter(([item, sha256]) => held.get(item) !== sha256)).toEqual([])
      expect(rig.receipted.size).toBeGreaterThan(0)
      const listed = new Set(consents.map(({ consent }) => digestOfJws(consent)))
      expect(listed.size).toBe(consents.length)

      await readStoppedRelay(relay.dataDir, async (db) => {
        const events = (await loadEvents(db)).filter(({ stream }) => stream === rig.outbox.stream)
        assertWholeEvents(events, clips)
        for (const [sequence, event] of rig.acknowledged) expect(events[sequence - 1]).toEqual(event)
        assertWholeDays(await loadDays(db), events, clips)

        const log = await loadLog(db)
        await assertOneLog(db, log, deeds.checkpoints, logVkey)
        for (const { consent, salt } of deeds.consents) {
          const data = sealedLeafData(decodeBase64url(salt), 'consent', utf8(consent))
          expect(log.counts.get(JSON.stringify(data))).toBe(1)
        }
        const kept = await db.query<{ digest: string; downloads_taken: number }>('SELECT * FROM consents')
        const taken = await db.query<{ download: string; consent: string; number: number; release: string }>(
          'SELECT download, consent, number, release FROM downloads ORDER BY consent, number',
        )
        const releases = new Map(taken.map((row) => [row.download, { consent: row.consent, release: row.release }]))
        for (const [download, answer] of deeds.downloads) expect(releases.get(download)).toEqual(answer)
        for (const { digest, downloads_taken: count } of kept) {
          const numbers = taken.filter((row) => row.consent === digest).map((row) => row.number)
          expect([count, ...numbers]).toEqual([numbers.length, ...numbers.map((_, i) => i + 1)])
          expect(count).toBeLessThanOrEqual(MAX_DOWNLOADS)
        }
        const digests = new Set(kept.map(({ digest }) => digest))
        expect(deeds.consents.filter(({ consent }) => !digests.has(digestOfJws(consent)))).toEqual([])
      })
      tellSoak({
        what: 'SIGKILL of the relay during upload, every other time with its PostgreSQL',
        count: KILLS,
        outcome: `${rig.receipted.size} items, ${deeds.consents.length} consents, ${deeds.downloads.size} downloads kept`,
      })
    },
    runs(180_000, 14_400_000),
  )
})
