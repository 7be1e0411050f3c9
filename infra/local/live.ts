/** `npm start`: a relay and a doorbell that stay up until Ctrl-C. */
import { existsSync } from 'node:fs'
import { mkdir, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { LatchkeyError } from '@latchkey/shared'
import { loadFfmpeg } from '../../device-agent/src/camera/ffmpeg-binary.ts'
import { isLive } from '../../device-agent/src/camera/source.ts'
import { systemClock } from '../../device-agent/src/kernel/clock.ts'
import type { StartOptions } from './arguments.ts'
import { type AppName, buildApp } from '../../relay/web/build.ts'
import { serveApp } from '../../relay/web/static-server.ts'
import { drawQrCode } from '../../device-agent/src/commands/setup/qr-code.ts'
import { loadCameraSource, recordCamera } from './camera-recording.ts'
import { createDataFolder } from './data-folder.ts'
import { CELL } from './demo-home.ts'
import { startDemoRecord } from './demo-record.ts'
import { createDemoOwner } from './demo-owner.ts'
import { createDemoInvestigator } from './demo-investigator.ts'
import { type DemoParties, loadDemoParties } from './demo-parties.ts'
import {
  type DemoCamera,
  type DemoWorld,
  type FormerPorts,
  loadFormerPorts,
  type ServedApp,
  startDemoWorld,
} from './demo-world.ts'
import type { ProcessKeeper } from './managed-process.ts'
import { choosePort } from './port.ts'

const HOST = '127.0.0.1'
const USUAL_PORT = 8377
const USUAL_RECORD_PORT = 8380
/** What a browser opens, in the order in which an earlier run remembers their ports. */
const APPS = [
  { name: 'owner', usualPort: 8378 },
  { name: 'desk', usualPort: 8379 },
] as const

/** A live camera as it is; a file, or the drawn scene, in a loop at its own pace. */
async function liveCamera(camera: string | null, folder: string, print: (line: string) => void): Promise<DemoCamera> {
  if (camera !== null && isLive(await loadCameraSource(camera))) return { live: camera }
  const path = join(folder, camera === null ? 'doorstep.mp4' : 'camera.mp4')
  if (camera === null && existsSync(path)) return { path, loop: true, rate: 1 }
  const ffmpeg = await loadFfmpeg({
    configuredPath: process.env['LATCHKEY_FFMPEG'],
    searchPath: process.env['PATH'] ?? '',
    clock: systemClock,
  })
  print(camera === null ? 'Drawing a doorstep that needs no hardware…' : 'Preparing the video…')
  await recordCamera(camera, `${path}.part`, { ffmpeg, say: print })
  await rename(`${path}.part`, path)
  return { path, loop: true, rate: 1 }
}

/** Relay and doorbell know each other by the address they were paired at. */
function livePort(asked: number | null, former: FormerPorts | null, folder: string, print: (line: string) => void) {
  if (former !== null && asked !== null && asked !== 0 && asked !== former.relay)
    throw new LatchkeyError(
      'USAGE',
      `what lies in ${folder} was paired at port ${former.relay}: leave --port out, or take another --data`,
    )
  return choosePort(former?.relay ?? asked ?? USUAL_PORT, print)
}

/**
 * Builds and serves the web apps, each beside the relay's usual port, or on any free one beside an unusual one.
 * @param relay its origin, which they may call
 */
async function serveApps(
  stack: AsyncDisposableStack,
  at: { asked: number | null; former: FormerPorts | null; relay: string },
  print: (line: string) => void,
): Promise<Record<AppName, ServedApp>> {
  const serve = async (i: number): Promise<ServedApp> => {
    const { name, usualPort } = APPS[i]!
    const folder = await buildApp(name, print)
    const port = await choosePort(at.former?.apps[i] ?? (at.asked === null ? usualPort : 0), print)
    const { origin } = stack.use(await serveApp({ folder, host: HOST, port, relayOrigins: [at.relay] }))
    return { name, origin, folder }
  }
  return { owner: await serve(0), desk: await serve(1) }
}

/** Nobody keeps keys for this address: beside usual ports the usual one, else any free one. */
function recordPort(asked: number | null, former: FormerPorts | null, print: (line: string) => void) {
  const isUsual = asked === null && (former === null || former.relay === USUAL_PORT)
  return choosePort(isUsual ? USUAL_RECORD_PORT : 0, print)
}

interface Places {
  readonly folder: string
  readonly secrets: string
  readonly apps: Record<AppName, ServedApp>
  readonly record: string
  readonly parties: DemoParties
  /** As it was asked for; `null` for the usual one. */
  readonly data: string | null
}

function describe(world: DemoWorld, places: Places): string {
  const { owner, desk } = places.apps
  const onData = places.data === null ? '' : ` --data ${places.data}`
  return `
Latchkey is running. Ctrl-C stops it without loss.

  phone app    ${owner.origin}
  desk         ${desk.origin}/#relay=${world.origin}   (the investigator's; its demo keys: below)
  public       ${places.record}   (what agencies ask, the rules, the log: for everyone to read)
  relay        ${world.origin}   (documentation: ${world.origin}/v1/openapi.json, log: ${world.origin}/log/checkpoint)
  health       ${world.operatorOrigin}/readyz   metrics: ${world.operatorOrigin}/metrics
  doorbell     records what moves, seals it in memory, uploads it; nobody but its owner can open it
  data         ${places.folder}
  demo secrets ${places.secrets}   (agency, requester, operator: on this disk because it is a demo)
  logs         ${world.logs}

What to do next
  be asked for a clip               npm start -- --ask --at LAT,LON${onData}   (in another terminal; the place of your door)
  ask as the demo's investigator    open the desk, “I have key files”, and choose the three files (not enrolment.json) in
                                    ${places.parties.folders.requester}
  see one clip go all the way       npm start -- --walkthrough --out /tmp/case
  use another camera                npm start -- --camera FILE|rtsp://…|/dev/video0
  every command                     node_modules/.bin/node shared/bin/latchkey.ts --help
`
}

/** An unpaired doorbell records nothing: this is the first thing to do. */
function describePairing(url: string): string {
  return `
The doorbell waits for its owner. To become that, open this address in a browser on this computer (good for 15 minutes;
then a new one is printed). Whoever opens it first is the owner: show it to nobody.

  ${url}

${terminalQr(url)}`
}

/** For a browser's camera on this desk; nothing where the output is no terminal that could show it. */
function terminalQr(url: string): string {
  const { isTTY, columns } = process.stdout
  if (!isTTY) return ''
  const unicode = /UTF-?8/i.test(process.env['LC_ALL'] ?? process.env['LC_CTYPE'] ?? process.env['LANG'] ?? '')
  const rows = drawQrCode(url, { columns, unicode, colour: process.env['NO_COLOR'] === undefined })
  return rows === null ? '' : `${rows.map((row) => `  ${row}`).join('\n')}\n`
}

/** What of a doorbell's log a person at the terminal wants to see. */
const NEWS = / (camera state=|clip recorded|a clip was given up|recording stumbled)|^Paired\. /
const PAIRING_URL = /https?:\/\/\S+\/pair#\S+/

/**
 * Starts everything and shows how to become the owner; ends only when the relay or the doorbell does.
 * @returns exit code
 */
export async function runLive(
  options: StartOptions,
  { keeper, print }: { keeper: ProcessKeeper; print: (line: string) => void },
): Promise<number> {
  const data = await createDataFolder(options.data)
  const folder = join(data, 'demo')
  const secrets = join(data, 'demo-secrets')
  await mkdir(folder, { recursive: true })
  const camera = await liveCamera(options.camera, folder, print)
  const parties = await loadDemoParties(secrets)
  const former = await loadFormerPorts(folder)
  const port = await livePort(options.port, former, folder, print)
  await using stack = new AsyncDisposableStack()
  const apps = await serveApps(stack, { asked: options.port, former, relay: `http://${HOST}:${port}` }, print)
  print('Starting the relay and the doorbell…')
  const operator = parties.operator.jwk
  const world = await startDemoWorld({ folder, port, operator, keeper, apps: [apps.owner, apps.desk] })
  await createDemoInvestigator({ keys: parties, relay: world.origin, nowMs: Date.now }).enrolAgency()
  await using record = await startDemoRecord(world, { port: await recordPort(options.port, former, print), say: print })
  const doorbell = await world.startAgent(camera)
  if (doorbell.pairingUrl !== null && options.demoOwner) {
    const owner = createDemoOwner({ keys: parties.owner, relay: world.origin, nowMs: Date.now })
    await owner.enrol(CELL)
    print(`Paired the demo owner; phone and doorbell both show ${await owner.pair(doorbell.pairingUrl)}`)
  }
  print(describe(world, { folder, secrets, apps, record: record.origin, parties, data: options.data }))
  doorbell.listen((line) => {
    const url = PAIRING_URL.exec(line)?.[0]
    if (url !== undefined && !options.demoOwner) print(describePairing(url))
    else if (NEWS.test(line)) print(line)
  })
  print(await world.ended)
  await keeper.stopAll()
  return 1
}
