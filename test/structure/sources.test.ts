/** Clock, randomness, environment and child processes stay in the files that own them. */
import ts from 'typescript'
import { describe, expect, test } from 'vitest'
import { filesBelow, nodesOf, parseSource } from '../support/source-files.ts'

const SOURCES = [
  'shared/src',
  'shared/client',
  'shared/monitor',
  'shared/node',
  'device-agent/src',
  'relay/src',
].flatMap((room) => filesBelow(room, '.ts'))

/** What a syntax node takes from the world, if anything. */
function worldOf(node: ts.Node): string | null {
  if (ts.isPropertyAccessExpression(node)) {
    const name = `${node.expression.getText()}.${node.name.text}`
    return ['Date.now', 'Math.random', 'process.env', 'performance.now', 'crypto.getRandomValues'].includes(name)
      ? name
      : null
  }
  if (ts.isNewExpression(node) && node.expression.getText() === 'Date' && (node.arguments ?? []).length === 0)
    return 'new Date()'
  if (ts.isCallExpression(node) && ['setTimeout', 'setInterval', 'setImmediate'].includes(node.expression.getText()))
    return node.expression.getText()
  if (ts.isImportDeclaration(node)) {
    const name = (node.moduleSpecifier as ts.StringLiteral).text
    return name === 'node:child_process' || name === 'node:crypto' ? name : null
  }
  return null
}

const uses = SOURCES.flatMap((path) =>
  [...nodesOf(parseSource(path))].flatMap((node) => {
    const world = worldOf(node)
    return world === null ? [] : [{ world, path }]
  }),
)
/** Files that use one thing of the world, sorted. */
const usersOf = (...worlds: string[]) => [
  ...new Set(uses.filter(({ world }) => worlds.includes(world)).map(({ path }) => path)),
]

describe('only its own files touch', () => {
  test('the wall clock and timers', () => {
    const timers = usersOf('Date.now', 'new Date()', 'performance.now', 'setTimeout', 'setInterval', 'setImmediate')
    expect(timers).toEqual([
      'shared/client/idle-watch.ts',
      'device-agent/src/kernel/clock.ts',
      'relay/src/kernel/clock.ts',
    ])
  })

  test('randomness', () => {
    expect(usersOf('Math.random', 'crypto.getRandomValues')).toEqual(['shared/src/crypto/noble-primitives.ts'])
  })

  test('the platform’s cryptography: the primitives, the hash of a body as it streams in, and cameras’ passwords, which need MD5', () => {
    expect(usersOf('node:crypto')).toEqual([
      'shared/node/node-primitives.ts',
      'device-agent/src/camera/rtsp-authorization.ts',
      'relay/src/store/item-receiver.ts',
    ])
  })

  test('the environment', () => {
    expect(usersOf('process.env').filter((path) => !path.endsWith('/main.ts'))).toEqual([])
  })

  test('child processes', () => {
    expect(usersOf('node:child_process')).toEqual([
      'device-agent/src/kernel/child-process.ts',
      'relay/src/kernel/child-process.ts',
    ])
  })
})

test('the check sees each of them', () => {
  const text =
    "import 'node:crypto'\nimport { spawn } from 'node:child_process'\nDate.now(); new Date(); Math.random(); process.env['A']; setTimeout(a, 1)"
  const seen = [...nodesOf(parseSource('seeded.ts', text))].flatMap((node) => worldOf(node) ?? [])
  expect(seen).toEqual([
    'node:crypto',
    'node:child_process',
    'Date.now',
    'new Date()',
    'Math.random',
    'process.env',
    'setTimeout',
  ])
})
