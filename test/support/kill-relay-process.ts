import type { Policy, Signer } from '@latchkey/shared'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdir, readlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Relay } from '../../relay/src/relay.ts'
import { findFreePort } from '../../infra/local/port.ts'
import { runs } from './counts.ts'
import { eventually } from './poll.ts'
import { createWorldAround, createWorldTerms } from './kill-world.ts'
import type { RelayWorld } from './relay-world.ts'

const MAIN = new URL('../../relay/src/main.ts', import.meta.url).pathname

/** The relay's own program with its embedded PostgreSQL, to be killed and started again at the same address. */
export interface RelayProcess extends AsyncDisposable {
  /** For everything that uses a running relay. */
  readonly world: RelayWorld
  readonly dataDir: string
  /** SIGKILL to the relay and, when asked, at the same moment to every process of its PostgreSQL. */
  kill(andDatabase: boolean): Promise<void>
  /** Starts it on what is left. */
  start(): Promise<void>
  /** SIGTERM; its exit code. */
  stop(): Promise<number | null>
}

type Ready = Omit<Relay, typeof Symbol.asyncDispose>

async function writeConfig(folder: string, policy: Policy, operator: Signer): Promise<string> {
  const at = async () => ({ host: '127.0.0.1', port: await findFreePort() })
  await writeFile(join(folder, 'policy.json'), JSON.stringify(policy))
  const config = {
    listen: await at(),
    operatorListen: { host: '127.0.0.1', port: 0 },
    broker: await at(),
    dataDir: 'data',
    policyFile: 'policy.json',
    operatorJwk: operator.jwk,
    log: { batchMs: 10 },
  }
  const path = join(folder, 'relay.json')
  await writeFile(path, JSON.stringify(config))
  return path
}

function readyOf(output: string): Ready | null {
  const line = output.split('\n').find((text) => text.includes('"relay.ready"'))
  return line === undefined ? null : (JSON.parse(line) as Ready)
}

/** Processes whose working folder is the database's. */
async function serversOf(dataDir: string): Promise<number[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  const folders = await Promise.all(pids.map((pid) => readlink(`/proc/${pid}/cwd`).catch(() => null)))
  return pids.filter((_, i) => folders[i] === dataDir).map(Number)
}

const hasEnded = ({ exitCode, signalCode }: ChildProcess): boolean => exitCode !== null || signalCode !== null

function killIfThere(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It was faster.
  }
}

/** Starts it on an empty data folder below `folder`. */
export async function startRelayProcess(folder: string): Promise<RelayProcess> {
  const { policy, operator } = await createWorldTerms()
  const config = await writeConfig(folder, policy, operator)
  const dataDir = join(folder, 'data')
  let child: ChildProcess | null = null
  let ready: Ready | null = null

  async function start(): Promise<void> {
    // Whoever ends this test by force ends the relay with it.
    const command = ['--pdeathsig', 'KILL', process.execPath, MAIN, '--config', config]
    const started = spawn('setpriv', command, { stdio: ['ignore', 'pipe', 'pipe'] })
    child = started
    let output = ''
    for (const stream of [started.stdout, started.stderr])
      stream.on('data', (chunk: Buffer) => {
        if (readyOf(output) === null) output += chunk.toString()
      })
    ready = await eventually(
      () => {
        if (hasEnded(started))
          throw new Error(`the relay ended by itself, ${started.signalCode ?? started.exitCode}: ${output}`)
        return readyOf(output)
      },
      'the relay to be ready',
      runs(30_000, 180_000),
    ).catch((cause: unknown) => {
      started.kill('SIGKILL')
      throw new Error(`the relay does not start: ${output}`, { cause })
    })
  }

  async function end(signal: NodeJS.Signals): Promise<number | null> {
    if (child === null) return null
    const ending = child
    child = null
    if (hasEnded(ending)) return ending.exitCode
    const exited = once(ending, 'exit')
    ending.kill(signal)
    return ((await exited) as [number | null])[0]
  }

  await start()
  const stop = (): Promise<number | null> => end('SIGTERM')
  const dispose = async (): Promise<void> => {
    await stop()
  }
  const look = (): Relay => ({ ...ready!, [Symbol.asyncDispose]: dispose })
  const world = createWorldAround(look, { policy, operator, folder, origin: ready!.publicOrigin })
  return {
    world,
    dataDir,
    start,
    stop,
    async kill(andDatabase) {
      const servers = andDatabase ? await serversOf(join(dataDir, 'postgres')) : []
      const ended = end('SIGKILL')
      servers.forEach(killIfThere)
      await ended
    },
    [Symbol.asyncDispose]: dispose,
  }
}
