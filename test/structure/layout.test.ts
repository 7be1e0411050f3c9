/** The rooms at the top, and nothing beside them. */
import { existsSync, readdirSync } from 'node:fs'
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { filesBelow, readSource, ROOT } from '../support/source-files.ts'

const ROOMS = ['device-agent', 'infra', 'relay', 'shared', 'test']
const FILES = ['LICENSE', 'NOTICE', 'README.md', 'package-lock.json', 'package.json', 'tsconfig.json']
const DOTFILES = [
  '.ci',
  '.dependency-cruiser.json',
  '.editorconfig',
  '.gitignore',
  '.npmrc',
  '.prettierignore',
  '.prettierrc.json',
]
/** Where tools ask for another name. */
const TOOLS = ['eslint.config.mjs']

/** Tracked top-level names; without git (an unpacked archive) whatever is there that the build did not make. */
function topLevel(): string[] {
  if (!existsSync(join(ROOT, '.git'))) return readdirSync(ROOT).filter((name) => name !== 'node_modules')
  const tracked = execFileSync('git', ['ls-files', '-z'], { cwd: ROOT, encoding: 'utf8' }).split('\0')
  return [...new Set(tracked.filter(Boolean).map((path) => path.split('/')[0]!))]
}

test('the top level holds the rooms, their common files and dotfiles only', () => {
  expect(topLevel().sort()).toEqual([...ROOMS, ...FILES, ...DOTFILES, ...TOOLS].sort())
})

test('no file is called utils, helpers or common', () => {
  const names = ROOMS.flatMap((room) => filesBelow(room, '.ts'))
  expect(names.filter((path) => /(^|\/)(utils?|helpers?|common|misc)(\.|\/)/.test(path))).toEqual([])
  expect(names.filter((path) => !/^[a-z0-9-]+(\.test|\.config|\.d)?\.ts$/.test(path.split('/').at(-1)!))).toEqual([])
})

test('every source document that a comment points to is there', () => {
  const pages = new Set(filesBelow('shared/spec', '.md'))
  const missing = ['shared', 'device-agent', 'relay']
    .flatMap((room) => filesBelow(room, '.ts'))
    .flatMap((path) =>
      [...readSource(path).matchAll(/@see (?:[^\n]*?)\bspec\/([a-z0-9/-]+\.md)/g)].map((match) => ({
        path,
        page: `shared/spec/${match[1]!}`,
      })),
    )
    .filter(({ page }) => !pages.has(page))
  expect(missing).toEqual([])
})
