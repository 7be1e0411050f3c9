/** A relay and a doorbell as two ordinary processes, with the demo's configuration files. */
import { existsSync } from 'node:fs'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import {
  APP_FILES_PATH,
  codeOf,
  createValidator,
  Jwk,
  parseWith,
  policy as policyValidator,
  type Policy,
  type PublicJwk,
} from '@latchkey/shared'
import { Type } from 'typebox'
import { lockDirectory } from '../../device-agent/src/kernel/instance-lock.ts'
import type { AppName } from '../../relay/web/build.ts'
import type { ProcessKeeper } from './managed-process.ts'

const root = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url))
const READY_TIMEOUT_MS = 60_000
/** One that is run elsewhere may be emulated, command by command. */
const FOREIGN_READY_TIMEOUT_MS = 600_000
/** A doorbell whose launcher was killed ends within this. */
const FORMER_TIMEOUT_MS = 20_000

/** A file that plays the camera, or a live source. */
export type DemoCamera =
  { readonly path: string; readonly loop: boolean; readonly rate: number } | { readonly live: string }

/** What runs. Whoever keeps the processes stops them. */
export interface DemoWorld {
  readonly origin: string
  readonly operatorOrigin: string
  readonly logVkey: string
  readonly relayJwk: PublicJwk
  readonly policy: Policy
  readonly relayData: string
  readonly agentData: string
  readonly logs: string
  /** @throws CONFLICT when another doorbell uses the same folder */
  startAgent(camera: DemoCamera): Promise<Doorbell>
  /** Resolves when the relay or the doorbell has ended by itself, with a line that says which and why. */
  readonly ended: Promise<string>
}

/** A doorbell that runs. */
export interface Doorbell {
  /** The address to open on the owner's phone, or `null` when it was paired before. */
  readonly pairingUrl: string | null
  /** What it says and has said, line by line. */
  listen(onLine: (line: string) => void): void
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

/** The `us` policy without its public notice; `undoSeconds` may be none where no person sits through it. */
async function writeDemoPolicy(path: string, undoSeconds: number | undefined): Promise<Policy> {
  const us = parseWith(policyValidator, JSON.parse(await readFile(root('shared/policy/us.json'), 'utf8')), 'policy')
  const consent = { ...us.consent, undoSeconds: undoSeconds ?? us.consent.undoSeconds }
  const demo: Policy = { ...us, region: 'demo', agencyNoticeMs: 0, consent }
  await writeFile(path, `${JSON.stringify(demo, null, 2)}\n`)
  return demo
}

/** The doorbell's first word: the address to open on the phone, or that it knows its household already. */
function parsePairing(line: string): { readonly url: string | null } | null {
  const url = /https?:\/\/\S+\/pair#\S+/.exec(line)?.[0]
  if (url !== undefined) return { url }
  return / camera /.test(line) ? { url: null } : null
}

const writeConfig = (path: string, config: unknown) =>
  writeFile(path, `${JSON.stringify(config, null, 2)}\n`, { mode: 0o600 })

/**
 * As the package starts it (`infra/pi/debian/latchkey-agent.sh`): video passes through its memory, and a collection now and
 * then is cheaper than holding on to it.
 */
export const FRUGAL = {
  nodeFlags: ['--max-semi-space-size=1', '--max-old-space-size=160'],
  environment: {
    MALLOC_ARENA_MAX: '1',
    MALLOC_MMAP_THRESHOLD_: '131072',
    MALLOC_TRIM_THRESHOLD_: '131072',
  },
}

/** A live camera's address may hold a password: the doorbell reads it from a file of its own. */
async function writeAgentConfig(folder: string, relay: object, camera: DemoCamera): Promise<string> {
  const at = (name: string) => join(folder, name)
  const isLive = 'live' in camera
  if (isLive) await writeFile(at('camera-address'), `${camera.live}\n`, { mode: 0o600 })
  const source = isLive
    ? { sourceFile: at('camera-address') }
    : { source: camera.path, loop: camera.loop, rate: camera.rate }
  await writeConfig(at('agent.json'), {
    dataDir: at('agent'),
    camera: { ...source, name: 'Front door' },
    relay,
  })
  return at('agent.json')
}

/** Waits for a doorbell on `folder` whose launcher was killed and which is about to end. @throws CONFLICT */
async function waitForFormer(folder: string): Promise<void> {
  const deadlineMs = performance.now() + FORMER_TIMEOUT_MS
  while (existsSync(folder)) {
    try {
      const lock = await lockDirectory(folder)
      await lock[Symbol.asyncDispose]()
      return
    } catch (error) {
      if (codeOf(error) !== 'CONFLICT' || performance.now() > deadlineMs) throw error
    }
    await delay(200)
  }
}

const relayConfig = createValidator(
  Type.Object({ listen: Type.Object({ port: Type.Integer() }), appOrigins: Type.Optional(Type.Array(Type.String())) }),
)

/** Where things were on this folder before; `null` for a new one. */
export interface FormerPorts {
  /** The relay's, which its doorbell was paired at. */
  readonly relay: number
  /** Of the web apps, as they stand in {@link startDemoWorld}'s `apps`: a browser keeps keys for an address and no other. */
  readonly apps: readonly number[]
}

/** A web app that is served beside the relay. */
export interface ServedApp {
  readonly name: AppName
  readonly origin: string
  /** What is served there, as it was built. */
  readonly folder: string
}

/** The ports that a doorbell and a browser of this folder remember. */
export async function loadFormerPorts(folder: string): Promise<FormerPorts | null> {
  if (!existsSync(join(folder, 'relay', 'secrets'))) return null
  const text = await readFile(join(folder, 'relay.json'), 'utf8').catch(() => 'null')
  const config: unknown = JSON.parse(text)
  if (!relayConfig.check(config)) return null
  return { relay: config.listen.port, apps: (config.appOrigins ?? []).map((origin) => Number(new URL(origin).port)) }
}

/**
 * Starts the relay; the doorbell follows when it is told to.
 * @param options.folder holds `relay`, `agent`, configuration and logs; made when absent
 * @throws UNAVAILABLE with the relay's last words when it does not start
 */
export async function startDemoWorld(options: {
  folder: string
  port: number
  operator: PublicJwk
  keeper: ProcessKeeper
  /** A program that is run as `latchkey-agent`. */
  doorbell?: string | null
  /** The phone app first, where there is one: doorbells name it to their owners. */
  apps?: readonly ServedApp[]
  /** How long an owner can take a decision back; that of the `us` policy when absent. */
  undoSeconds?: number
}): Promise<DemoWorld> {
  const at = (name: string) => join(options.folder, name)
  const { apps = [] } = options
  await mkdir(at('logs'), { recursive: true })
  const policy = await writeDemoPolicy(at('policy.json'), options.undoSeconds)
  await writeConfig(at('relay.json'), {
    listen: { host: '127.0.0.1', port: options.port },
    operatorListen: { host: '127.0.0.1', port: 0 },
    broker: { host: '127.0.0.1', port: 0 },
    dataDir: at('relay'),
    policyFile: at('policy.json'),
    operatorJwk: options.operator,
    ...(apps.length === 0
      ? {}
      : {
          appOrigins: apps.map(({ origin }) => origin),
          apps: apps.map(({ name, folder }) => ({ name, filesList: join(folder, APP_FILES_PATH) })),
        }),
  })
  const relay = options.keeper.start({
    name: 'the relay',
    script: root('relay/src/main.ts'),
    args: ['--config', at('relay.json')],
    logFile: at('logs/relay.log'),
  })
  const facts = await relay.waitFor(parseReady, READY_TIMEOUT_MS)
  const ended = Promise.withResolvers<string>()
  void relay.ended.then(ended.resolve)

  return {
    origin: facts.publicOrigin,
    operatorOrigin: facts.operatorOrigin,
    logVkey: facts.logVkey,
    relayJwk: facts.relayJwk,
    policy,
    relayData: at('relay'),
    agentData: at('agent'),
    logs: at('logs'),
    ended: ended.promise,
    async startAgent(camera) {
      await waitForFormer(at('agent'))
      const owner = apps.find(({ name }) => name === 'owner')
      const page = owner === undefined ? {} : { pageOrigin: owner.origin }
      const config = await writeAgentConfig(options.folder, { origin: facts.publicOrigin, ...page }, camera)
      const agent = options.keeper.start({
        name: 'the doorbell',
        script: options.doorbell ?? root('device-agent/src/main.ts'),
        args: ['run', '--config', config],
        logFile: at('logs/agent.log'),
        ...FRUGAL,
      })
      void agent.ended.then(ended.resolve)
      const { url } = await agent.waitFor(parsePairing, options.doorbell ? FOREIGN_READY_TIMEOUT_MS : READY_TIMEOUT_MS)
      return { pairingUrl: url, listen: agent.listen }
    },
  }
}
