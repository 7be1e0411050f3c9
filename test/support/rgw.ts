import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { digestOf, randomBytes } from '@latchkey/shared'
import { findFreePort } from '../../infra/local/port.ts'
import { eventually } from './poll.ts'
import { createTemporaryFolder } from './temporary-folder.ts'

const PATH = `${process.env['PATH']}:/usr/sbin:/sbin`
const PROGRAMS = 'apt-get install ceph-common ceph-mon ceph-osd radosgw'
const START_MS = 60_000
const MAX_RESTARTS = 10

/** A real S3 server, empty at first. */
export interface Rgw extends AsyncDisposable {
  readonly endpoint: string
  readonly port: number
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string }
}

/** One monitor and one store in memory, without the copies and the logins that a cluster of many machines needs. */
function configurationOf(folder: string, ports: { monitor: number; gateway: number }): string {
  return `[global]
fsid = ${randomUUID()}
mon host = v1:127.0.0.1:${ports.monitor}
public addr = 127.0.0.1
cluster addr = 127.0.0.1
ms bind msgr2 = false
auth cluster required = none
auth service required = none
auth client required = none
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 8
osd pool default pg autoscale mode = off
mon allow pool size one = true
mon max pg per osd = 1000
osd crush chooseleaf type = 0
osd objectstore = memstore
memstore device bytes = 4294967296
run dir = ${folder}
admin socket = ${folder}/$name.asok
log file = ${folder}/$name.log
mon data = ${folder}/mon
osd data = ${folder}/osd
keyring = ${folder}/keyring
rgw data = ${folder}
rgw frontends = beast endpoint=127.0.0.1:${ports.gateway}
`
}

function missing(cause: unknown): never {
  if ((cause as NodeJS.ErrnoException).code !== 'ENOENT') throw cause
  throw new Error(`this test needs Ceph's object gateway: ${PROGRAMS}`, { cause })
}

async function run(program: string, args: readonly string[]): Promise<void> {
  await promisify(execFile)(program, args, { env: { PATH }, timeout: START_MS }).catch(missing)
}

/**
 * Ends with us whatever ends us; to the others it is as gone as after a power cut, and its data are in memory. Begins again
 * where it gives up, as under systemd: a store that asks the monitor in its first moment may be told "wrong fsid".
 */
async function startDaemon(program: string, args: readonly string[]): Promise<AsyncDisposable> {
  let left = MAX_RESTARTS
  let isOver = false
  const start = (): { child: ChildProcess; exited: Promise<unknown> } => {
    const child = spawn('setpriv', ['--pdeathsig', 'KILL', program, ...args], { stdio: 'ignore', env: { PATH } })
    child.once('exit', () => {
      if (!isOver && left-- > 0) running = start()
    })
    return { child, exited: once(child, 'exit') }
  }
  let running = start()
  await Promise.race([once(running.child, 'spawn'), running.exited])
  return {
    [Symbol.asyncDispose]: async () => {
      isOver = true
      const { child, exited } = running
      child.kill('SIGKILL')
      if (child.exitCode === null && child.signalCode === null) await exited
    },
  }
}

async function answers(endpoint: string): Promise<boolean> {
  return fetch(endpoint).then(
    async (response) => {
      await response.body?.cancel()
      return response.ok
    },
    () => false,
  )
}

/**
 * Debian's Ceph object gateway on a loopback port, its objects in memory; gone at the end of the scope. Takes ten seconds
 * to start: one for all tests of a file.
 */
export async function createRgw(): Promise<Rgw> {
  await using stack = new AsyncDisposableStack()
  const folder = stack.use(await createTemporaryFolder()).path
  const ports = { monitor: await findFreePort(), gateway: await findFreePort() }
  const file = join(folder, 'ceph.conf')
  const [of, keyring, map] = [['-c', file], join(folder, 'keyring'), join(folder, 'monmap')]
  const configuration = configurationOf(folder, ports)
  await writeFile(file, configuration)
  for (const name of ['mon', 'osd']) await mkdir(join(folder, name))
  const fsid = /fsid = (.+)/.exec(configuration)![1]!
  await run('ceph-authtool', ['--create-keyring', keyring, '--gen-key', '-n', 'mon.', '--cap', 'mon', 'allow *'])
  const address = `[v1:127.0.0.1:${ports.monitor}]`
  await run('monmaptool', ['--create', '--addv', 'a', address, '--fsid', fsid, map])
  await run('ceph-mon', [...of, '--mkfs', '-i', 'a', '--monmap', map, '--keyring', keyring])
  stack.use(await startDaemon('ceph-mon', [...of, '-i', 'a', '-f']))
  const store = randomUUID()
  await run('ceph', [...of, 'osd', 'new', store])
  await run('ceph-osd', [...of, '-i', '0', '--mkfs', '--osd-uuid', store])
  stack.use(await startDaemon('ceph-osd', [...of, '-i', '0', '-f']))
  const credentials = { accessKeyId: 'LATCHKEYTEST', secretAccessKey: digestOf(randomBytes(32)) }
  const { accessKeyId, secretAccessKey } = credentials
  const login = [`--access-key=${accessKeyId}`, `--secret=${secretAccessKey}`]
  await run('radosgw-admin', [...of, 'user', 'create', '--uid=latchkey', '--display-name=latchkey', ...login])
  stack.use(await startDaemon('radosgw', [...of, '-n', 'client.rgw', '-f']))
  const endpoint = `http://127.0.0.1:${ports.gateway}`
  await eventually(() => answers(endpoint), "Ceph's object gateway to answer", START_MS)
  const running = stack.move()
  return { endpoint, port: ports.gateway, credentials, [Symbol.asyncDispose]: () => running.disposeAsync() }
}
