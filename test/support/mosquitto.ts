import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { connect, createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { eventually } from './poll.ts'
import { createTemporaryFolder } from './temporary-folder.ts'

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => resolve(true))
    socket.once('error', () => resolve(false))
    socket.once('close', () => resolve(false))
    socket.once('connect', () => socket.destroy())
  })
}

/** Debian's Mosquitto on a free loopback port, anyone may do anything; stopped at the end of the scope. */
export async function createMosquitto(): Promise<{ readonly url: string; stop(): Promise<void> } & AsyncDisposable> {
  const folder = await createTemporaryFolder()
  const port = await freePort()
  const config = join(folder.path, 'mosquitto.conf')
  await writeFile(config, `listener ${port} 127.0.0.1\nallow_anonymous true\npersistence false\nuser root\n`)
  const child = spawn('mosquitto', ['-c', config], {
    stdio: 'ignore',
    env: { PATH: `${process.env['PATH']}:/usr/sbin:/sbin` },
  })
  await Promise.race([once(child, 'spawn'), once(child, 'error')]).then(([error]) => {
    if (error) throw new Error('this test needs Mosquitto: apt-get install mosquitto', { cause: error })
  })
  const exited = once(child, 'exit')
  await eventually(() => answers(port), 'Mosquitto to listen')
  const stop = async (): Promise<void> => {
    child.kill('SIGTERM')
    await exited
    await folder[Symbol.asyncDispose]()
  }
  return { url: `mqtt://127.0.0.1:${port}`, stop, [Symbol.asyncDispose]: stop }
}
