/** One clip from camera to court, without a person. Every party here uses only what it would have in the field. */
import { copyFile, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import {
  type ClipEntry,
  clipManifest,
  clipRequest,
  LatchkeyError,
  openFile,
  polygonContains,
  type PublicRequest,
  type Trust,
} from '@latchkey/shared'
import { createRelayClient } from '@latchkey/shared/client'
import { loadFfmpeg } from '../../device-agent/src/camera/ffmpeg-binary.ts'
import { systemClock } from '../../device-agent/src/kernel/clock.ts'
import type { StartOptions } from './arguments.ts'
import { recordCamera } from './camera-recording.ts'
import { createDataFolder, createWritableFolder } from './data-folder.ts'
import { BLOCK, CELL, HOME } from './demo-home.ts'
import { createDemoInvestigator, type DemoInvestigator } from './demo-investigator.ts'
import { createDemoOwner, type DemoOwner } from './demo-owner.ts'
import { DEMO_AGENCY, type DemoParties, loadDemoParties } from './demo-parties.ts'
import { type Doorbell, startDemoWorld, type DemoWorld } from './demo-world.ts'
import { latchkey } from './latchkey-command.ts'
import type { ProcessKeeper } from './managed-process.ts'
import { poll } from './poll.ts'
import { choosePort } from './port.ts'
import type { RecordingMeasure } from './recording-measure.ts'
import { createSteps, type Steps } from './steps.ts'

/** Recorded time runs at least this much faster than the clock; each frame is the same. */
const MIN_REPLAY_RATE = 6
const MAX_REPLAY_RATE = 1000
/** However long a video is, playing it takes about this long if the processor keeps up. */
const REPLAY_MS = 12_000
const CLIP_TIMEOUT_MS = 600_000
/** The doorbell's own; before it a video cannot trigger a clip. */
const PRE_ROLL_MS = 5000
/** After its end a file's last pictures are still being looked at. */
const AFTER_END_MS = 6000
const MINUTE_MS = 60_000

interface Folders {
  readonly out: string
  readonly source: string
  readonly bundle: string
  readonly trust: string
  readonly opened: string
  readonly requesterKey: string
  readonly recoveryKey: string
}

async function prepareFolders(out: string): Promise<Folders> {
  const folder = await createWritableFolder(out, '--out')
  if ((await readdir(folder)).length > 0)
    throw new LatchkeyError('USAGE', `${folder} is not empty; --out takes a new or empty folder`)
  const at = (name: string) => join(folder, name)
  return {
    out: folder,
    source: at('source.mp4'),
    bundle: at('bundle.zip'),
    trust: at('trust.json'),
    opened: at('opened'),
    requesterKey: at('requester.key'),
    recoveryKey: at('recovery.key'),
  }
}

interface Session {
  readonly folders: Folders
  readonly steps: Steps
  readonly world: DemoWorld
  readonly parties: DemoParties
  readonly owner: DemoOwner
  readonly investigator: DemoInvestigator
  readonly doorbell: Doorbell
}

/** A dead doorbell or relay is told at once, not after the last deadline. */
async function whileRunning<T>(world: DemoWorld, work: Promise<T>): Promise<T> {
  const ended = world.ended.then((line) => {
    throw new LatchkeyError('UNAVAILABLE', line)
  })
  return Promise.race([work, ended])
}

/** Whether there is no more to wait for: the video has ended and the doorbell has found nothing in it. */
function createNothingFound(doorbell: Doorbell): () => boolean {
  let endedMs = Infinity
  let recorded = false
  doorbell.listen((line) => {
    if (line.includes(' camera state=stopped')) endedMs = performance.now()
    if (line.includes(' clip recorded ')) recorded = true
  })
  return () => !recorded && performance.now() - endedMs > AFTER_END_MS
}

/** The first finished clip: later ones may go on with the same event, and have no pre-roll of their own. */
async function waitForClip({ owner, doorbell }: Session): Promise<ClipEntry> {
  const hasNothing = createNothingFound(doorbell)
  const sequenceOf = ({ manifest }: ClipEntry) => clipManifest.parse(manifest).payload.latchkey.sequence
  return poll('a recorded clip', { everyMs: 300, timeoutMs: CLIP_TIMEOUT_MS }, async () => {
    const clips = await owner.clips()
    const [first] = clips.toSorted((a, b) => sequenceOf(a) - sequenceOf(b))
    if (first !== undefined) return clipManifest.parse(first.manifest).payload.latchkey.open ? null : first
    if (hasNothing())
      throw new LatchkeyError('SOURCE_UNSUPPORTED', 'nothing moved in this video, so nothing was recorded: try another')
    return null
  })
}

/** When what started the clip happened: the meta item says, which only the household opens. */
async function loadTriggerMs({ parties, world }: Session, clip: ClipEntry): Promise<number> {
  const meta = clip.descriptors.find((item) => item.kind === 'meta')
  if (!meta) throw new LatchkeyError('INTERNAL', 'the clip has no meta item')
  const asMember = createRelayClient({ origin: world.origin, signer: parties.owner.signer, nowMs: Date.now })
  const sealed = await asMember.bytes('GET', `/v1/clips/${clip.clip}/items/${meta.index}`)
  const opened = JSON.parse(new TextDecoder().decode(openFile(sealed, parties.owner.identity))) as { triggerMs: number }
  return opened.triggerMs
}

/** What every phone of the cell does: fetch all, match at home, show only what concerns its own clips. */
async function matchAtHome(owner: DemoOwner, clip: ClipEntry, digest: string): Promise<PublicRequest> {
  const { startMs, endMs } = clipManifest.parse(clip.manifest).payload.latchkey
  const requests = await owner.requests(CELL)
  const matching = requests.filter((entry) => {
    const request = clipRequest.parse(entry.request)
    const [asked] = request.payload.authorization_details
    const inside = polygonContains(asked!.area, HOME)
    return inside && startMs <= asked!.window.endMs && endMs >= asked!.window.startMs && request.digest === digest
  })
  const [request] = matching
  if (!request) throw new LatchkeyError('NOT_FOUND', 'the phone found no request that matches its home and clips')
  return request
}

/** Windows are at least 15 minutes long and end now or earlier; a long video's beginning may lie hours back. */
function windowAround(clip: ClipEntry, nowMs: number): { startMs: number; endMs: number } {
  const { endMs } = clipManifest.parse(clip.manifest).payload.latchkey
  const untilMs = Math.min(nowMs, endMs + MINUTE_MS)
  return { startMs: untilMs - 20 * MINUTE_MS, endMs: untilMs }
}

/** @throws SOURCE_UNSUPPORTED when no clip can come of it */
function replayRate({ durationMs }: RecordingMeasure): number {
  if (durationMs < PRE_ROLL_MS)
    throw new LatchkeyError(
      'SOURCE_UNSUPPORTED',
      `the video is ${seconds(durationMs)} long; a clip begins ${seconds(PRE_ROLL_MS)} before what moves, so it takes more`,
    )
  return Math.min(MAX_REPLAY_RATE, Math.max(MIN_REPLAY_RATE, Math.ceil(durationMs / REPLAY_MS)))
}

function trustOf(world: DemoWorld, parties: DemoParties): Trust {
  return {
    v: 1,
    logs: [world.logVkey],
    witnesses: [],
    quorum: 0,
    agencies: [{ uri: DEMO_AGENCY.uri, keys: [parties.agency.jwk] }],
    relays: [{ origin: world.origin, jwk: world.relayJwk }],
    households: [parties.owner.rootSigner.urn],
  }
}

async function writeReport(session: Session, clip: ClipEntry, triggerMs: number): Promise<void> {
  const { startMs, endMs, items } = clipManifest.parse(clip.manifest).payload.latchkey
  const bytes = clip.descriptors.reduce((sum, item) => sum + item.payloadBytes, 0)
  const report = {
    steps: session.steps.records,
    clip: { items, bytes, startMs, endMs, preRollMs: triggerMs - startMs },
    paths: { source: session.folders.source, relayData: session.world.relayData, agentData: session.world.agentData },
  }
  await writeFile(join(session.folders.out, 'report.json'), `${JSON.stringify(report, null, 2)}\n`)
}

const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`

/**
 * Runs the whole path and leaves the evidence in `options.out`.
 * @throws what the first failing step throws, after everything started here was stopped
 */
export async function runWalkthrough(
  options: StartOptions & { readonly out: string },
  { keeper, print }: { keeper: ProcessKeeper; print: (line: string) => void },
): Promise<void> {
  const steps = createSteps(print)
  const folders = await prepareFolders(options.out)
  const data = await createDataFolder(options.data)
  const ffmpeg = await loadFfmpeg({
    configuredPath: process.env['LATCHKEY_FFMPEG'],
    searchPath: process.env['PATH'] ?? '',
    clock: systemClock,
  })
  const rate = await steps.run(
    'camera',
    options.camera === null ? 'Camera: draw a doorstep that needs no hardware' : 'Camera: take the real video',
    async (say) => {
      const recording = await recordCamera(options.camera, folders.source, { ffmpeg, say })
      say(`${seconds(recording.durationMs)} of video`)
      return replayRate(recording)
    },
  )
  // A folder of its own per run, outside `out`: what the two machines hold must not lie beside the keys.
  const folder = join(data, `walkthrough-${Date.now()}`)
  const parties = await steps.run('keys', 'Keys: owner, agency, investigator, each their own', () =>
    loadDemoParties(join(folders.out, 'parties')),
  )
  await copyFile(parties.keyFiles.recovery, folders.recoveryKey)
  await copyFile(parties.keyFiles.requester, folders.requesterKey)

  const world = await steps.run('relay', 'Relay: PostgreSQL, item store, MQTT broker, log', async (say) => {
    const port = await choosePort(options.port ?? 0, say)
    const { doorbell } = options
    // Nobody waits ten minutes in a demonstration for what nobody is going to take back.
    return startDemoWorld({ folder, port, operator: parties.operator.jwk, keeper, doorbell, undoSeconds: 0 })
  })
  const owner = createDemoOwner({ keys: parties.owner, relay: world.origin, nowMs: Date.now })
  const investigator = createDemoInvestigator({ keys: parties, relay: world.origin, nowMs: Date.now })
  const trust = trustOf(world, parties)
  await writeFile(folders.trust, `${JSON.stringify(trust, null, 2)}\n`)

  const doorbell = await steps.run('pair', 'Pairing: phone and doorbell authenticate each other', async (say) => {
    await owner.enrol(CELL)
    const started = await world.startAgent({ path: folders.source, loop: false, rate })
    if (started.pairingUrl === null) throw new LatchkeyError('INTERNAL', 'a new doorbell says it is paired')
    say(`both show ${await owner.pair(started.pairingUrl)}`)
    return started
  })
  const session: Session = { folders, steps, world, parties, owner, investigator, doorbell }
  const { clip, triggerMs } = await steps.run('record', 'Motion, clip, seal, spool, upload', async (say) => {
    const found = await whileRunning(world, waitForClip(session))
    const { startMs, endMs, items } = clipManifest.parse(found.manifest).payload.latchkey
    const at = await loadTriggerMs(session, found)
    say(`${items} sealed items, ${seconds(endMs - startMs)}, pre-roll ${seconds(at - startMs)}`)
    say('the relay can open none of them')
    return { clip: found, triggerMs: at }
  })
  const request = await steps.run('request', 'Request: a named investigator asks in public', async (say) => {
    await investigator.enrolAgency()
    const window = windowAround(clip, Date.now())
    const question = { window, area: BLOCK, policy: world.policy, caseNumber: 'DEMO-2026-0001' }
    const digest = await investigator.ask(question)
    say(`logged as ${digest}; the relay told nobody, every phone of cell ${CELL} fetches it`)
    return matchAtHome(owner, clip, digest)
  })
  await steps.run('consent', 'Consent: the owner reads these words and signs', async (say) => {
    const decision = {
      clip,
      request,
      agencyName: DEMO_AGENCY.name,
      policy: world.policy,
      purpose: 'case-investigation',
      seen: null,
    }
    const { notice } = await owner.share(decision)
    for (const line of notice.trimEnd().split('\n')) say(`| ${line}`)
  })
  const answer = await steps.run('release', 'Release: one of three downloads, logged first', async (say) => {
    const received = await investigator.receive(clipRequest.parse(request.request).digest)
    await writeFile(folders.bundle, received.bundle)
    say(`bundle.zip, ${(received.bundle.length / 1e6).toFixed(1)} MB`)
    return received
  })
  await steps.run('open', 'Open: verify, decrypt, the bit-exact original and a working copy', async (say) => {
    const args = ['--key', folders.requesterKey, '--trust', folders.trust, '--out', folders.opened]
    for (const line of latchkey('open', folders.bundle, ...args)
      .trimEnd()
      .split('\n'))
      say(line)
  })
  await steps.run('receipt', 'Receipt: the investigator signs what arrived', () =>
    investigator.acknowledge(answer, trust),
  )
  await steps.run('stop', 'Doorbell and relay stop; the next step needs neither', () => keeper.stopAll())
  await steps.run('verify', 'Verify offline', async (say) => {
    const args = ['--trust', folders.trust, '--key', folders.requesterKey]
    for (const line of latchkey('verify', folders.bundle, ...args)
      .trimEnd()
      .split('\n'))
      say(line)
  })
  await writeReport(session, clip, triggerMs)
  print(`\nDone. In ${folders.out}:`)
  print('  bundle.zip, trust.json, requester.key      latchkey verify bundle.zip --trust trust.json')
  print('  opened/original.mp4                        plays in any player')
  print("  recovery.key                               opens the household's clips, not the bundle")
  print(`What relay and doorbell kept lies in ${folder}; it may be deleted.`)
}
