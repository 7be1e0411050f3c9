import { deviceCertificate, type DeviceEvent, digestOf, type PublicJwk } from '@latchkey/shared'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { createSeededRandom, runs, tellSoak } from '../support/counts.ts'
import { pairAsPhone, pairingAddress } from '../support/household.ts'
import { type AgentProcess, inspectRemains, startAgentProcess } from '../support/kill-agent-process.ts'
import {
  assertOpens,
  assertWholeChain,
  assertWholeDays,
  assertWholeEvents,
  loadHeldClips,
} from '../support/kill-checks.ts'
import { databaseUrlOf, loadDays, loadEvents } from '../support/kill-database.ts'
import { makeBusyVideo } from '../support/kill-scene.ts'
import { createTemporaryFolder } from '../support/temporary-folder.ts'
import { createTestDatabase } from '../support/relay-database.ts'
import { createRelayWorld, enrolHousehold, expectStatus, type Household, randomSalt } from '../support/relay-world.ts'

const KILLS = runs(4, 1000)
/** Agents killed beside each other, each with a relay of its own: most of a life is waiting. */
const LANES = runs(1, 4)
const CAMERA_NAME = 'Front door of the Example family'
/** Faster than time: more segments per second of test. */
const RATE = 6

async function writeConfig(folder: string, relay: string): Promise<string> {
  const config = {
    dataDir: `${folder}/agent`,
    camera: { source: await makeBusyVideo(folder, 12), name: CAMERA_NAME, rate: RATE },
    relay: { origin: relay },
    clip: { preRollMs: 1_000, postRollMs: 1_000, maxClipMs: 20_000 },
    stopGraceMs: 60_000,
    log: { format: 'json' },
  }
  const path = join(folder, 'agent.json')
  await writeFile(path, JSON.stringify(config))
  return path
}

async function pair(household: Household, agent: AgentProcess): Promise<PublicJwk> {
  const { owner, root, recovery, keyset } = household
  const url = await pairingAddress(() => agent.output())
  const phone = { root, member: owner.signer, phone: owner.identity, recovery, keyset: keyset.raw }
  const { answer, hello } = await pairAsPhone(phone, url)
  const json = { deviceCertificate: answer.deviceCertificate, hello, salt: randomSalt() }
  await expectStatus(await owner.client.send('POST', '/v1/devices', { json }), 201)
  return deviceCertificate.parse(answer.deviceCertificate).payload.cnf.jwk
}

const passed = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

/** Lets it live to a moment that the seed chooses: in its start and recovery, or while it records. */
async function liveAwhile(agent: AgentProcess, random: (limit: number) => number): Promise<void> {
  const [inStart, lifeMs, rings] = [random(4) === 0, random(1_600), random(3) === 0]
  if (inStart) return passed(lifeMs)
  await agent.recording()
  if (rings) agent.child.kill('SIGUSR1')
  await passed(lifeMs)
}

/** One agent's many lives and deaths. Returns what was counted. */
async function killAgain(kills: number, seed: number) {
  await using folder = await createTemporaryFolder()
  await using store = await createTestDatabase()
  await using world = await createRelayWorld({ config: { databaseUrl: databaseUrlOf(store.target) } })
  const household = await enrolHousehold(world)
  const { recovery, owner } = household
  const config = await writeConfig(folder.path, world.relay.publicOrigin)
  const random = createSeededRandom(seed)
  const durable = new Map<string, string>()
  const recorded = new Map<string, DeviceEvent>()
  const interrupted = new Map<string, number>()

  let agent = startAgentProcess(config)
  const device = await pair(household, agent)
  for (let kill = 0; kill < kills; kill++) {
    if (kill > 0) agent = startAgentProcess(config)
    await liveAwhile(agent, random)
    await agent.kill()
    const remains = await inspectRemains(`${folder.path}/agent`, { recovery, secrets: [CAMERA_NAME] })
    expect(remains.unnamed).toBeLessThanOrEqual(1)
    for (const [item, sha256] of remains.items) durable.set(item, sha256)
    for (const event of remains.events) recorded.set(event.id, event)
    for (const [clip, items] of remains.open) interrupted.set(clip, items)
  }
  agent = startAgentProcess(config)
  await agent.recording()
  expect(await agent.stop()).toBe(0)
  const left = await inspectRemains(`${folder.path}/agent`, { recovery, secrets: [CAMERA_NAME] })
  expect([...left.items]).toEqual([])

  const clips = await loadHeldClips(owner.client)
  const [events, days] = [await loadEvents(store.database), await loadDays(store.database)]
  assertWholeChain(clips, device)
  for (const clip of clips) assertOpens(clip, recovery)
  const held = new Map(clips.flatMap(({ clip, bodies }) => bodies.map((body, i) => [`${clip}/${i}`, digestOf(body)])))
  expect([...durable].filter(([item, sha256]) => held.get(item) !== sha256)).toEqual([])
  const items = new Map(clips.map(({ clip, descriptors }) => [clip, descriptors.length]))
  expect([...interrupted].filter(([clip, named]) => items.get(clip) !== named)).toEqual([])
  assertWholeEvents(events, clips)
  const told = new Map(events.map((event) => [event.id, event]))
  for (const event of recorded.values()) expect(told.get(event.id)).toEqual(event)
  assertWholeDays(days, events, clips)
  expect(interrupted.size).toBeGreaterThan(0)
  return { clips: clips.length, events: events.length, interrupted: interrupted.size }
}

describe('the agent killed at any moment', () => {
  test(
    'keeps every finished segment, loses at most one unfinished, and tells of everything once',
    async () => {
      const lanes = Array.from({ length: LANES }, (_, lane) => killAgain(KILLS / LANES, 20_261_122 + lane))
      const counts = await Promise.all(lanes)
      const sumOf = (name: keyof (typeof counts)[0]): number => counts.reduce((sum, count) => sum + count[name], 0)
      tellSoak({
        what: 'SIGKILL of the agent while it records',
        count: KILLS,
        outcome: `${sumOf('clips')} clips and ${sumOf('events')} events whole, ${sumOf('interrupted')} clips cut short`,
      })
    },
    runs(180_000, 14_400_000),
  )
})
