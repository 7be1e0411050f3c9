import { encodeBase64url, randomBytes } from '@latchkey/shared'
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { findFreePort } from '../../infra/local/port.ts'
import { type RunningBroker, startMosquitto } from './mosquitto.ts'
import { createTemporaryFolder } from './temporary-folder.ts'

/** A Mosquitto set up as `infra/mosquitto` says, for relays to share. */
export interface SharedBroker extends AsyncDisposable {
  /** The keys of a relay's configuration. */
  readonly config: { readonly mosquitto: Record<'url' | 'relayUrl' | 'username' | 'passwordFile', string> }
  /** Ends it as a crash would. */
  kill(): Promise<void>
  /** Starts it again at the same addresses, with the logins that it wrote down. */
  start(): Promise<void>
}

const SETUP = new URL('../../infra/mosquitto/', import.meta.url)
const PLUGIN = 'mosquitto_dynamic_security.so'
const USER = 'relay'

/** Where Debian's package puts it, on any machine. */
async function findPlugin(): Promise<string> {
  for (const folder of await readdir('/usr/lib')) {
    const path = join('/usr/lib', folder, PLUGIN)
    if (existsSync(path)) return path
  }
  throw new Error('this test needs Mosquitto: apt-get install mosquitto')
}

/** The lines of our own set-up, by other paths and ports, and without the certificates. */
async function writeSetup(folder: string, ports: { devices: number; relays: number }): Promise<string> {
  const plugin = await findPlugin()
  const lines = (await readFile(new URL('mosquitto.conf', SETUP), 'utf8'))
    .replace(/^plugin \S+$/m, `plugin ${plugin}`)
    .replace(/^plugin_opt_config_file \S+$/m, `plugin_opt_config_file ${join(folder, 'logins.json')}`)
    .replace(/^acl_file \S+$/m, `acl_file ${join(folder, 'latchkey.acl')}`)
    .replace(/^persistence_location \S+$/m, `persistence_location ${folder}/`)
    .replace(/^(certfile|keyfile|tls_version) .*\n/gm, '')
    .replace(/^listener 8883$/m, `listener ${ports.devices} 127.0.0.1`)
    .replace(/^listener 1884 127\.0\.0\.1$/m, `listener ${ports.relays} 127.0.0.1`)
  const config = join(folder, 'mosquitto.conf')
  await writeFile(config, `${lines}\nuser root\n`)
  await writeFile(join(folder, 'latchkey.acl'), await readFile(new URL('latchkey.acl', SETUP)))
  return config
}

/** Debian's Mosquitto on loopback, by the project's own set-up; ended with its scope. */
export async function createSharedBroker(): Promise<SharedBroker> {
  const folder = await createTemporaryFolder()
  const ports = { devices: await findFreePort(), relays: await findFreePort() }
  const password = encodeBase64url(randomBytes(18))
  const config = await writeSetup(folder.path, ports)
  execFileSync('mosquitto_ctrl', ['dynsec', 'init', join(folder.path, 'logins.json'), USER, password])
  const passwordFile = join(folder.path, 'relay-password')
  await writeFile(passwordFile, `${password}\n`)
  const start = (): Promise<RunningBroker> => startMosquitto(config, [ports.devices, ports.relays])
  let running: RunningBroker | null = await start()
  const stop = async (signal: 'SIGTERM' | 'SIGKILL'): Promise<void> => {
    await running?.stop(signal)
    running = null
  }
  return {
    config: {
      mosquitto: {
        url: `mqtt://127.0.0.1:${ports.devices}`,
        relayUrl: `mqtt://127.0.0.1:${ports.relays}`,
        username: USER,
        passwordFile,
      },
    },
    kill: () => stop('SIGKILL'),
    start: async () => void (running = await start()),
    [Symbol.asyncDispose]: async () => {
      await stop('SIGTERM')
      await folder[Symbol.asyncDispose]()
    },
  }
}
