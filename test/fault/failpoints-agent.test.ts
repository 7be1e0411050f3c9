import { deviceCertificate, type PublicJwk } from '@latchkey/shared'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Agent, createAgent } from '../../device-agent/src/agent.ts'
import { DAY_FAILPOINTS } from '../../device-agent/src/day/disk-day-store.ts'
import { armFailpoint, type Failpoints, noFailpoints } from '../../device-agent/src/kernel/failpoint.ts'
import { KEYS_FAILPOINTS } from '../../device-agent/src/keys/pairing-state.ts'
import { OUTBOX_FAILPOINTS } from '../../device-agent/src/link/disk-outbox.ts'
import { SPOOL_FAILPOINTS } from '../../device-agent/src/spool/disk-spool.ts'
import { silentLog } from '../support/agent-rig.ts'
import { createSeededRandom, IS_FULL, tellSoak } from '../support/counts.ts'
import { createFakeRelay, type FakeRelay } from '../support/fake-relay.ts'
import { createHousehold, type Household, pairAsPhone } from '../support/household.ts'
import {
  assertOpens,
  assertWholeChain,
  assertWholeDays,
  assertWholeEvents,
  type HeldClip,
} from '../support/kill-checks.ts'
import { loadDurableSteps } from '../support/kill-failpoints.ts'
import { makeBusyVideo } from '../support/kill-scene.ts'
import { createTemporaryFolder } from '../support/temporary-folder.ts'
import { eventually } from '../support/poll.ts'

const SOURCE = new URL('../../device-agent/src', import.meta.url).pathname
const POINTS = [...KEYS_FAILPOINTS, ...SPOOL_FAILPOINTS, ...OUTBOX_FAILPOINTS, ...DAY_FAILPOINTS]
/** Of each stage a few: `agent-spool`, `agent-keys` and `agent-core-day` pass all of them, without a camera. */
const SAMPLE = 6

function sampleOf(points: readonly string[]): readonly string[] {
  if (IS_FULL) return points
  const random = createSeededRandom(55)
  return points
    .map((name) => ({ name, place: random(1 << 30) }))
    .sort((a, b) => a.place - b.place)
    .slice(0, SAMPLE)
    .map(({ name }) => name)
}

let folder: Awaited<ReturnType<typeof createTemporaryFolder>>
let video: string
beforeAll(async () => {
  folder = await createTemporaryFolder()
  video = await makeBusyVideo(folder.path, 1)
})
afterAll(() => folder[Symbol.asyncDispose]())

interface Setting {
  readonly dataDir: string
  readonly relay: FakeRelay
  readonly household: Household
  device: PublicJwk | null
}

function start(setting: Setting, failpoints: Failpoints): Promise<Agent> {
  const config = {
    dataDir: setting.dataDir,
    camera: { source: video, name: 'Front door', rate: 100 },
    relay: { origin: setting.relay.origin },
    clip: { preRollMs: 1_000, postRollMs: 1_000 },
    stopGraceMs: 0,
  }
  const searchPath = process.env['PATH'] ?? ''
  return createAgent(config, { failpoints, searchPath, log: silentLog, pairingPollMs: 5, retryBaseMs: 5 })
}

/** Pairs it if it is not, lets it see the whole recording, and waits until all of it has left. */
async function live(agent: Agent, setting: Setting, isDead: () => boolean): Promise<void> {
  const url = await eventually(() => {
    const { pairing } = agent.status()
    return isDead() || pairing.kind === 'paired' ? 'none' : pairing.url
  }, 'a pairing code')
  if (url !== 'none') {
    const { answer } = await pairAsPhone(setting.household, url)
    setting.device = deviceCertificate.parse(answer.deviceCertificate).payload.cnf.jwk
  }
  await Promise.race([agent.captured, eventually(isDead, 'its death', 60_000).catch(() => {})])
  await eventually(async () => isDead() || (await agent.drained(1_000)), 'everything to leave', 30_000)
}

/** Lives until the armed point ends it, or in order. The dead say nothing: at that point the relay goes away. */
async function dieAt(failpoints: Failpoints & { readonly reached: boolean }, setting: Setting): Promise<void> {
  const { relay } = setting
  const hit = (name: string): Promise<void> =>
    failpoints.hit(name).catch((error: unknown) => {
      relay.away = true
      relay.disconnect()
      throw error
    })
  const agent = await start(setting, { hit }).catch(() => null)
  if (agent !== null) {
    await live(agent, setting, () => failpoints.reached).catch(() => {})
    await Promise.resolve(agent[Symbol.asyncDispose]()).catch(() => {})
  }
  relay.away = false
}

function heldBy(relay: FakeRelay): HeldClip[] {
  return [...relay.clips].map(([clip, { manifest, descriptors, items }]) => ({
    clip,
    signed: manifest!,
    descriptors,
    bodies: descriptors.map(({ index }) => items.get(index)!),
  }))
}

describe('the agent that dies between two durable steps', () => {
  it.each(sampleOf(POINTS))(
    'records, tells and keeps everything once when it lives again: %s',
    async (name) => {
      await using relay = await createFakeRelay()
      const household = await createHousehold()
      const setting: Setting = { dataDir: `${folder.path}/${name}`, relay, household, device: null }
      const failpoints = armFailpoint(name, 'throw')
      await dieAt(failpoints, setting)
      expect(failpoints.reached).toBe(true)
      {
        const agent = await start(setting, noFailpoints)
        await live(agent, setting, () => false)
        await agent[Symbol.asyncDispose]()
      }
      {
        // What the last stop signed leaves with the next start.
        const agent = await start(setting, noFailpoints)
        await live(agent, setting, () => false)
        const clips = heldBy(relay)
        expect(clips.length).toBeGreaterThan(0)
        assertWholeChain(clips, setting.device!)
        for (const clip of clips) assertOpens(clip, household.recovery)
        const events = [...relay.events.values()].sort((a, b) => a.sequence - b.sequence)
        assertWholeEvents(events, clips)
        assertDaysSoFar(relay, events, clips)
        await agent[Symbol.asyncDispose]()
      }
    },
    120_000,
  )

  it('has a failpoint behind every durable step', async () => {
    const { steps, names } = await loadDurableSteps(SOURCE)
    expect(steps.length).toBeGreaterThanOrEqual(8)
    expect(steps.filter(({ hits }) => hits.length === 0)).toEqual([])
    const fixed = names.filter((name) => !name.includes('${'))
    expect(fixed.filter((name) => !POINTS.includes(name))).toEqual([])
    tellSoak({ what: 'failpoints of the composed agent', count: POINTS.length, outcome: 'every one recovered from' })
  })
})

/** Those that the relay has; what came after the last of them is not signed yet. */
function assertDaysSoFar(
  relay: FakeRelay,
  events: Parameters<typeof assertWholeEvents>[0],
  clips: readonly HeldClip[],
) {
  const spans = relay.days.map(
    (day) => JSON.parse(Buffer.from(day.split('.')[1]!, 'base64url').toString('utf8')) as Span,
  )
  const through = Math.max(...spans.map(({ latchkey }) => latchkey.events.last))
  const clipsThrough = Math.max(...spans.map(({ latchkey }) => latchkey.manifests.last))
  const signed = clips.filter((clip) => clip.signed.payload.latchkey.sequence <= clipsThrough)
  assertWholeDays(relay.days, events.slice(0, through), signed)
}

interface Span {
  readonly latchkey: { readonly events: { readonly last: number }; readonly manifests: { readonly last: number } }
}
