import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { expect, test } from 'vitest'
import { openDiskOutbox } from '../../device-agent/src/link/disk-outbox.ts'
import { FRUGAL } from '../../infra/local/demo-world.ts'
import { clipId, TEST_CLOCK } from '../support/agent-rig.ts'
import { IS_FULL, runs, tellSoak } from '../support/counts.ts'
import { createFakeRelay, type FakeRelay } from '../support/fake-relay.ts'
import { createHousehold, pairAsPhone, pairingAddress } from '../support/household.ts'
import { type AgentProcess, startAgentProcess } from '../support/kill-agent-process.ts'
import { makeBusyVideo } from '../support/kill-scene.ts'
import { createMemoryFolder } from '../support/memory-folder.ts'
import { slopeOf } from '../support/memory-watch.ts'
import { eventually } from '../support/poll.ts'

/** Events that wait when the agent starts: as many as its queue holds, in full. */
const QUEUED = runs(300, 50_000)
/** Visitors who pass, one after the other, while memory is watched. */
const CLIPS = runs(6, 600)
/** Faster than time, and in full no faster than what was recorded is uploaded: clips that wait take memory too. */
const RATE = runs(60, 15)
/** Of a run's samples, these say nothing: caches fill and code is compiled. */
const WARM_UP_SHARE = 1 / 3
/** What the line through the rest may rise over all of them: a collection more or less, of some 120 MiB. */
const RISE_LIMIT_MIB = 4
const PEAK_LIMIT_MIB = 256
const TIMEOUT_MS = runs(60_000, 3_600_000)

async function writeConfig(folder: string, relay: FakeRelay, visits: number): Promise<string> {
  const config = {
    dataDir: join(folder, 'agent'),
    camera: { source: await makeBusyVideo(folder, visits), name: 'Front door', rate: RATE },
    relay: { origin: relay.origin },
    clip: { preRollMs: 1_000, postRollMs: 1_000, maxClipMs: 4_000 },
    stopGraceMs: 60_000,
    log: { format: 'json' },
  }
  const path = join(folder, 'agent.json')
  await writeFile(path, JSON.stringify(config))
  return path
}

async function pair(agent: AgentProcess): Promise<void> {
  const url = await pairingAddress(() => agent.output())
  await pairAsPhone(await createHousehold(), url)
}

/** Of the agent's own process, MiB: `VmRSS` now, `VmHWM` at its highest. */
async function memoryMib({ child }: AgentProcess, what: 'VmRSS' | 'VmHWM'): Promise<number> {
  const status = await readFile(`/proc/${child.pid}/status`, 'utf8')
  return Number(new RegExp(`^${what}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1]) / 1024
}

/** What an agent has said so far, counted as it comes: its log grows long. */
function hearAgent({ child }: AgentProcess) {
  const heard = { clips: 0, hasPlayed: false }
  createInterface({ input: child.stdout! }).on('line', (line) => {
    if (line.includes('"clip recorded"')) heard.clips++
    if (line.includes('"state":"stopped"')) heard.hasPlayed = true
  })
  return heard
}

/** Events that nobody could tell of yet, in a stopped agent's outbox. Returns their ids, oldest first. */
async function queueEvents(folder: string): Promise<string[]> {
  await using outbox = await openDiskOutbox({
    path: join(folder, 'agent/events/outbox.log'),
    stamp: () => ({ boot: clipId(7), monotonicMs: 1, clock: TEST_CLOCK }),
    maximumEvents: QUEUED,
  })
  const ids: string[] = []
  for (let n = 1; n <= QUEUED; n++) {
    const { id } = await outbox.append({ type: 'motion', event: clipId(n % 200), atMs: 1_750_000_000_000 + n })
    ids.push(id)
  }
  return ids
}

/** Everything that was queued arrived, once, in its order. */
function assertSent(relay: FakeRelay, queued: readonly string[]): void {
  const places = new Map([...relay.events.values()].map(({ id }, place) => [id, place]))
  expect(places.size).toBe(relay.events.size)
  expect(queued.filter((id) => !places.has(id))).toEqual([])
  const order = queued.map((id) => places.get(id)!)
  expect(order).toEqual(order.toSorted((a, b) => a - b))
}

/** Clips of which the relay has everything; their items are not looked at again. */
function takeFinished(relay: FakeRelay): number {
  const finished = [...relay.clips.values()].filter(({ manifest }) => manifest?.payload.latchkey.open === false)
  for (const { items } of finished) items.clear()
  return finished.length
}

interface Sample {
  readonly clips: number
  readonly mib: number
}

/** Until the visitors have passed, and the relay has `events` and every clip: memory with each clip. */
async function watchMemory(agent: AgentProcess, relay: FakeRelay, events: number): Promise<Sample[]> {
  const samples: Sample[] = []
  const heard = hearAgent(agent)
  let clips = 0
  await eventually(
    async () => {
      if (agent.child.exitCode !== null) throw new Error(`the agent ended by itself: ${agent.output().slice(-2_000)}`)
      if (heard.clips > clips) {
        clips = heard.clips
        takeFinished(relay)
        samples.push({ clips, mib: await memoryMib(agent, 'VmRSS') })
      }
      return heard.hasPlayed && relay.events.size >= events && takeFinished(relay) >= clips
    },
    'the visitors to pass and the queue to leave',
    TIMEOUT_MS,
  )
  return samples
}

/** An agent that was paired before, and then stopped. */
async function pairAgent(config: string): Promise<void> {
  const agent = startAgentProcess(config, FRUGAL)
  await pair(agent)
  await agent.recording()
  expect(await agent.stop()).toBe(0)
}

test(
  `started as the package starts it, the agent sends ${QUEUED} queued events`,
  async () => {
    await using folder = await createMemoryFolder()
    await using relay = await createFakeRelay()
    const config = await writeConfig(folder.path, relay, 1)
    await pairAgent(config)
    relay.events.clear()
    const queued = await queueEvents(folder.path)
    const agent = startAgentProcess(config, FRUGAL)
    await watchMemory(agent, relay, QUEUED)
    const peakMib = await memoryMib(agent, 'VmHWM')
    expect(await agent.stop()).toBe(0)
    assertSent(relay, queued)
    expect(peakMib).toBeLessThan(PEAK_LIMIT_MIB)
    tellSoak({
      what: 'queued events that a starting agent with a heap of 160 MB sends',
      count: QUEUED,
      outcome: `all, each once and in order; ${peakMib.toFixed(0)} MiB at most`,
    })
  },
  TIMEOUT_MS + 60_000,
)

test(
  `started as the package starts it, ${CLIPS} visitors leave nothing in the agent's memory`,
  async () => {
    await using folder = await createMemoryFolder()
    await using relay = await createFakeRelay()
    const config = await writeConfig(folder.path, relay, CLIPS)
    await pairAgent(config)
    const agent = startAgentProcess(config, FRUGAL)
    const samples = await watchMemory(agent, relay, 0)
    expect(await agent.stop()).toBe(0)
    const clips = takeFinished(relay)
    expect(clips).toBe(relay.clips.size)
    expect(clips).toBeGreaterThanOrEqual(CLIPS / 2)
    const warm = samples.slice(Math.floor(samples.length * WARM_UP_SHARE))
    expect(warm.length).toBeGreaterThanOrEqual(CLIPS / 3)
    const [oldest, newest] = [warm[0]!, warm.at(-1)!]
    const riseMib = slopeOf(warm.map((sample) => [sample.clips, sample.mib])) * (newest.clips - oldest.clips)
    // So few clips end before memory has found its size.
    if (IS_FULL) expect(riseMib).toBeLessThan(RISE_LIMIT_MIB)
    tellSoak({
      what: 'clips of one agent as the package starts it, and its resident memory',
      count: clips,
      outcome: `a line through the samples after warm-up rises by ${riseMib.toFixed(1)} MiB over all of them, at ${newest.mib.toFixed(0)} MiB`,
    })
  },
  TIMEOUT_MS + 60_000,
)
