import { encodeBase64url, LatchkeyError, randomBytes, utf8 } from '@latchkey/shared'
import { constants } from 'node:fs'
import { access, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { isFileError, isFullError, isSystemError, readFileOrNull, writeFileAtomic } from './atomic-file.ts'
import type { Clock } from './clock.ts'
import { type Disk, type DiskFile, plainDisk } from './disk.ts'
import { createWaitMeter } from './wait-meter.ts'
import { createWaker } from './waker.ts'
import { createWriteMeter } from './write-meter.ts'

/**
 * `missing`: another file system, or nothing, lies where the data directory was. `failing`: the disk refuses what it
 * should take.
 */
export type DiskState = 'ok' | 'read-only' | 'missing' | 'failing'

/** What the data disk needs. */
export interface DataDiskOptions {
  /** The data directory; exists. */
  readonly directory: string
  /** Thumbprint of the device key that lies in it. */
  readonly device: string
  /** The directory must not lie on the file system of `/`: a disk of its own that was not mounted is an error. */
  readonly ownDisk?: boolean
  readonly clock: Clock
  /** What lies under the guard; the machine's own. */
  readonly under?: Disk
}

/** The disk under the data directory, watched: nothing is ever written when it is not that disk. */
export interface DataDisk extends Disk, AsyncDisposable {
  readonly state: DiskState
  /** See `WriteMeter.dayBytes`. */
  writtenDayBytes(): number
  /** How long the oldest call under way has waited for the disk, ms; 0 when there is none. */
  waitingMs(): number
  /** Looks at once. */
  look(): Promise<DiskState>
  /** Calls `listener` from now on whenever the disk goes away or comes back; it must not throw. */
  listen(listener: (state: DiskState) => void): void
}

/** For the log: what happens now, and what a person can do. */
export const DISK_ADVICE: Readonly<Record<DiskState, string>> = {
  ok: 'the data disk is back: recording goes on',
  missing:
    'the data disk is not there: mount it again; until then clips are lost, rings and motion are still told, and nothing is written in its place',
  'read-only':
    'the data disk is read-only: look into dmesg, check it with fsck and mount it writable; until then clips are lost, rings and motion are still told',
  failing:
    'the data disk refuses to write: look into dmesg and replace it if this repeats; until then clips are lost, rings and motion are still told',
}

/** Pairs the directory with the disk it is on, and with the device key that lies in it. */
const MARKER_FILE = '.latchkey-data'
const PROBE_FILE = '.probe.tmp'
/** Looking reads what the kernel has in memory: it neither writes nor wakes a disk. */
const LOOK_EVERY_MS = 10_000
/** While it is away, also by trying to write. */
const LOOK_AGAIN_MS = 2_000

async function claimDirectory({ directory, device }: DataDiskOptions): Promise<string> {
  const path = join(directory, MARKER_FILE)
  const stored = await readFileOrNull(path)
  if (stored === null) {
    const text = `${encodeBase64url(randomBytes(16))} ${device}\n`
    await writeFileAtomic(path, utf8(text))
    return text
  }
  const text = Buffer.from(stored).toString('utf8')
  if (text.trim().split(' ')[1] === device) return text
  throw new LatchkeyError(
    'CONFIG_INVALID',
    'the data directory belongs to another device key: bring its keys/device.key back, or empty the directory and pair anew',
  )
}

async function assertOwnDisk(directory: string): Promise<void> {
  const [data, root] = [await stat(directory), await stat('/')]
  if (data.dev === root.dev)
    throw new LatchkeyError(
      'STORAGE_FAILED',
      'disk.own is set and dataDir lies on the file system of /: mount the data disk first',
    )
}

function stateOf(error: unknown): DiskState {
  if (isFileError(error, 'EROFS')) return 'read-only'
  return isFileError(error, 'ENOENT') || isFileError(error, 'ENOTDIR') ? 'missing' : 'failing'
}

/** Full is the spool's affair, and a name that is taken or gone its caller's. */
function isOrdinary(error: unknown): boolean {
  const ordinary = ['EEXIST', 'ENOENT', 'ENOTEMPTY']
  return !isSystemError(error) || isFullError(error) || ordinary.some((code) => isFileError(error, code))
}

/**
 * Opens the data disk and watches it: by every call that fails, and by a look every 10 s. While it is not `ok` every
 * call is refused, and it is `ok` again only when the same directory is back and a file could be written into it.
 * @throws CONFIG_INVALID when the directory belongs to another device; STORAGE_FAILED when it must be a disk of its own
 *   and is not; node's file system errors
 */
export async function openDataDisk(options: DataDiskOptions): Promise<DataDisk> {
  const { directory, clock, under = plainDisk } = options
  if (options.ownDisk) await assertOwnDisk(directory)
  const marker = await claimDirectory(options)
  const meter = createWriteMeter(clock)
  const waker = createWaker(clock)
  const waits = createWaitMeter(clock)
  let place = await stat(directory)
  const listeners = new Set<(state: DiskState) => void>()
  let state: DiskState = 'ok'

  function enter(next: DiskState): void {
    if (next === state) return
    state = next
    waker.wake()
    for (const listener of listeners) listener(next)
  }

  /** Is what lies there what was opened? One `stat` as long as nothing was mounted or moved. */
  async function isThere(): Promise<boolean> {
    const now = await stat(directory).catch(() => null)
    if (now === null) return false
    if (now.dev === place.dev && now.ino === place.ino) return true
    const found = await readFileOrNull(join(directory, MARKER_FILE)).catch(() => null)
    if (found === null || Buffer.from(found).toString('utf8') !== marker) return false
    place = now
    return true
  }

  async function assertThere(): Promise<void> {
    if (!(await isThere())) enter('missing')
    if (state !== 'ok') throw new LatchkeyError('STORAGE_FAILED', `the data disk is ${state}`)
  }

  function guarded<T>(call: () => Promise<T>): Promise<T> {
    return waits.of(async () => {
      try {
        await assertThere()
        return await call()
      } catch (error) {
        if (!isOrdinary(error)) enter(stateOf(error))
        throw error
      }
    })
  }

  async function tryToWrite(): Promise<void> {
    const path = join(directory, PROBE_FILE)
    await under.remove(path)
    const file = await under.create(path, 0o600)
    try {
      await file.write(utf8(marker), 0)
      await file.sync()
    } finally {
      await file.close()
    }
    await under.remove(path)
  }

  async function findState(): Promise<DiskState> {
    if (!(await isThere())) return 'missing'
    try {
      await access(directory, constants.W_OK)
      if (state !== 'ok') await tryToWrite()
      return 'ok'
    } catch (error) {
      // No room for the probe is room for nothing else, but the disk is there: making room is what comes next.
      return isFullError(error) ? 'ok' : stateOf(error)
    }
  }

  async function look(): Promise<DiskState> {
    enter(await findState())
    return state
  }

  async function watch(): Promise<void> {
    while (!waker.isStopped()) {
      await waker.wait(state === 'ok' ? LOOK_EVERY_MS : LOOK_AGAIN_MS)
      if (!waker.isStopped()) await look()
    }
  }

  function guardFile(file: DiskFile): DiskFile {
    return {
      write: async (bytes, position) => {
        await guarded(() => file.write(bytes, position))
        meter.add(bytes.length)
      },
      truncate: (sizeBytes) => guarded(() => file.truncate(sizeBytes)),
      sync: () => guarded(() => file.sync()),
      close: () => file.close(),
    }
  }

  const watching = watch()
  return {
    create: async (path, mode) => guardFile(await guarded(() => under.create(path, mode))),
    edit: async (path) => guardFile(await guarded(() => under.edit(path))),
    createDirectory: (path) => guarded(() => under.createDirectory(path)),
    rename: (from, to) => guarded(() => under.rename(from, to)),
    link: (from, to) => guarded(() => under.link(from, to)),
    remove: (path) => guarded(() => under.remove(path)),
    syncDirectory: (path) => guarded(() => under.syncDirectory(path)),
    get state() {
      return state
    },
    writtenDayBytes: meter.dayBytes,
    waitingMs: waits.waitingMs,
    look,
    listen: (listener) => void listeners.add(listener),
    [Symbol.asyncDispose]: async () => {
      waker.stop()
      await watching
    },
  }
}
