import { encodeBase64url, randomBytes } from '@latchkey/shared'
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { chmod, mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { findFreePort } from '../../infra/local/port.ts'
import { portAnswers } from './mosquitto.ts'
import { eventually } from './poll.ts'
import { createTemporaryFolder } from './temporary-folder.ts'

const PROGRAMS = '/usr/lib/postgresql'
const USER = 'postgres'
/** Three relays with a pool each, of several test files at once. */
const MAX_CONNECTIONS = 600

/** A server that no relay started. */
export interface DebianPostgres extends AsyncDisposable {
  readonly port: number
  readonly user: string
  readonly password: string
}

async function findPrograms(): Promise<string> {
  const versions = (await readdir(PROGRAMS).catch(() => [])).map(Number).toSorted((a, b) => b - a)
  const folder = versions
    .map((version) => join(PROGRAMS, String(version), 'bin'))
    .find((bin) => existsSync(join(bin, 'initdb')))
  if (folder === undefined) throw new Error('this test needs PostgreSQL: apt-get install postgresql')
  return folder
}

/** Debian's PostgreSQL on a loopback port, asking for a password as anybody's would; ended with its scope. */
export async function startDebianPostgres(): Promise<DebianPostgres> {
  const programs = await findPrograms()
  const folder = await createTemporaryFolder()
  const port = await findFreePort()
  const password = encodeBase64url(randomBytes(18))
  const [data, passwordFile] = [join(folder.path, 'data'), join(folder.path, 'password')]
  // It refuses to run as root; the folder above is to be passed through, and no more.
  await chmod(folder.path, 0o711)
  await mkdir(data)
  await writeFile(passwordFile, password)
  const as = process.getuid?.() === 0 ? ['setpriv', `--reuid=${USER}`, `--regid=${USER}`, '--clear-groups'] : []
  if (as.length > 0) await promisify(execFile)('chown', ['-R', `${USER}:${USER}`, data, passwordFile])
  const initdb = [
    ...as,
    join(programs, 'initdb'),
    '-D',
    data,
    '-U',
    USER,
    '-A',
    'scram-sha-256',
    `--pwfile=${passwordFile}`,
  ]
  await promisify(execFile)(initdb[0]!, [...initdb.slice(1), '-E', 'UTF8', '--locale=C', '--no-instructions'], {
    cwd: '/',
  })
  const settings = [
    `port=${port}`,
    'listen_addresses=127.0.0.1',
    'unix_socket_directories=',
    `max_connections=${MAX_CONNECTIONS}`,
  ]
  const line = [...as, 'setpriv', '--pdeathsig', 'INT', join(programs, 'postgres'), '-D', data]
  const child = spawn(line[0]!, [...line.slice(1), ...settings.flatMap((setting) => ['-c', setting])], {
    stdio: 'ignore',
    cwd: '/',
  })
  const exited = once(child, 'exit')
  await Promise.race([
    eventually(() => portAnswers(port), 'PostgreSQL to listen'),
    exited.then(() => Promise.reject(new Error('PostgreSQL ended as it began'))),
  ])
  return {
    port,
    user: USER,
    password,
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGINT')
      await exited
      await folder[Symbol.asyncDispose]()
    },
  }
}
