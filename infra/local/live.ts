/** `npm start`: a relay and a doorbell that stay up until Ctrl-C. */
import { existsSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { loadFfmpeg } from '../../device-agent/src/camera/ffmpeg-binary.ts'
import { systemClock } from '../../device-agent/src/kernel/clock.ts'
import type { StartOptions } from './arguments.ts'
import { recordCamera } from './camera-recording.ts'
import { CELL } from './demo-home.ts'
import { createDemoOwner } from './demo-owner.ts'
import { loadDemoParties } from './demo-parties.ts'
import { type DemoCamera, type DemoWorld, defaultDataFolder, startDemoWorld } from './demo-world.ts'

/** A live camera as it is; a file, or the drawn scene, in a loop at its own pace. */
async function liveCamera(options: StartOptions, folder: string, print: (line: string) => void): Promise<DemoCamera> {
  const { camera } = options
  if (camera !== null && (/^rtsps?:/i.test(camera) || camera.startsWith('/dev/video') || camera === 'rpicam'))
    return { live: camera }
  const ffmpeg = await loadFfmpeg({
    configuredPath: process.env['LATCHKEY_FFMPEG'],
    searchPath: process.env['PATH'] ?? '',
    clock: systemClock,
  })
  const path = join(folder, camera === null ? 'doorstep.mp4' : 'camera.mp4')
  if (camera !== null || !existsSync(path)) {
    print(camera === null ? 'Drawing a doorstep that needs no hardware…' : 'Preparing the video…')
    await recordCamera(camera === null ? null : resolve(camera), path, { ffmpeg, say: print })
  }
  return { path, loop: true, rate: 1 }
}

function describe(world: DemoWorld, folder: string, parties: string): string {
  return `
Latchkey is running. Ctrl-C stops it without loss.

  relay        ${world.origin}   (documentation: ${world.origin}/v1/openapi.json, log: ${world.origin}/log/checkpoint)
  health       ${world.operatorOrigin}/readyz   metrics: ${world.operatorOrigin}/metrics
  doorbell     records what moves, seals it in memory, uploads it; nobody but the demo owner can open it
  data         ${folder}
  demo secrets ${parties}   (owner, agency, requester, operator: on this disk because it is a demo)
  logs         ${world.logs}

What to do next
  see one clip go all the way       npm start -- --walkthrough --out /tmp/case
  use another camera                npm start -- --camera FILE|rtsp://…|/dev/video0
  every command                     node_modules/.bin/node shared/bin/latchkey.ts --help
`
}

/** Starts everything, pairs the demo owner on first use, and waits for Ctrl-C or an unexpected end. @returns exit code */
export async function runLive(options: StartOptions, print: (line: string) => void): Promise<number> {
  const folder = join(resolve(options.data ?? defaultDataFolder()), 'demo')
  const secrets = join(resolve(options.data ?? defaultDataFolder()), 'demo-secrets')
  await mkdir(folder, { recursive: true })
  const camera = await liveCamera(options, folder, print)
  const parties = await loadDemoParties(secrets)
  const interrupted = new Promise<null>((done) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => done(null))
  })
  print('Starting the relay and the doorbell…')
  await using world = await startDemoWorld({ folder, port: options.port, operator: parties.operator.jwk })
  const owner = createDemoOwner({ keys: parties.owner, relay: world.origin, nowMs: Date.now })
  const pairingUrl = await world.startAgent(camera)
  if (pairingUrl !== null) {
    await owner.enrol(CELL)
    print(`Paired the demo owner; phone and doorbell both show ${await owner.pair(pairingUrl)}`)
  }
  print(describe(world, folder, secrets))
  const problem = await Promise.race([interrupted, world.ended])
  if (problem !== null) print(problem)
  print('Stopping…')
  await world.stop()
  return problem === null ? 0 : 1
}
