import { writeFile } from 'node:fs/promises'
import { stringify } from 'yaml'
import { type Agent, createAgent } from '../../device-agent/src/agent.ts'
import { loadAgentConfig } from '../../device-agent/src/config.ts'
import { controlSocketPath } from '../../device-agent/src/control-socket.ts'
import { type ControlClient, createControlClient } from '../../device-agent/src/control/unix-control-client.ts'
import { createFakeRelay, type FakeRelay } from './fake-relay.ts'
import { createHousehold, pairAsPhone } from './household.ts'
import { drawScene, SMALL_SCENE } from './media-files.ts'
import { createTemporaryFolder } from './temporary-folder.ts'
import { eventually } from './poll.ts'
import { silentLog } from './agent-rig.ts'

/** The agent's program. */
export const MAIN = new URL('../../device-agent/src/main.ts', import.meta.url).pathname

/** A paired agent that watches the drawn doorstep, its relay, and the way to ask it. */
export interface Doorbell extends AsyncDisposable {
  readonly folder: string
  readonly configPath: string
  readonly relay: FakeRelay
  readonly agent: Agent
  readonly client: ControlClient
  stop(): Promise<void>
}

/** The visitor comes after two seconds and goes after eight. */
const SHORT_SCENE = { ...SMALL_SCENE, seconds: 12 }

/** Starts one; resolves when its camera is on. `configText` adds to the configuration file. */
export async function createDoorbell(configText = ''): Promise<Doorbell> {
  await using stack = new AsyncDisposableStack()
  const folder = stack.use(await createTemporaryFolder()).path
  const relay = stack.use(await createFakeRelay())
  const config = {
    dataDir: `${folder}/agent`,
    camera: { source: await drawScene(folder, SHORT_SCENE), name: 'Front door', loop: true },
    relay: { origin: relay.origin },
    clip: { preRollMs: 1_000, postRollMs: 1_000 },
  }
  const configPath = `${folder}/agent.yml`
  await writeFile(configPath, stringify(config) + configText)
  const loaded = await loadAgentConfig(configPath)
  const agent = stack.use(
    await createAgent(loaded, {
      log: silentLog,
      pairingPollMs: 5,
      retryBaseMs: 20,
      loadConfig: () => loadAgentConfig(configPath),
    }),
  )
  const url = await eventually(() => {
    const { pairing } = agent.status()
    return pairing.kind === 'unpaired' ? pairing.url : null
  }, 'a pairing code')
  await pairAsPhone(await createHousehold(), url)
  await agent.ready
  const client = createControlClient(controlSocketPath(loaded))
  await eventually(async () => (await client.status()).camera.stream !== null, 'a picture', 20_000)
  const whole = stack.move()
  return {
    folder,
    configPath,
    relay,
    agent,
    client,
    stop: async () => agent[Symbol.asyncDispose](),
    [Symbol.asyncDispose]: () => whole.disposeAsync(),
  }
}
