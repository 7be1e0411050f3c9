/** `npm start`: a relay and a doorbell that stay up until Ctrl-C. */
import { existsSync } from 'node:fs'
import { mkdir, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { LatchkeyError } from '@latchkey/shared'
import { loadFfmpeg } from '../../device-agent/src/camera/ffmpeg-binary.ts'
import { isLive } from '../../device-agent/src/camera/source.ts'
import { systemClock } from '../../device-agent/src/kernel/clock.ts'
import type { StartOptions } from './arguments.ts'
import { loadCameraSource, recordCamera } from './camera-recording.ts'
import { createDataFolder } from './data-folder.ts'
import { CELL } from './demo-home.ts'
import { createDemoOwner } from './demo-owner.ts'
import { loadDemoParties } from './demo-parties.ts'
import { type DemoCamera, type DemoWorld, loadFormerPort, startDemoWorld } from './demo-world.ts'
import type { ProcessKeeper } from './managed-process.ts'
import { choosePort } from './port.ts'

const USUAL_PORT = 8377

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
async function livePort(asked: number | null, folder: string, print: (line: string) => void): Promise<number> {
  const former = await loadFormerPort(folder)
  if (former !== null && asked !== null && asked !== 0 && asked !== former)
    throw new LatchkeyError(
      'USAGE',
      `what lies in ${folder} was paired at port ${former}: leave --port out, or take another --data`,
    )
  return choosePort(former ?? asked ?? USUAL_PORT, print)
}

function describe(world: DemoWorld, folder: string, secrets: string): string {
  return `
Latchkey is running. Ctrl-C stops it without loss.

  relay        ${world.origin}   (documentation: ${world.origin}/v1/openapi.json, log: ${world.origin}/log/checkpoint)
  health       ${world.operatorOrigin}/readyz   metrics: ${world.operatorOrigin}/metrics
  doorbell     records what moves, seals it in memory, uploads it; nobody but the demo owner can open it
  data         ${folder}
  demo secrets ${secrets}   (owner, agency, requester, operator: on this disk because it is a demo)
  logs         ${world.logs}

What to do next
  see one clip go all the way       npm start -- --walkthrough --out /tmp/case
  use another camera                npm start -- --camera FILE|rtsp://…|/dev/video0
  every command                     node_modules/.bin/node shared/bin/latchkey.ts --help
`
}

/** What of a doorbell's log a person at the terminal wants to see. */
const NEWS = / (camera state=|clip recorded|a clip was given up|recording stumbled)/

/**
 * Starts everything and pairs the demo owner on first use; ends only when the relay or the doorbell does.
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
  const port = await livePort(options.port, folder, print)
  print('Starting the relay and the doorbell…')
  const world = await startDemoWorld({ folder, port, operator: parties.operator.jwk, keeper })
  const owner = createDemoOwner({ keys: parties.owner, relay: world.origin, nowMs: Date.now })
  const doorbell = await world.startAgent(camera)
  if (doorbell.pairingUrl !== null) {
    await owner.enrol(CELL)
    print(`Paired the demo owner; phone and doorbell both show ${await owner.pair(doorbell.pairingUrl)}`)
  }
  print(describe(world, folder, secrets))
  doorbell.listen((line) => NEWS.test(line) && print(line))
  print(await world.ended)
  await keeper.stopAll()
  return 1
}
