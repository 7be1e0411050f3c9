import { LatchkeyError, randomBytes, toHex } from '@latchkey/shared'
import { link, mkdir, open, readdir, rename, rm, stat, statfs } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import type { ByteRange, ItemEntry, ItemExpectation, ItemStore, StoredItem } from '../flow.ts'
import { createDirectory, syncDirectory } from '../kernel/atomic-file.ts'
import { errnoOf, ignoring } from '../kernel/errno.ts'
import { noFailpoints, type Failpoints } from '../kernel/failpoint.ts'
import { diskError, translated } from './disk-error.ts'
import { parseItemKey } from './item-key.ts'
import { holdsItem, receiveItem } from './item-receiver.ts'

/**
 * Invariants, after any crash and {@link createDiskItemStore}'s recovery:
 * 1. every name below `items/` holds a complete item whose SHA-256 was checked, and never changes its content;
 * 2. an item whose `put` resolved is there until its `delete` begins; one whose `delete` resolved is not;
 * 3. `temporary/` is empty.
 */

/** The windows between the durable steps, in order. */
export const ITEM_STORE_FAILPOINTS = [
  'item.put.1-written',
  'item.put.2-synced',
  'item.put.3-linked',
  'item.put.4-directory-synced',
  'item.put.5-temporary-removed',
  'item.delete.1-renamed',
  'item.delete.2-directory-synced',
  'item.delete.3-removed',
] as const

/** Directories known to be durable are remembered, up to here, to spare one fsync per item. */
const MAX_KNOWN_DIRECTORIES = 10_000

/** Space left to PostgreSQL and everyone else on the disk: a full disk stops more than uploads. */
const DEFAULT_RESERVE_BYTES = 268_435_456

/** Where the items lie. */
export interface DiskItemStoreOptions {
  /** Folder of this store alone; one process at a time. */
  readonly root: string
  /** `put` refuses with STORAGE_FULL below this much free space; default 256 MiB. */
  readonly reserveBytes?: number
  readonly failpoints?: Failpoints
}

/** For a step that may find its work done: `false` for that one system error. */
function unless(expected: string): (error: unknown) => false {
  return (error) => {
    if (errnoOf(error) === expected) return false
    throw error
  }
}

/** A name that is not there, also below a name that is an item. */
function absent(cause: unknown): never {
  if (!['ENOENT', 'ENOTDIR'].includes(errnoOf(cause) ?? '')) throw cause
  throw new LatchkeyError('NOT_FOUND', 'no such item', { cause })
}

function assertRange(range: ByteRange, sizeBytes: number): void {
  const { first, last } = range
  const whole = Number.isSafeInteger(first) && Number.isSafeInteger(last)
  if (!whole || first < 0 || first > last || last >= sizeBytes) {
    throw new LatchkeyError('RANGE_INVALID', `no such range in ${sizeBytes} bytes`)
  }
}

class DiskItemStore implements ItemStore {
  readonly #items: string
  readonly #temporary: string
  readonly #reserveBytes: number
  readonly #failpoints: Failpoints
  readonly #durableDirectories = new Set<string>()

  constructor(options: DiskItemStoreOptions) {
    this.#items = join(options.root, 'items')
    this.#temporary = join(options.root, 'temporary')
    this.#reserveBytes = options.reserveBytes ?? DEFAULT_RESERVE_BYTES
    this.#failpoints = options.failpoints ?? noFailpoints
  }

  /** Everything in `temporary/` was never acknowledged, or was deleted: both may go. */
  async recover(): Promise<void> {
    for (const folder of [this.#items, this.#temporary]) await createDirectory(folder, 0o700)
    for (const name of await readdir(this.#temporary)) await rm(join(this.#temporary, name))
    await syncDirectory(this.#temporary)
  }

  put(
    key: string,
    body: Uint8Array | AsyncIterable<Uint8Array>,
    expected: ItemExpectation,
  ): Promise<'stored' | 'already'> {
    const path = this.#pathOf(key)
    return translated(async () => {
      await this.#assertSpace(expected.sizeBytes)
      const temporary = this.#temporaryName()
      try {
        await this.#write(temporary, body, expected)
        return await this.#publish(temporary, path, expected)
      } finally {
        await rm(temporary, { force: true })
      }
    })
  }

  get(key: string, range?: ByteRange): Promise<StoredItem> {
    const path = this.#pathOf(key)
    return translated(async () => {
      const file = await open(path, 'r').catch(absent)
      try {
        const found = await file.stat()
        if (!found.isFile()) throw new LatchkeyError('NOT_FOUND', 'no such item')
        const sizeBytes = found.size
        if (range) assertRange(range, sizeBytes)
        const stream = file.createReadStream(range ? { start: range.first, end: range.last } : {})
        return { stream, sizeBytes }
      } catch (error) {
        await file.close()
        throw error
      }
    })
  }

  delete(key: string): Promise<'deleted' | 'absent'> {
    const path = this.#pathOf(key)
    return translated(async () => {
      const tombstone = this.#temporaryName()
      // Durable 1/3: the item leaves its name in one step; its bytes still exist, as a tombstone that recovery removes.
      const found = await rename(path, tombstone).then(() => true, unless('ENOENT'))
      if (!found) {
        // An earlier delete may have died between its steps 1 and 2.
        await syncExisting(dirname(path))
        return 'absent'
      }
      await this.#failpoints.hit('item.delete.1-renamed')
      // Durable 2/3: it cannot come back.
      await syncDirectory(dirname(path))
      await this.#failpoints.hit('item.delete.2-directory-synced')
      // Durable 3/3: the bytes go.
      await rm(tombstone)
      await this.#failpoints.hit('item.delete.3-removed')
      return 'deleted'
    })
  }

  async *list(prefix: string): AsyncIterable<ItemEntry> {
    const from = prefix.includes('/') ? prefix.slice(0, prefix.lastIndexOf('/')) : ''
    const folder = from === '' ? this.#items : this.#pathOf(from)
    for await (const path of walk(folder)) {
      const key = relative(this.#items, path)
      if (!key.startsWith(prefix)) continue
      const found = await stat(path).catch(() => null)
      // Deleted meanwhile: not an error of a listing.
      if (found) yield { key, sizeBytes: found.size }
    }
  }

  #pathOf(key: string): string {
    return join(this.#items, ...parseItemKey(key))
  }

  #temporaryName(): string {
    return join(this.#temporary, toHex(randomBytes(16)))
  }

  async #assertSpace(sizeBytes: number): Promise<void> {
    const { bavail, bsize } = await statfs(this.#temporary)
    if (bavail * bsize < sizeBytes + this.#reserveBytes) {
      throw new LatchkeyError('STORAGE_FULL', 'less disk space is left than the reserve')
    }
  }

  async #write(
    temporary: string,
    body: Uint8Array | AsyncIterable<Uint8Array>,
    expected: ItemExpectation,
  ): Promise<void> {
    await using file = await open(temporary, 'wx', 0o600)
    // Durable 1/5: complete under a temporary name, size and digest checked.
    await receiveItem(file, body, expected)
    await this.#failpoints.hit('item.put.1-written')
    // Durable 2/5: the bytes survive power loss before any name points at them.
    await file.sync()
    await this.#failpoints.hit('item.put.2-synced')
  }

  async #publish(temporary: string, path: string, expected: ItemExpectation): Promise<'stored' | 'already'> {
    await this.#ensureDirectory(dirname(path))
    // Durable 3/5: link, which unlike rename refuses to replace what is there.
    const isNew = await link(temporary, path).then(() => true, unless('EEXIST'))
    if (!isNew && !(await holdsItem(path, expected))) {
      throw new LatchkeyError('ITEM_CONFLICT', 'another content holds this key')
    }
    await this.#failpoints.hit('item.put.3-linked')
    // Durable 4/5: the name survives too, also when an earlier writer died between its steps 3 and 4.
    await syncDirectory(dirname(path))
    await this.#failpoints.hit('item.put.4-directory-synced')
    // Durable 5/5: only the final name is left.
    await rm(temporary)
    await this.#failpoints.hit('item.put.5-temporary-removed')
    return isNew ? 'stored' : 'already'
  }

  /** A directory that exists may have been made by a process that died before its name was durable: sync once per life. */
  async #ensureDirectory(directory: string): Promise<void> {
    if (directory === this.#items || this.#durableDirectories.has(directory)) return
    await this.#ensureDirectory(dirname(directory))
    await mkdir(directory, { mode: 0o700 }).catch(ignoring('EEXIST'))
    await syncDirectory(dirname(directory))
    if (this.#durableDirectories.size >= MAX_KNOWN_DIRECTORIES) this.#durableDirectories.clear()
    this.#durableDirectories.add(directory)
  }
}

async function syncExisting(directory: string): Promise<void> {
  await syncDirectory(directory).catch(ignoring('ENOENT'))
}

async function* walk(folder: string): AsyncIterable<string> {
  const entries = await readdir(folder, { withFileTypes: true }).catch((error: unknown) => {
    if (errnoOf(error) === 'ENOENT') return []
    throw diskError(error)
  })
  for (const entry of entries) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) yield* walk(path)
    else yield path
  }
}

/**
 * Opens the item store of the embedded mode and recovers it.
 * @throws STORAGE_FAILED | STORAGE_FULL
 */
export async function createDiskItemStore(options: DiskItemStoreOptions): Promise<ItemStore> {
  const store = new DiskItemStore(options)
  await translated(() => store.recover())
  return store
}
