/** One clip from camera to court, without a person. Every party here uses only what it would have in the field. */
import { copyFile, mkdir, readdir, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
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
import { createRelayClient } from '@latchkey/shared/node'
import { loadFfmpeg } from '../../device-agent/src/camera/ffmpeg-binary.ts'
import { systemClock } from '../../device-agent/src/kernel/clock.ts'
import type { StartOptions } from './arguments.ts'
import { recordCamera } from './camera-recording.ts'
import { BLOCK, CELL, HOME } from './demo-home.ts'
import { createDemoInvestigator, type DemoInvestigator } from './demo-investigator.ts'
import { createDemoOwner, type DemoOwner } from './demo-owner.ts'
import { DEMO_AGENCY, type DemoParties, loadDemoParties } from './demo-parties.ts'
import { defaultDataFolder, startDemoWorld, type DemoWorld } from './demo-world.ts'
import { latchkey } from './latchkey-command.ts'
import { poll } from './poll.ts'
import { createSteps, type Steps } from './steps.ts'

/** Recorded time runs this much faster than the clock; each frame is the same. */
const REPLAY_RATE = 6
const CLIP_TIMEOUT_MS = 240_000
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
  const folder = resolve(out)
  await mkdir(folder, { recursive: true, mode: 0o700 })
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
}

/** A finished clip, and when what started it happened (from the meta item, which only the household opens). */
/** A dead doorbell or relay is told at once, not after the last deadline. */
async function whileRunning<T>(world: DemoWorld, work: Promise<T>): Promise<T> {
  const ended = world.ended.then((line) => {
    throw new LatchkeyError('UNAVAILABLE', line)
  })
  return Promise.race([work, ended])
}

async function waitForClip({ owner, parties, world }: Session): Promise<{ clip: ClipEntry; triggerMs: number }> {
  const clip = await poll(
    'a recorded clip (did anything move?)',
    { everyMs: 300, timeoutMs: CLIP_TIMEOUT_MS },
    async () => {
      const clips = await owner.clips()
      return clips.find((entry) => !clipManifest.parse(entry.manifest).payload.latchkey.open) ?? null
    },
  )
  const meta = clip.descriptors.find((item) => item.kind === 'meta')
  if (!meta) throw new LatchkeyError('INTERNAL', 'the clip has no meta item')
  const asMember = createRelayClient({ origin: world.origin, signer: parties.owner.signer, nowMs: Date.now })
  const sealed = await asMember.bytes('GET', `/v1/clips/${clip.clip}/items/${meta.index}`)
  const opened = JSON.parse(new TextDecoder().decode(openFile(sealed, parties.owner.identity))) as { triggerMs: number }
  return { clip, triggerMs: opened.triggerMs }
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

/** Windows are at least 15 minutes long and end now or earlier. */
function windowAround(clip: ClipEntry, nowMs: number): { startMs: number; endMs: number } {
  const { startMs } = clipManifest.parse(clip.manifest).payload.latchkey
  return { startMs: Math.min(startMs - MINUTE_MS, nowMs - 20 * MINUTE_MS), endMs: nowMs }
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
  print: (line: string) => void,
): Promise<void> {
  const steps = createSteps(print)
  const folders = await prepareFolders(options.out)
  const ffmpeg = await loadFfmpeg({
    configuredPath: process.env['LATCHKEY_FFMPEG'],
    searchPath: process.env['PATH'] ?? '',
    clock: systemClock,
  })
  await steps.run(
    'camera',
    options.camera === null ? 'Camera: draw a doorstep that needs no hardware' : 'Camera: take the real video',
    (say) => recordCamera(options.camera, folders.source, { ffmpeg, say }),
  )
  // A folder of its own per run, outside `out`: what the two machines hold must not lie beside the keys.
  const folder = join(options.data ?? defaultDataFolder(), `walkthrough-${Date.now()}`)
  const parties = await steps.run('keys', 'Keys: owner, agency, investigator, each their own', () =>
    loadDemoParties(join(folders.out, 'parties')),
  )
  await copyFile(parties.keyFiles.recovery, folders.recoveryKey)
  await copyFile(parties.keyFiles.requester, folders.requesterKey)

  await using world = await steps.run('relay', 'Relay: PostgreSQL, item store, MQTT broker, log', () =>
    startDemoWorld({ folder, port: options.port, operator: parties.operator.jwk }),
  )
  const owner = createDemoOwner({ keys: parties.owner, relay: world.origin, nowMs: Date.now })
  const investigator = createDemoInvestigator({ keys: parties, relay: world.origin, nowMs: Date.now })
  const session: Session = { folders, steps, world, parties, owner, investigator }
  const trust = trustOf(world, parties)
  await writeFile(folders.trust, `${JSON.stringify(trust, null, 2)}\n`)

  await steps.run('pair', 'Pairing: phone and doorbell authenticate each other', async (say) => {
    await owner.enrol(CELL)
    const pairingUrl = await world.startAgent({ path: folders.source, loop: false, rate: REPLAY_RATE })
    if (pairingUrl === null) throw new LatchkeyError('INTERNAL', 'a new doorbell says it is paired')
    say(`both show ${await owner.pair(pairingUrl)}`)
  })
  const { clip, triggerMs } = await steps.run('record', 'Motion, clip, seal, spool, upload', async (say) => {
    const found = await whileRunning(world, waitForClip(session))
    const { startMs, endMs, items } = clipManifest.parse(found.clip.manifest).payload.latchkey
    say(
      `${items} sealed items, ${seconds(endMs - startMs)}, pre-roll ${seconds(found.triggerMs - startMs)}; the relay can open none of them`,
    )
    return found
  })
  const request = await steps.run('request', 'Request: a named investigator asks in public', async (say) => {
    await investigator.enrolAgency()
    const digest = await investigator.ask({ window: windowAround(clip, Date.now()), area: BLOCK, policy: world.policy })
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
  await steps.run('stop', 'Doorbell and relay stop; the next step needs neither', () => world.stop())
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
}
