import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { ItemStore } from '../../relay/src/flow.ts'
import { armFailpoint } from '../../relay/src/kernel/failpoint.ts'
import { createDiskItemStore, ITEM_STORE_FAILPOINTS } from '../../relay/src/store/disk-item-store.ts'
import { describeItemStore, expectationOf, itemBody, KEY, keysOf, readItem } from '../support/item-store-contract.ts'
import { runKilledChild } from '../support/killed-child.ts'
import { eventually } from '../support/poll.ts'
import { createTemporaryFolder } from '../support/temporary-folder.ts'

let folder: Awaited<ReturnType<typeof createTemporaryFolder>>
beforeEach(async () => {
  folder = await createTemporaryFolder()
})
afterEach(() => folder[Symbol.asyncDispose]())

const open = (): Promise<ItemStore> => createDiskItemStore({ root: folder.path, reserveBytes: 0 })
const temporaries = (): Promise<string[]> => readdir(join(folder.path, 'temporary'))

describeItemStore('on disk', { open, leftovers: temporaries })

it('the item store on disk refuses to fill the disk', async () => {
  const store = await createDiskItemStore({ root: folder.path, reserveBytes: Number.MAX_SAFE_INTEGER })
  await expect(store.put(KEY, itemBody(1), expectationOf(itemBody(1)))).rejects.toMatchObject({ code: 'STORAGE_FULL' })
})

describe('an item store that stops in the middle', () => {
  it.each(ITEM_STORE_FAILPOINTS)('recovers to all or nothing, and the deed can be done again: %s', async (name) => {
    const failpoints = armFailpoint(name, 'halt')
    const broken = await createDiskItemStore({ root: folder.path, reserveBytes: 0, failpoints })
    const deed = broken.put(KEY, itemBody(1), expectationOf(itemBody(1))).then(() => broken.delete(KEY))
    deed.catch(() => {})
    await eventually(() => failpoints.reached, `failpoint ${name}`)
    const store = await open()
    expect(await temporaries()).toEqual([])
    const isPut = name.startsWith('item.put.')
    const linked = isPut && /[345]-/.test(name)
    expect(await keysOf(store)).toEqual(linked ? [KEY] : [])
    expect(await store.put(KEY, itemBody(1), expectationOf(itemBody(1)))).toBe(linked ? 'already' : 'stored')
    expect(await readItem(store, KEY)).toEqual(itemBody(1))
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
    for (const key of kept)
      expect(await readItem(store, key)).toEqual(itemBody(Number(key.split('/')[2]) % 256, 20_000))
    expect(await temporaries()).toEqual([])
  })
})
