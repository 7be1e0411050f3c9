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
import { createTemporaryFolder } from '../support/temporary-folder.ts'
import { type HeldMemory, slopeOf } from '../support/memory-watch.ts'
import { eventually } from '../support/poll.ts'

/** Events that wait when the agent starts: as many as its queue holds, in full. */
const QUEUED = runs(300, 50_000)
/** Visitors who pass, one after the other, while memory is watched. */
const CLIPS = runs(6, 600)
/** Faster than time, and in full no faster than what was recorded is uploaded: clips that wait take memory too. */
const RATE = runs(60, 15)
/** From one look at the memory to the next. */
const CLIPS_PER_SAMPLE = runs(2, 10)
/** Of a run's samples, these say nothing: caches fill and code is compiled. */
const WARM_UP_SHARE = 1 / 3
/** Compiling goes on for most of a run: what resident memory does is asked of the rest alone. */
const COMPILING_SHARE = 2 / 3
/** What it may rise by then: a collection more or less, of some 140 MiB. */
const RISE_LIMIT_MIB = 2
/**
 * What objects and buffers may grow by with each clip, and malloc's only arena. A clip leaves its event, and every other
 * one the motion that began it: 0.6 KiB each, kept until a day record covers them. The smallest manifest takes more.
 */
const CLIP_LIMIT_BYTES = 2_048
/** What compiled code may grow by in all: without the optimising compilers resident memory does not rise from clip to clip. */
const CODE_LIMIT_MIB = 4
/** Whole pages, some never quite full, and whatever else the system counts. */
const RESIDENT_LIMIT_MIB = 160
const PEAK_LIMIT_MIB = 256
const MEMORY_PROBE = new URL('../support/memory-probe.ts', import.meta.url).href
/** As the package starts it, and what it loads as it lies there. */
const SHIPPED = { ...FRUGAL, environment: { ...FRUGAL.environment, NODE_OPTIONS: '' } }
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

/** Of the agent's process: what malloc has of small pieces, in one arena as the package asks for it. */
async function arenaBytes({ child }: AgentProcess): Promise<number> {
  const maps = await readFile(`/proc/${child.pid}/smaps`, 'utf8')
  return Number(/ \[heap\]$[^]*?^Rss:\s+(\d+) kB$/m.exec(maps)?.[1]) * 1024
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

/** Until the visitors have passed, and the relay has `events` and every clip. `look` is called now and then with the number of clips. */
async function watchAgent(
  agent: AgentProcess,
  relay: FakeRelay,
  { events, look }: { events: number; look?: (clips: number) => Promise<void> },
): Promise<void> {
  const heard = hearAgent(agent)
  let lookedAt = 0
  await eventually(
    async () => {
      if (agent.child.exitCode !== null) throw new Error(`the agent ended by itself: ${agent.output().slice(-2_000)}`)
      if (heard.clips >= lookedAt + CLIPS_PER_SAMPLE) {
        lookedAt = heard.clips
        takeFinished(relay)
        await look?.(lookedAt)
      }
      return heard.hasPlayed && relay.events.size >= events && takeFinished(relay) >= heard.clips
    },
    'the visitors to pass and the queue to leave',
    TIMEOUT_MS,
  )
}

interface Sample {
  readonly clips: number
  readonly held: HeldMemory
  readonly arena: number
  readonly residentMib: number
}

/** Memory of an agent with the probe, each time right after a collection. */
function createScale(agent: AgentProcess) {
  const answers: HeldMemory[] = []
  createInterface({ input: agent.child.stderr! }).on('line', (line) => {
    const answer = /^held (.+)$/.exec(line)
    if (answer) answers.push(JSON.parse(answer[1]!) as HeldMemory)
  })
  return async (clips: number): Promise<Sample> => {
    const before = answers.length
    agent.child.kill('SIGUSR2')
    await eventually(() => answers.length > before, 'the agent to say what it holds')
    const residentMib = await memoryMib(agent, 'VmRSS')
    return { clips, held: answers.at(-1)!, arena: await arenaBytes(agent), residentMib }
  }
}

/** What the samples from `share` of them on rise by with each clip, and in all of them together. */
function riseOf(samples: readonly Sample[], measure: (sample: Sample) => number, share = WARM_UP_SHARE) {
  const warm = samples.slice(Math.floor(samples.length * share))
  const perClip = slopeOf(warm.map((sample) => [sample.clips, measure(sample)]))
  return { perClip, mib: (perClip * (warm.at(-1)!.clips - warm[0]!.clips)) / 1024 ** 2 }
}

/** An agent that was paired before, and then stopped. */
async function pairAgent(config: string): Promise<void> {
  const agent = startAgentProcess(config, SHIPPED)
  await pair(agent)
  await agent.recording()
  expect(await agent.stop()).toBe(0)
}

test(
  `started as the package starts it, the agent sends ${QUEUED} queued events`,
  async () => {
    await using folder = await createTemporaryFolder()
    await using relay = await createFakeRelay()
    const config = await writeConfig(folder.path, relay, 1)
    await pairAgent(config)
    relay.events.clear()
    const queued = await queueEvents(folder.path)
    const agent = startAgentProcess(config, SHIPPED)
    await watchAgent(agent, relay, { events: QUEUED })
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
    await using folder = await createTemporaryFolder()
    await using relay = await createFakeRelay()
    const config = await writeConfig(folder.path, relay, CLIPS)
    await pairAgent(config)
    const nodeFlags = [...FRUGAL.nodeFlags, '--import', MEMORY_PROBE]
    const agent = startAgentProcess(config, { ...SHIPPED, nodeFlags })
    const weigh = createScale(agent)
    const samples: Sample[] = []
    const look = async (seen: number): Promise<void> => void samples.push(await weigh(seen))
    await watchAgent(agent, relay, { events: 0, look })
    expect(await agent.stop()).toBe(0)
    const clips = takeFinished(relay)
    expect(clips).toBe(relay.clips.size)
    expect(clips).toBeGreaterThanOrEqual(CLIPS / 2)
    expect(samples.length).toBeGreaterThanOrEqual(CLIPS / CLIPS_PER_SAMPLE / 3)
    const data = riseOf(samples, ({ held }) => held.data)
    const arena = riseOf(samples, (sample) => sample.arena)
    const code = riseOf(samples, ({ held }) => held.code)
    const residentMib = Math.max(...samples.map((sample) => sample.residentMib))
    const resident = riseOf(samples, (sample) => sample.residentMib * 1024 ** 2, COMPILING_SHARE)
    expect(residentMib).toBeLessThan(RESIDENT_LIMIT_MIB)
    // So few clips end before memory has found its size.
    if (IS_FULL) {
      expect(data.perClip).toBeLessThan(CLIP_LIMIT_BYTES)
      expect(arena.perClip).toBeLessThan(CLIP_LIMIT_BYTES)
      expect(code.mib).toBeLessThan(CODE_LIMIT_MIB)
      expect(resident.mib).toBeLessThan(RISE_LIMIT_MIB)
    }
    tellSoak({
      what: 'clips of one agent as the package starts it, and its memory after each collection',
      count: clips,
      outcome: `with each clip ${data.perClip.toFixed(0)} bytes of objects and buffers, its event among them, and ${arena.perClip.toFixed(0)} of malloc's arena; compiled code ${code.mib.toFixed(1)} MiB in all; ${residentMib.toFixed(0)} MiB resident at most`,
    })
  },
  TIMEOUT_MS + 60_000,
)
