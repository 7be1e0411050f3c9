import type { Policy, Signer } from '@latchkey/shared'
import { readdir, readlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Relay } from '../../relay/src/relay.ts'
import { findFreePort } from '../../infra/local/port.ts'
import { createWorldAround, createWorldTerms } from './kill-world.ts'
import { type RelayProgram, type RelayReady, startRelayProgram } from './relay-program.ts'
import type { RelayWorld } from './relay-world.ts'

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

/** Processes whose working folder is the database's. */
async function serversOf(dataDir: string): Promise<number[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  const folders = await Promise.all(pids.map((pid) => readlink(`/proc/${pid}/cwd`).catch(() => null)))
  return pids.filter((_, i) => folders[i] === dataDir).map(Number)
}

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
  let running: RelayProgram | null = null
  let ready: RelayReady | null = null

  async function start(): Promise<void> {
    running = await startRelayProgram(config)
    ready = running.ready
  }

  async function end(signal: 'SIGTERM' | 'SIGKILL'): Promise<number | null> {
    const ending = running
    running = null
    return ending === null ? null : ending.end(signal)
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
