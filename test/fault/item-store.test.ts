import { digestOf } from '@latchkey/shared'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { ItemExpectation, ItemStore } from '../../relay/src/flow.ts'
import { armFailpoint } from '../../relay/src/kernel/failpoint.ts'
import { createDiskItemStore, ITEM_STORE_FAILPOINTS } from '../../relay/src/store/disk-item-store.ts'
import { runKilledChild } from '../support/killed-child.ts'
import { eventually } from '../support/poll.ts'
import { createTemporaryFolder } from '../support/temporary-folder.ts'

const KEY = 'clips/AAAA/00001'
const body = (fill: number, sizeBytes = 5_000): Uint8Array => new Uint8Array(sizeBytes).fill(fill)
const expectation = (bytes: Uint8Array): ItemExpectation => ({ sha256B64u: digestOf(bytes), sizeBytes: bytes.length })

let folder: Awaited<ReturnType<typeof createTemporaryFolder>>
beforeEach(async () => {
  folder = await createTemporaryFolder()
})
afterEach(() => folder[Symbol.asyncDispose]())

const open = (): Promise<ItemStore> => createDiskItemStore({ root: folder.path, reserveBytes: 0 })

async function read(store: ItemStore, key: string, range?: { first: number; last: number }): Promise<Uint8Array> {
  const { stream } = await store.get(key, range)
  return new Uint8Array(Buffer.concat(await stream.toArray()))
}

async function keysOf(store: ItemStore, prefix = ''): Promise<string[]> {
  const keys: string[] = []
  for await (const { key } of store.list(prefix)) keys.push(key)
  return keys.sort()
}

const temporaries = (): Promise<string[]> => readdir(join(folder.path, 'temporary'))

async function* chunks(...parts: readonly Uint8Array[]): AsyncIterable<Uint8Array> {
  yield* parts
}

describe('the item store on disk', () => {
  it('gives back what was put, whole and by range', async () => {
    const store = await open()
    const bytes = Uint8Array.from({ length: 5_000 }, (_, i) => i % 251)
    expect(await store.put(KEY, chunks(bytes.subarray(0, 1), bytes.subarray(1)), expectation(bytes))).toBe('stored')
    expect(await read(store, KEY)).toEqual(bytes)
    expect(await read(store, KEY, { first: 10, last: 19 })).toEqual(bytes.slice(10, 20))
    const { stream, sizeBytes } = await store.get(KEY)
    stream.destroy()
    expect(sizeBytes).toBe(5_000)
  })

  it('answers "already" to the same content and refuses another', async () => {
    const store = await open()
    await store.put(KEY, body(1), expectation(body(1)))
    expect(await store.put(KEY, body(1), expectation(body(1)))).toBe('already')
    const other = store.put(KEY, body(2), expectation(body(2)))
    await expect(other).rejects.toMatchObject({ code: 'ITEM_CONFLICT' })
    expect(await read(store, KEY)).toEqual(body(1))
    expect(await temporaries()).toEqual([])
  })

  it('lets exactly one of many writers win', async () => {
    const store = await open()
    const outcomes = await Promise.allSettled(
      Array.from({ length: 8 }, (_, n) => store.put(KEY, body(n), expectation(body(n)))),
    )
    expect(outcomes.filter((outcome) => outcome.status === 'fulfilled')).toHaveLength(1)
  })

  it.each([
    ['shorter', body(1, 4_999)],
    ['longer', body(1, 5_001)],
    ['other', body(2)],
  ])('stores nothing when the body is %s than announced', async (_, bytes) => {
    const store = await open()
    await expect(store.put(KEY, bytes, expectation(body(1)))).rejects.toMatchObject({ code: 'ITEM_INVALID' })
    expect([await keysOf(store), await temporaries()]).toEqual([[], []])
  })

  it('stores nothing when the body breaks off', async () => {
    const store = await open()
    const broken = (async function* () {
      yield body(1, 10)
      throw Object.assign(new Error('reset'), { code: 'ECONNRESET' })
    })()
    await expect(store.put(KEY, broken, expectation(body(1)))).rejects.toMatchObject({ code: 'STORAGE_FAILED' })
    expect([await keysOf(store), await temporaries()]).toEqual([[], []])
  })

  it('refuses to fill the disk', async () => {
    const store = await createDiskItemStore({ root: folder.path, reserveBytes: Number.MAX_SAFE_INTEGER })
    await expect(store.put(KEY, body(1), expectation(body(1)))).rejects.toMatchObject({ code: 'STORAGE_FULL' })
  })

  it.each([
    '',
    '/',
    'a//b',
    '../a',
    'a/../b',
    'a/.',
    '.a',
    'a/.b',
    '/a',
    'a/',
    'a b',
    'a\0',
    'ä',
    `${'a/'.repeat(8)}a`,
  ])('refuses the key %j', async (key) => {
    const store = await open()
    const put = async (): Promise<unknown> => store.put(key, body(1), expectation(body(1)))
    await expect(put()).rejects.toMatchObject({ code: 'ENCODING_INVALID' })
  })

  it('refuses ranges outside the item, and items that are not there', async () => {
    const store = await open()
    await store.put(KEY, body(1), expectation(body(1)))
    for (const range of [
      { first: 0, last: 5_000 },
      { first: 2, last: 1 },
      { first: -1, last: 1 },
    ]) {
      await expect(store.get(KEY, range)).rejects.toMatchObject({ code: 'RANGE_INVALID' })
    }
    for (const key of ['clips/none', 'clips', 'clips/AAAA/00001/x']) {
      await expect(store.get(key)).rejects.toMatchObject({ code: 'NOT_FOUND' })
    }
  })

  it('deletes once and says so', async () => {
    const store = await open()
    await store.put(KEY, body(1), expectation(body(1)))
    expect([await store.delete(KEY), await store.delete(KEY)]).toEqual(['deleted', 'absent'])
    await expect(store.get(KEY)).rejects.toMatchObject({ code: 'NOT_FOUND' })
    expect(await store.put(KEY, body(2), expectation(body(2)))).toBe('stored')
  })

  it('lists by prefix', async () => {
    const store = await open()
    for (const key of ['clips/a/1', 'clips/a/2', 'clips/b/1', 'days/1']) {
      await store.put(key, body(1), expectation(body(1)))
    }
    expect(await keysOf(store, 'clips/a/')).toEqual(['clips/a/1', 'clips/a/2'])
    expect(await keysOf(store, 'clips/')).toEqual(['clips/a/1', 'clips/a/2', 'clips/b/1'])
    expect(await keysOf(store, 'da')).toEqual(['days/1'])
    expect(await keysOf(store, 'none/')).toEqual([])
  })
})

describe('an item store that stops in the middle', () => {
  it.each(ITEM_STORE_FAILPOINTS)('recovers to all or nothing, and the deed can be done again: %s', async (name) => {
    const failpoints = armFailpoint(name, 'halt')
    const broken = await createDiskItemStore({ root: folder.path, reserveBytes: 0, failpoints })
    const deed = broken.put(KEY, body(1), expectation(body(1))).then(() => broken.delete(KEY))
    deed.catch(() => {})
    await eventually(() => failpoints.reached, `failpoint ${name}`)
    const store = await open()
    expect(await temporaries()).toEqual([])
    const isPut = name.startsWith('item.put.')
    const linked = isPut && /[345]-/.test(name)
    expect(await keysOf(store)).toEqual(linked ? [KEY] : [])
    expect(await store.put(KEY, body(1), expectation(body(1)))).toBe(linked ? 'already' : 'stored')
    expect(await read(store, KEY)).toEqual(body(1))
    expect(await store.delete(KEY)).toBe('deleted')
  })

  it('keeps every acknowledged item and no broken one over SIGKILLs', async () => {
    const script = join(import.meta.dirname, 'children', 'put-items.ts')
    let next = 0
    const runs = [
      { failpoint: 'item.put.3-linked' },
      { failpoint: '', killAfter: 3 },
      { failpoint: 'item.delete.1-renamed' },
      { failpoint: '', killAfter: 8 },
    ]
    for (const { failpoint, killAfter } of runs) {
      const lines = await runKilledChild(script, [folder.path, String(next), failpoint], killAfter)
      next += lines.length
    }
    const store = await open()
    const kept = new Set(await keysOf(store, 'clips/'))
    for (let n = 0; n < next; n++) expect(kept.has(`clips/c${n % 3}/${n}`)).toBe(n % 2 === 0)
    for (const key of kept) expect(await read(store, key)).toEqual(body(Number(key.split('/')[2]) % 256, 20_000))
    expect(await temporaries()).toEqual([])
  })
})
