import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import { findFreePort } from '../../infra/local/port.ts'
import { eventually } from './poll.ts'
import { createTemporaryFolder } from './temporary-folder.ts'

/** Does anything listen there? */
export function portAnswers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => resolve(true))
    socket.once('error', () => resolve(false))
    socket.once('close', () => resolve(false))
    socket.once('connect', () => socket.destroy())
  })
}

/** How a broker is to be. */
export interface MosquittoOptions {
  /** A free one when absent. */
  readonly port?: number
  /** The one who may do anything; anyone may when absent. */
  readonly user?: { readonly name: string; readonly password: string }
  /** PEM files: TLS only, with this certificate. */
  readonly tls?: { readonly certFile: string; readonly keyFile: string }
}

/** A real broker. */
export interface Mosquitto extends AsyncDisposable {
  readonly url: string
  readonly port: number
  stop(): Promise<void>
}

const PATH = `${process.env['PATH']}:/usr/sbin:/sbin`

async function accessLines(folder: string, user: MosquittoOptions['user']): Promise<string> {
  if (user === undefined) return 'allow_anonymous true'
  const file = join(folder, 'passwords')
  await writeFile(file, `${user.name}:${user.password}\n`)
  execFileSync('mosquitto_passwd', ['-U', file], { env: { PATH } })
  await chmod(file, 0o600)
  return `allow_anonymous false\npassword_file ${file}`
}

/** A Mosquitto that runs. */
export interface RunningBroker {
  stop(signal: 'SIGTERM' | 'SIGKILL'): Promise<void>
}

/** Starts Debian's Mosquitto by a configuration file, and waits until it listens. */
export async function startMosquitto(config: string, ports: readonly number[]): Promise<RunningBroker> {
  const child = spawn('mosquitto', ['-c', config], { stdio: 'ignore', env: { PATH } })
  await Promise.race([once(child, 'spawn'), once(child, 'error')]).then(([error]) => {
    if (error) throw new Error('this test needs Mosquitto: apt-get install mosquitto', { cause: error })
  })
  const exited = once(child, 'exit')
  for (const port of ports) await eventually(() => portAnswers(port), 'Mosquitto to listen')
  return {
    stop: async (signal) => {
      child.kill(signal)
      // It forgets a SIGTERM that comes when it listens already and its loop has not begun.
      const again = setInterval(() => child.kill(signal), 200)
      await exited
      clearInterval(again)
    },
  }
}

/** Debian's Mosquitto on a loopback port; stopped at the end of the scope. It forgets what is retained. */
export async function createMosquitto(options: MosquittoOptions = {}): Promise<Mosquitto> {
  const folder = await createTemporaryFolder()
  const port = options.port ?? (await findFreePort())
  const config = join(folder.path, 'mosquitto.conf')
  const { tls } = options
  const access = await accessLines(folder.path, options.user)
  const keys = tls === undefined ? '' : `certfile ${tls.certFile}\nkeyfile ${tls.keyFile}\n`
  await writeFile(config, `listener ${port} 127.0.0.1\n${keys}${access}\npersistence false\nuser root\n`)
  const running = await startMosquitto(config, [port])
  const stop = async (): Promise<void> => {
    await running.stop('SIGTERM')
    await folder[Symbol.asyncDispose]()
  }
  return { url: `${tls ? 'mqtts' : 'mqtt'}://127.0.0.1:${port}`, port, stop, [Symbol.asyncDispose]: stop }
}
