/** What the desk is as files: the same bytes from the same sources, small, and nothing from anybody else. */
import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { brotliCompress, constants } from 'node:zlib'
import { beforeAll, expect, test } from 'vitest'
import { buildApp, buildAppInto } from '../../relay/web/build.ts'
import { createTemporaryFolder } from '../support/temporary-folder.ts'

/** Of the issue, as it is sent. */
const BUDGET_BYTES = 150_000

/** Few want it, once: it comes when it is asked for. */
const VERIFIER = '/latchkey-verify.html'

const compress = promisify(brotliCompress)

let folder: string

beforeAll(async () => {
  folder = await buildApp('desk')
}, 60_000)

async function filesOf(path: string): Promise<ReadonlyMap<string, Buffer>> {
  const entries = await readdir(path, { recursive: true, withFileTypes: true })
  const names = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
  return new Map(
    await Promise.all(names.sort().map(async (name) => [name.slice(path.length), await readFile(name)] as const)),
  )
}

const digestsOf = (files: ReadonlyMap<string, Buffer>) =>
  [...files].map(([name, bytes]) => [name, createHash('sha256').update(bytes).digest('hex')])

test('the desk’s files are the same bytes when they are built again from nothing', async () => {
  await using again = await createTemporaryFolder()
  await buildAppInto('desk', again.path)
  expect(digestsOf(await filesOf(again.path))).toEqual(digestsOf(await filesOf(folder)))
}, 60_000)

test('the desk’s files fit the budget as they are sent', async () => {
  const sizes = await Promise.all(
    [...(await filesOf(folder))].map(async ([name, bytes]) => {
      if (name === VERIFIER) return 0
      const options = { params: { [constants.BROTLI_PARAM_QUALITY]: 10 } }
      return ((await compress(bytes, options)) as Buffer).length
    }),
  )
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(BUDGET_BYTES)
})

test('the desk’s page names its own files only: neither script, nor style, nor picture from elsewhere', async () => {
  const page = (await filesOf(folder)).get('/index.html')!.toString()
  const named = [...page.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, address]) => address!)
  expect(named.length).toBeGreaterThanOrEqual(3)
  expect(named.filter((address) => !address.startsWith('/assets/'))).toEqual([])
})
