import { digestOf, LatchkeyError, randomBytes, toHex, utf8 } from '@latchkey/shared'
import { chmod, chown, lstat, mkdir, readdir, readFile, readlink, rename, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import pg from 'pg'
import { createDirectory, syncDirectory } from '../kernel/atomic-file.ts'
import { runChild, spawnChild, type Child } from '../kernel/child-process.ts'
import type { Clock } from '../kernel/clock.ts'
import { ignoring } from '../kernel/errno.ts'
import type { Log } from '../kernel/log.ts'
import { loadPostgresBinaries, type PostgresBinaries } from './postgres-binaries.ts'
import { CHILD_ENV, demotion, demotionFor, loadNobody, type Demotion } from './unprivileged.ts'

/** sun_path of unix(7) is 108 bytes with its end mark. */
const MAX_SOCKET_PATH_BYTES = 107
const SOCKET_NAME = '.s.PGSQL.5432'
/** Crash recovery replays the log before the server is ready; it may take long after much work. */
const READY_TIMEOUT_MS = 120_000
/** A server whose parent was killed shuts down by itself; this long we wait for it. */
const ORPHAN_TIMEOUT_MS = 30_000
const STOP_TIMEOUT_MS = 30_000
const POLL_MS = 10
const SUPERUSER = 'postgres'
/** The relay's own role and database: not a superuser, so that no statement of ours can read files or run programs. */
const ROLE = 'latchkey'

/** Where the server keeps things and what it needs from us. */
export interface EmbeddedPostgresOptions {
  /** Data folder; made when missing. Only this server may write it. */
  readonly dataDir: string
  /** Where a copy of the programs goes if the unprivileged user cannot reach them; only used when we are root. */
  readonly copyFolder: string
  readonly clock: Clock
  readonly log: Log
}

/** A running server, for {@link createPgDatabase}. */
export interface EmbeddedPostgres extends AsyncDisposable {
  readonly target: { readonly socketDir: string; readonly user: string; readonly database: string }
  /** Resolves when the server ended, whether asked to or not. */
  readonly exited: Promise<void>
  /** Fast shutdown: open transactions roll back, the folder is left clean. Idempotent. */
  stop(): Promise<void>
}

interface Place {
  readonly dataDir: string
  readonly as: Demotion | null
  readonly binaries: PostgresBinaries
}

const exists = (path: string): Promise<boolean> =>
  lstat(path).then(
    () => true,
    () => false,
  )

async function createOwnFolder(folder: string, as: Demotion | null): Promise<void> {
  await mkdir(folder, { mode: 0o700 }).catch(ignoring('EEXIST'))
  await chmod(folder, 0o700)
  if (as) await chown(folder, as.uid, as.gid)
}

async function runInitdb(folder: string, place: Place): Promise<void> {
  // Trust is safe: there is no TCP, and the socket lies in a folder that only the server's user and root may enter.
  const options = [`--username=${SUPERUSER}`, '--auth=trust', '--encoding=UTF8', '--locale=C', '--no-instructions']
  const line = [...demotion(place.as), place.binaries.initdb, `--pgdata=${folder}`, ...options]
  const { code, lines } = await runChild(line[0]!, line.slice(1), { env: CHILD_ENV, cwd: '/' })
  if (code !== 0) throw new LatchkeyError('STORAGE_FAILED', `initdb failed: ${lines.slice(-5).join(' / ')}`)
}

/** Made beside and renamed, so that a data folder that exists was completely initialised. */
async function initialise(place: Place): Promise<void> {
  const temporary = `${place.dataDir}.${toHex(randomBytes(6))}.tmp`
  await createOwnFolder(temporary, place.as)
  try {
    await runInitdb(temporary, place)
    await rename(temporary, place.dataDir)
  } catch (error) {
    await rm(temporary, { recursive: true, force: true })
    throw error
  }
  await syncDirectory(dirname(place.dataDir))
}

async function assertUsable(place: Place): Promise<void> {
  const version = await readFile(join(place.dataDir, 'PG_VERSION'), 'utf8').catch(() => null)
  if (version === null) throw new LatchkeyError('CONFIG_INVALID', `${place.dataDir} is not empty and not a database`)
  if (version.trim() !== place.binaries.major) {
    const found = `PostgreSQL ${version.trim()}, this program brings ${place.binaries.major}`
    throw new LatchkeyError('CONFIG_INVALID', `${place.dataDir} was made by ${found}: dump and restore it`)
  }
}

async function preparePlace(options: EmbeddedPostgresOptions): Promise<Place> {
  const dataDir = resolve(options.dataDir)
  await createDirectory(dirname(dataDir))
  const nobody = process.getuid?.() === 0 ? await loadNobody() : null
  const binaries = await loadPostgresBinaries(nobody, options.copyFolder)
  const isNew = !(await exists(dataDir)) || (await readdir(dataDir)).length === 0
  if (isNew) await createOwnFolder(dataDir, nobody)
  const as = nobody && (await demotionFor(dataDir, nobody))
  const place = { dataDir, binaries, as: as && { ...as, readSearch: as.readSearch || binaries.readSearch } }
  if (isNew) await initialise(place)
  await assertUsable(place)
  return place
}

/** A process that ended and was not yet collected: PostgreSQL takes the pid in its file for a live server until it is. */
async function isUncollectedServer(pid: number): Promise<boolean> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
  return /^\d+ \(postgres\) Z /.test(stat)
}

/**
 * A pid that keeps a new server from starting on this folder, or `null`: the former server, or one of its processes, which
 * may outlive it for a moment. A pid file may be stale and its pid reused by a stranger.
 */
async function findFormerServer(dataDir: string): Promise<number | null> {
  const pidFile = await readFile(join(dataDir, 'postmaster.pid'), 'utf8').catch(() => '')
  const pid = Number(pidFile.split('\n')[0])
  if (Number.isSafeInteger(pid) && pid > 1 && (await isUncollectedServer(pid))) return pid
  // Every process of a server works in its data folder.
  for (const name of (await readdir('/proc')).filter((entry) => /^\d+$/.test(entry))) {
    if ((await readlink(`/proc/${name}/cwd`).catch(() => null)) !== dataDir) continue
    if ((await readFile(`/proc/${name}/comm`, 'utf8').catch(() => '')).trim() === 'postgres') return Number(name)
  }
  return null
}

async function waitForOrphan(place: Place, { clock, log }: EmbeddedPostgresOptions): Promise<void> {
  const deadlineMs = clock.monotonicMs() + ORPHAN_TIMEOUT_MS
  for (let pid = await findFormerServer(place.dataDir); pid !== null; pid = await findFormerServer(place.dataDir)) {
    if (clock.monotonicMs() > deadlineMs) {
      throw new LatchkeyError('CONFLICT', `another PostgreSQL (process ${pid}) uses ${place.dataDir}`)
    }
    log.debug({ pid }, 'database.waiting-for-former-server')
    await clock.sleep(POLL_MS)
  }
}

/** The data folder, unless its socket path would be too long: then a private folder whose name the data folder decides. */
async function chooseSocketDir(place: Place): Promise<string> {
  if (Buffer.byteLength(join(place.dataDir, SOCKET_NAME)) <= MAX_SOCKET_PATH_BYTES) return place.dataDir
  const folder = join(tmpdir(), `latchkey-${digestOf(utf8(place.dataDir)).slice(0, 16)}`)
  await mkdir(folder, { mode: 0o700 }).catch(ignoring('EEXIST'))
  // Untrusted: anyone may have made this name in the shared folder first.
  const found = await lstat(folder)
  const owners = [process.getuid?.() ?? 0, place.as?.uid]
  if (!found.isDirectory() || !owners.includes(found.uid) || (found.mode & 0o077) !== 0) {
    throw new LatchkeyError('CONFIG_INVALID', `${folder} is not ours: remove it, or choose a shorter state folder`)
  }
  if (place.as) await chown(folder, place.as.uid, place.as.gid)
  return folder
}

async function launch(place: Place, socketDir: string, log: Log): Promise<Child> {
  const settings = ['listen_addresses=', `unix_socket_directories=${socketDir}`, 'unix_socket_permissions=0700']
  const options = settings.flatMap((setting) => ['-c', setting])
  const line = [
    ...demotion(place.as, { diesWithParent: true }),
    place.binaries.postgres,
    '-D',
    place.dataDir,
    ...options,
  ]
  return spawnChild(line[0]!, line.slice(1), {
    env: CHILD_ENV,
    cwd: '/',
    // Warnings and errors of the server name tables and hold statements, not parameters.
    onLine: (text) => log.debug({ line: text.slice(0, 300) }, 'database.server'),
  })
}

async function isReady(dataDir: string, pid: number): Promise<boolean> {
  const lines = (await readFile(join(dataDir, 'postmaster.pid'), 'utf8').catch(() => '')).split('\n')
  // Line 8 is the status (PostgreSQL source, miscadmin.h LOCK_FILE_LINE_PM_STATUS).
  return Number(lines[0]) === pid && lines[7]?.trim() === 'ready'
}

async function waitUntilReady(place: Place, child: Child, clock: Clock): Promise<void> {
  const state = { ended: false }
  void child.exited.then(() => {
    state.ended = true
  })
  const deadlineMs = clock.monotonicMs() + READY_TIMEOUT_MS
  while (!(await isReady(place.dataDir, child.pid))) {
    if (state.ended) throw new LatchkeyError('STORAGE_FAILED', 'PostgreSQL ended at start: see the log at level debug')
    if (clock.monotonicMs() > deadlineMs) throw new LatchkeyError('UNAVAILABLE', 'PostgreSQL did not become ready')
    await clock.sleep(POLL_MS)
  }
}

async function ensureRole(socketDir: string): Promise<void> {
  const client = new pg.Client({ host: socketDir, user: SUPERUSER, database: 'postgres', ssl: false })
  await client.connect()
  try {
    const roles = await client.query('SELECT 1 FROM pg_roles WHERE rolname = $1', [ROLE])
    if (roles.rowCount === 0) await client.query(`CREATE ROLE ${ROLE} LOGIN`)
    const databases = await client.query('SELECT 1 FROM pg_database WHERE datname = $1', [ROLE])
    if (databases.rowCount === 0) await client.query(`CREATE DATABASE ${ROLE} OWNER ${ROLE}`)
  } finally {
    await client.end()
  }
}

async function stopServer(child: Child, clock: Clock): Promise<void> {
  // SIGINT is fast shutdown, SIGQUIT immediate shutdown with recovery at the next start (PostgreSQL §18.5).
  for (const signal of ['SIGINT', 'SIGQUIT', 'SIGKILL'] as const) {
    if (!child.kill(signal)) break
    const waiting = new AbortController()
    const ended = await Promise.race([
      child.exited.then(() => true),
      clock.sleep(STOP_TIMEOUT_MS, waiting.signal).then(() => false),
    ])
    waiting.abort()
    if (ended) break
  }
  await child.exited
}

/**
 * Starts our own PostgreSQL: initialises the data folder the first time, runs as `nobody` when we are root, listens on a
 * unix socket only, and never outlives us. Idempotent over crashes: a killed relay's server is waited for, and crash
 * recovery is PostgreSQL's own.
 * @throws DEPENDENCY_MISSING | CONFIG_INVALID | CONFLICT (another live server holds the folder) | STORAGE_FAILED | UNAVAILABLE
 */
export async function createEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const place = await preparePlace(options)
  await waitForOrphan(place, options)
  const socketDir = await chooseSocketDir(place)
  const child = await launch(place, socketDir, options.log)
  const stop = async (): Promise<void> => {
    await stopServer(child, options.clock)
    if (socketDir !== place.dataDir) await rm(socketDir, { recursive: true, force: true })
  }
  try {
    await waitUntilReady(place, child, options.clock)
    await ensureRole(socketDir)
  } catch (error) {
    await stop()
    throw error
  }
  const target = { socketDir, user: ROLE, database: ROLE }
  return { target, exited: child.exited.then(() => {}), stop, [Symbol.asyncDispose]: stop }
}
