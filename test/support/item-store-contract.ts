/** What every item store does, whatever it stands on. */
import { digestOf } from '@latchkey/shared'
import { describe, expect, it } from 'vitest'
import type { ItemExpectation, ItemStore } from '../../relay/src/flow.ts'

export const KEY = 'clips/AAAA/00001'
export const itemBody = (fill: number, sizeBytes = 5_000): Uint8Array => new Uint8Array(sizeBytes).fill(fill)
export const expectationOf = (bytes: Uint8Array): ItemExpectation => ({
  sha256B64u: digestOf(bytes),
  sizeBytes: bytes.length,
})

export async function readItem(
  store: ItemStore,
  key: string,
  range?: { first: number; last: number },
): Promise<Uint8Array> {
  const { stream } = await store.get(key, range)
  return new Uint8Array(Buffer.concat(await stream.toArray()))
}

export async function keysOf(store: ItemStore, prefix = ''): Promise<string[]> {
  const keys: string[] = []
  for await (const { key } of store.list(prefix)) keys.push(key)
  return keys.sort()
}

/** A stream of these chunks, as a body may come. */
export async function* chunks(...parts: readonly Uint8Array[]): AsyncIterable<Uint8Array> {
  yield* parts
}

/** How to come to an empty store, and the names of what it has put aside and not removed. */
export interface StoreUnderTest {
  open(): Promise<ItemStore>
  leftovers(): Promise<string[]>
}

/** Declares the tests of one store. @param where as it ends the sentence "the item store …" */
export function describeItemStore(where: string, { open, leftovers }: StoreUnderTest): void {
  describe(`the item store ${where}`, () => {
    it('gives back what was put, whole and by range', async () => {
      const store = await open()
      const bytes = Uint8Array.from({ length: 5_000 }, (_, i) => i % 251)
      expect(await store.put(KEY, chunks(bytes.subarray(0, 1), bytes.subarray(1)), expectationOf(bytes))).toBe('stored')
      expect(await readItem(store, KEY)).toEqual(bytes)
      expect(await readItem(store, KEY, { first: 10, last: 19 })).toEqual(bytes.slice(10, 20))
      const { stream, sizeBytes } = await store.get(KEY)
      stream.destroy()
      expect(sizeBytes).toBe(5_000)
    })

    it('answers "already" to the same content and refuses another', async () => {
      const store = await open()
      await store.put(KEY, itemBody(1), expectationOf(itemBody(1)))
      expect(await store.put(KEY, itemBody(1), expectationOf(itemBody(1)))).toBe('already')
      const other = store.put(KEY, itemBody(2), expectationOf(itemBody(2)))
      await expect(other).rejects.toMatchObject({ code: 'ITEM_CONFLICT' })
      expect(await readItem(store, KEY)).toEqual(itemBody(1))
      expect(await leftovers()).toEqual([])
    })

    it('lets exactly one of many writers win', async () => {
      const store = await open()
      const outcomes = await Promise.allSettled(
        Array.from({ length: 8 }, (_, n) => store.put(KEY, itemBody(n), expectationOf(itemBody(n)))),
      )
      expect(outcomes.filter((outcome) => outcome.status === 'fulfilled')).toHaveLength(1)
    })

    it.each([
      ['shorter', itemBody(1, 4_999)],
      ['longer', itemBody(1, 5_001)],
      ['other', itemBody(2)],
    ])('stores nothing when the body is %s than announced', async (_, bytes) => {
      const store = await open()
      await expect(store.put(KEY, bytes, expectationOf(itemBody(1)))).rejects.toMatchObject({ code: 'ITEM_INVALID' })
      expect([await keysOf(store), await leftovers()]).toEqual([[], []])
    })

    it('stores nothing when the body breaks off', async () => {
      const store = await open()
      const broken = (async function* () {
        yield itemBody(1, 10)
        throw Object.assign(new Error('reset'), { code: 'ECONNRESET' })
      })()
      await expect(store.put(KEY, broken, expectationOf(itemBody(1)))).rejects.toMatchObject({ code: 'STORAGE_FAILED' })
      expect([await keysOf(store), await leftovers()]).toEqual([[], []])
    })

    it('refuses keys that are none', async () => {
      const store = await open()
      const keys = [
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
      ]
      for (const key of keys) {
        const put = async (): Promise<unknown> => store.put(key, itemBody(1), expectationOf(itemBody(1)))
        await expect(put(), JSON.stringify(key)).rejects.toMatchObject({ code: 'ENCODING_INVALID' })
      }
    })

    it('refuses ranges outside the item, and items that are not there', async () => {
      const store = await open()
      await store.put(KEY, itemBody(1), expectationOf(itemBody(1)))
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
      await store.put(KEY, itemBody(1), expectationOf(itemBody(1)))
      expect([await store.delete(KEY), await store.delete(KEY)]).toEqual(['deleted', 'absent'])
      await expect(store.get(KEY)).rejects.toMatchObject({ code: 'NOT_FOUND' })
      expect(await store.put(KEY, itemBody(2), expectationOf(itemBody(2)))).toBe('stored')
    })

    it('lists by prefix', async () => {
      const store = await open()
      for (const key of ['clips/a/1', 'clips/a/2', 'clips/b/1', 'days/1']) {
        await store.put(key, itemBody(1), expectationOf(itemBody(1)))
      }
      expect(await keysOf(store, 'clips/a/')).toEqual(['clips/a/1', 'clips/a/2'])
      expect(await keysOf(store, 'clips/')).toEqual(['clips/a/1', 'clips/a/2', 'clips/b/1'])
      expect(await keysOf(store, 'da')).toEqual(['days/1'])
      expect(await keysOf(store, 'none/')).toEqual([])
    })
  })
}
