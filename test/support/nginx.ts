import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { findFreePort } from '../../infra/local/port.ts'
import { portAnswers } from './mosquitto.ts'
import { eventually } from './poll.ts'
import { createTemporaryFolder } from './temporary-folder.ts'

const SETUP = new URL('../../infra/nginx/latchkey.conf', import.meta.url)

/** How the proxy is reached, and what it stands in front of. */
export interface NginxOptions {
  readonly port?: number
  readonly relayPorts: readonly number[]
  /** PEM files; plain http without. */
  readonly tls?: { readonly certFile: string; readonly keyFile: string }
}

/** The lines of our own set-up, by other addresses. */
async function siteOf({ relayPorts, tls }: NginxOptions, port: number): Promise<string> {
  const servers = relayPorts.map((relay) => `    server 127.0.0.1:${relay} max_fails=1 fail_timeout=5s;`)
  const site = (await readFile(SETUP, 'utf8'))
    .replace(/(^ {4}server 127\.0\.0\.1:.*\n)+/m, `${servers.join('\n')}\n`)
    .replace(/listen 443 ssl http2;/, `listen 127.0.0.1:${port}${tls ? ' ssl http2' : ''};`)
  if (!tls) return site.replace(/^ *ssl_.*\n/gm, '')
  return site.replace('/etc/latchkey/fullchain.pem', tls.certFile).replace('/etc/latchkey/privkey.pem', tls.keyFile)
}

async function ended(child: ChildProcess): Promise<void> {
  const exited = once(child, 'exit')
  child.kill('SIGQUIT')
  await exited
}

/** Debian's nginx on loopback, by the project's own set-up; ended with its scope. */
export async function createNginx(options: NginxOptions): Promise<AsyncDisposable & { readonly port: number }> {
  const folder = await createTemporaryFolder()
  const port = options.port ?? (await findFreePort())
  const config = join(folder.path, 'nginx.conf')
  await mkdir(join(folder.path, 'logs'))
  const places = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (name) => `${name}_temp_path ${folder.path}/${name};`,
  )
  await writeFile(join(folder.path, 'latchkey.conf'), await siteOf(options, port))
  await writeFile(
    config,
    `user root;\ndaemon off;\nworker_processes 1;\npid ${folder.path}/pid;\nerror_log ${folder.path}/logs/error.log;
events { worker_connections 4096; }\nhttp {\n${places.join('\n')}\ninclude ${folder.path}/latchkey.conf;\n}\n`,
  )
  const env = { PATH: `${process.env['PATH']}:/usr/sbin:/sbin` }
  const child = spawn(
    'setpriv',
    ['--pdeathsig', 'QUIT', 'nginx', '-e', `${folder.path}/logs/error.log`, '-p', folder.path, '-c', config],
    {
      stdio: 'ignore',
      env,
    },
  )
  const exited = once(child, 'exit').then(async () => {
    const told = await readFile(`${folder.path}/logs/error.log`, 'utf8').catch(() => 'apt-get install nginx-light')
    throw new Error(`this test needs nginx, and it does not run: ${told}`)
  })
  exited.catch(() => {})
  await Promise.race([eventually(() => portAnswers(port), 'nginx to listen'), exited])
  return {
    port,
    [Symbol.asyncDispose]: async () => {
      await ended(child)
      await folder[Symbol.asyncDispose]()
    },
  }
}
