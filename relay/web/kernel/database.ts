/** What an app keeps in its browser: one IndexedDB database, one record per name. */

const NAME = 'latchkey'
const VERSION = 1
const STORE = 'records'

/** A small durable map. Keys of WebCrypto can be stored without being readable. */
export interface Database {
  /** `undefined` when there is none. */
  load(name: string): Promise<unknown>
  /** Resolves when it is on the disk. */
  save(name: string, value: unknown): Promise<void>
  /**
   * What it was becomes what `change` makes of it, with nothing in between, in no other tab either. Resolves when it is on
   * the disk. `change` gets `undefined` when there is none; nothing changes when it throws.
   */
  update(name: string, change: (before: unknown) => unknown): Promise<void>
  /** All of them or none. */
  deleteAll(names: readonly string[]): Promise<void>
  /** Names that begin with `prefix`. */
  names(prefix: string): Promise<readonly string[]>
}

function settle<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result)
    request.onerror = () => reject(request.error ?? new Error('the database failed'))
  })
}

function complete(transaction: IDBTransaction): Promise<void> {
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve()
    transaction.onabort = () => reject(transaction.error ?? new Error('the database gave up'))
  })
}

/** Opens it, made when absent. @throws when the browser keeps nothing (some private windows) */
export async function openDatabase(): Promise<Database> {
  const opening = indexedDB.open(NAME, VERSION)
  opening.onupgradeneeded = () => opening.result.createObjectStore(STORE)
  const database = await settle(opening)
  // Another tab with a newer app must not wait for this one.
  database.onversionchange = () => database.close()

  async function write(change: (store: IDBObjectStore) => void): Promise<void> {
    const transaction = database.transaction(STORE, 'readwrite', { durability: 'strict' })
    const done = complete(transaction)
    change(transaction.objectStore(STORE))
    await done
  }

  return {
    load: (name) => settle<unknown>(database.transaction(STORE).objectStore(STORE).get(name)),
    save: (name, value) => write((store) => void store.put(value, name)),
    update: (name, change) =>
      write((store) => {
        const reading: IDBRequest<unknown> = store.get(name)
        reading.onsuccess = () => void store.put(change(reading.result), name)
      }),
    deleteAll: (names) => write((store) => names.forEach((name) => void store.delete(name))),
    names: async (prefix) => {
      const range = IDBKeyRange.bound(prefix, `${prefix}\uffff`)
      const keys = await settle(database.transaction(STORE).objectStore(STORE).getAllKeys(range))
      return keys.filter((key) => typeof key === 'string')
    },
  }
}
