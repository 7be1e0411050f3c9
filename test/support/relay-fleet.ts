import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { findFreePort } from '../../infra/local/port.ts'
import { databaseUrlOf } from './kill-database.ts'
import { createWorldAround, createWorldTerms } from './kill-world.ts'
import { createNginx } from './nginx.ts'
import { createTestDatabase, type TestDatabase } from './relay-database.ts'
import { type RelayProgram, startRelayProgram } from './relay-program.ts'
import type { RelayWorld } from './relay-world.ts'
import { createSharedBroker, type SharedBroker } from './shared-broker.ts'
import { createTemporaryFolder } from './temporary-folder.ts'

/** Several relays over one database, one Mosquitto and one folder of items, behind one nginx. */
export interface RelayFleet extends AsyncDisposable {
  /** The relays as their users know them: one address. */
  readonly world: RelayWorld
  readonly store: TestDatabase
  readonly broker: SharedBroker
  readonly relayPorts: readonly number[]
  /** Addresses of their operators' listeners. */
  readonly operatorOrigins: readonly string[]
  /** Configuration file of one of them. */
  configOf(relay: number): string
  kill(relay: number): Promise<void>
  start(relay: number): Promise<void>
}

/** Starts `count` relay programs and what they share. */
export async function createRelayFleet(count: number): Promise<RelayFleet> {
  await using stack = new AsyncDisposableStack()
  const folder = stack.use(await createTemporaryFolder()).path
  const { policy, operator } = await createWorldTerms()
  await writeFile(join(folder, 'policy.json'), JSON.stringify(policy))
  const store = stack.use(await createTestDatabase())
  const broker = stack.use(await createSharedBroker())
  const ports: number[] = []
  for (let relay = 0; relay < count; relay++) ports.push(await findFreePort())
  const proxy = stack.use(await createNginx({ relayPorts: ports }))
  const origin = `http://127.0.0.1:${proxy.port}`
  const configOf = (relay: number): string => join(folder, `relay-${relay}.json`)
  for (const [relay, port] of ports.entries()) {
    const config = {
      publicOrigin: origin,
      proxies: ['127.0.0.1'],
      listen: { host: '127.0.0.1', port },
      operatorListen: { host: '127.0.0.1', port: 0 },
      instance: `relay-${relay}`,
      databaseUrl: databaseUrlOf(store.target),
      ...broker.config,
      dataDir: 'data',
      policyFile: 'policy.json',
      enrolment: 'open',
      operatorJwk: operator.jwk,
      log: { batchMs: 50 },
    }
    await writeFile(configOf(relay), JSON.stringify(config))
  }
  const programs = await Promise.all(ports.map((_, relay) => startRelayProgram(configOf(relay))))
  const running: (RelayProgram | null)[] = programs
  const end = async (relay: number, signal: 'SIGTERM' | 'SIGKILL'): Promise<void> => {
    const ending = running[relay]
    running[relay] = null
    await ending?.end(signal)
  }
  stack.defer(async () => {
    await Promise.all(ports.map((_, relay) => end(relay, 'SIGTERM')))
  })
  const kept = stack.move()
  const dispose = (): Promise<void> => kept.disposeAsync()
  const { ready } = programs[0]!
  const world = createWorldAround(() => ({ ...ready, [Symbol.asyncDispose]: dispose }), {
    policy,
    operator,
    folder,
    origin,
  })
  return {
    world,
    store,
    broker,
    relayPorts: ports,
    operatorOrigins: programs.map((program) => program.ready.operatorOrigin),
    configOf,
    kill: (relay) => end(relay, 'SIGKILL'),
    start: async (relay) => void (running[relay] = await startRelayProgram(configOf(relay))),
    [Symbol.asyncDispose]: dispose,
  }
}
