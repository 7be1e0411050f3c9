import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { type Lock, productionPackages } from '../../infra/pi/npm-lock.ts'

const readJson = (path: string): unknown => JSON.parse(readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8'))
const lock = readJson('package-lock.json') as Lock

test("the package carries the agent's libraries, each pinned, and none of the relay's or the compiler's", () => {
  const packages = productionPackages(lock, 'device-agent')
  const names = packages.map(({ name }) => name)
  expect(names).toEqual(expect.arrayContaining(['mqtt', 'pino', 'yaml', 'typebox', '@noble/curves', 'fluent-ffmpeg']))
  for (const other of ['fastify', 'pg', 'aedes', 'ffmpeg-static', 'typescript', '@types/node', 'undici-types'])
    expect(names).not.toContain(other)
  expect(packages.filter(({ integrity }) => !/^sha512-[A-Za-z0-9+/]{86}==$/.test(integrity))).toEqual([])
})

test('a library finds the version it was locked with, nearest first', () => {
  const entry = (version: string, dependencies = {}) => ({ version, integrity: `sha512-${version}`, dependencies })
  const small: Lock = {
    packages: {
      room: { dependencies: { a: '1', '@own/shared': '1' } },
      'node_modules/@own/shared': { link: true, resolved: 'shared' },
      shared: { dependencies: { b: '1' } },
      'node_modules/a': entry('1', { b: '2', '@types/a': '1' }),
      'node_modules/a/node_modules/b': entry('2'),
      'node_modules/b': entry('1'),
      'node_modules/unused': entry('1'),
    },
  }
  expect(productionPackages(small, 'room').map(({ path, version }) => [path, version])).toEqual([
    ['node_modules/a', '1'],
    ['node_modules/a/node_modules/b', '2'],
    ['node_modules/b', '1'],
  ])
  expect(() => productionPackages({ packages: { room: { dependencies: { gone: '1' } } } }, 'room')).toThrow(/no gone/)
})

test('the bundled Node is the one that package.json pins, for each processor', () => {
  const pins = Object.values(readJson('infra/pi/node-binaries.json') as Record<string, { version: string }>)
  const { dependencies } = readJson('package.json') as { dependencies: { node: string } }
  expect(pins.map(({ version }) => version)).toEqual([dependencies.node, dependencies.node])
})
