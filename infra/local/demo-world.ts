/** A relay and a doorbell as two ordinary processes, with the demo's configuration files. */
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import {
  createValidator,
  Jwk,
  parseWith,
  policy as policyValidator,
  type Policy,
  type PublicJwk,
} from '@latchkey/shared'
import { Type } from 'typebox'
import { startProcess } from './managed-process.ts'

const root = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url))
const READY_TIMEOUT_MS = 60_000

/** A file that plays the camera, or a live source. */
export type DemoCamera =
  { readonly path: string; readonly loop: boolean; readonly rate: number } | { readonly live: string }

/** What runs. */
export interface DemoWorld extends AsyncDisposable {
  readonly origin: string
  readonly operatorOrigin: string
  readonly logVkey: string
  readonly relayJwk: PublicJwk
  readonly policy: Policy
  readonly relayData: string
  readonly agentData: string
  readonly logs: string
  /** Starts the doorbell; answers with its pairing URL, or `null` when it was paired before. */
  startAgent(camera: DemoCamera): Promise<string | null>
  /** Resolves when the relay or the doorbell has ended by itself, with a line that says which. */
  readonly ended: Promise<string>
  /** Doorbell first, so that it hands over everything. Idempotent. */
  stop(): Promise<void>
}

/** Where state lives unless `--data` says otherwise. */
export function defaultDataFolder(): string {
  if (process.getuid?.() === 0) return '/var/lib/latchkey'
  return join(process.env['XDG_STATE_HOME'] ?? join(homedir(), '.local', 'state'), 'latchkey')
}

const ready = createValidator(
  Type.Object({
    msg: Type.Literal('relay.ready'),
    publicOrigin: Type.String(),
    operatorOrigin: Type.String(),
    logVkey: Type.String(),
    relayJwk: Jwk,
  }),
)

function parseReady(line: string) {
  if (!line.includes('relay.ready')) return null
  const value: unknown = JSON.parse(line)
  return ready.check(value) ? value : null
}

/** The `us` policy with the two waits taken out that a demonstration cannot sit through. */
async function writeDemoPolicy(path: string): Promise<Policy> {
  const us = parseWith(policyValidator, JSON.parse(await readFile(root('shared/policy/us.json'), 'utf8')), 'policy')
  const demo: Policy = { ...us, region: 'demo', agencyNoticeMs: 0, consent: { ...us.consent, undoSeconds: 0 } }
  await writeFile(path, `${JSON.stringify(demo, null, 2)}\n`)
  return demo
}

/** The doorbell's first word: the address to open on the phone, or that it knows its household already. */
function parsePairing(line: string): { readonly url: string | null } | null {
  const url = /https?:\/\/\S+\/pair#\S+/.exec(line)?.[0]
  if (url !== undefined) return { url }
  return / camera /.test(line) ? { url: null } : null
}

function agentConfig(origin: string, dataDir: string, camera: DemoCamera) {
  const source =
    'live' in camera ? { source: camera.live } : { source: camera.path, loop: camera.loop, rate: camera.rate }
  return { dataDir, camera: { ...source, name: 'Front door' }, relay: { origin } }
}

const writeConfig = (path: string, config: unknown) =>
  writeFile(path, `${JSON.stringify(config, null, 2)}\n`, { mode: 0o600 })

/**
 * Starts the relay; the doorbell follows when it is told to.
 * @param options.folder holds `relay`, `agent`, configuration and logs; made when absent
 * @param options.port 0 takes a free one
 */
export async function startDemoWorld(options: {
  folder: string
  port: number
  operator: PublicJwk
}): Promise<DemoWorld> {
  const at = (name: string) => join(options.folder, name)
  await mkdir(at('logs'), { recursive: true })
  const policy = await writeDemoPolicy(at('policy.json'))
  await writeConfig(at('relay.json'), {
    listen: { host: '127.0.0.1', port: options.port },
    operatorListen: { host: '127.0.0.1', port: 0 },
    broker: { host: '127.0.0.1', port: 0 },
    dataDir: at('relay'),
    policyFile: at('policy.json'),
    operatorJwk: options.operator,
  })
  const relay = startProcess({
    name: 'the relay',
    script: root('relay/src/main.ts'),
    args: ['--config', at('relay.json')],
    logFile: at('logs/relay.log'),
  })
  const stopRelay = () => relay.stop()
  const facts = await relay.waitFor(parseReady, READY_TIMEOUT_MS).catch(async (error: unknown) => {
    await stopRelay()
    throw error
  })
  let agent: ReturnType<typeof startProcess> | undefined
  let tellEnded: (line: string) => void = () => undefined
  const ended = new Promise<string>((resolve) => (tellEnded = resolve))
  void relay.ended.then((code) => tellEnded(`the relay ended with ${code}; see ${at('logs/relay.log')}`))

  async function stop(): Promise<void> {
    await agent?.stop()
    await stopRelay()
  }

  return {
    origin: facts.publicOrigin,
    operatorOrigin: facts.operatorOrigin,
    logVkey: facts.logVkey,
    relayJwk: facts.relayJwk as PublicJwk,
    policy,
    relayData: at('relay'),
    agentData: at('agent'),
    logs: at('logs'),
    ended,
    stop,
    [Symbol.asyncDispose]: stop,
    async startAgent(camera) {
      await writeConfig(at('agent.json'), agentConfig(facts.publicOrigin, at('agent'), camera))
      agent = startProcess({
        name: 'the doorbell',
        script: root('device-agent/src/main.ts'),
        args: ['--config', at('agent.json')],
        logFile: at('logs/agent.log'),
      })
      void agent.ended.then((code) => tellEnded(`the doorbell ended with ${code}; see ${at('logs/agent.log')}`))
      return (await agent.waitFor(parsePairing, READY_TIMEOUT_MS)).url
    },
  }
}
