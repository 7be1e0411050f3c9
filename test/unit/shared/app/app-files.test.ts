import { appDigestOf, digestOf, encodeAppFiles, parseAppFiles, utf8 } from '@latchkey/shared'
import { execFileSync } from 'node:child_process'
import { expect, test } from 'vitest'

const HASH = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'
const FILES = new Map([
  ['/icon.svg', utf8('<svg/>')],
  ['/', utf8('<!doctype html>')],
  ['/assets/index-abc.js', utf8('')],
])

test('an app’s files are listed by path with the hash that sha256sum writes, and the log names the list', () => {
  const list = encodeAppFiles(FILES)
  const text = new TextDecoder().decode(list)
  expect(text.split('\n').map((line) => line.slice(66))).toEqual(['/', '/assets/index-abc.js', '/icon.svg', ''])
  expect(text).toContain(`${HASH}  /assets/index-abc.js\n`)
  const summed = execFileSync('sha256sum', { input: '<svg/>' }).toString().slice(0, 64)
  expect(parseAppFiles(list).find(({ path }) => path === '/icon.svg')?.sha256).toBe(summed)
  expect(appDigestOf(list)).toBe(digestOf(list))
})

test('a list that says more than it means is none', () => {
  const line = (path: string, hash = HASH) => `${hash}  ${path}\n`
  const bad = [
    '',
    line('/').trimEnd(),
    line('/a.js'),
    line('/') + line('/'),
    line('/b.js') + line('/'),
    line('/') + line('/../etc/passwd'),
    line('/') + line('//example.org/x.js'),
    line('/') + line('/a b.js'),
    line('/') + line('/a.js?x'),
    line('/') + line('/app-files.txt'),
    line('/', HASH.toUpperCase()),
    line('/').replace('  ', ' '),
    `${line('/')}\r\n`,
  ]
  for (const text of bad) expect(() => parseAppFiles(utf8(text)), JSON.stringify(text)).toThrow(/list of files/)
  expect(() => parseAppFiles(utf8('x'.repeat(65_537)))).toThrow(/at most/)
})
