/** Who may import whom: `npm run check` asks it of the project; here each of the rules is awake. */
import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ROOT } from '../support/source-files.ts'

const CONFIG = '.dependency-cruiser.json'
const DEPCRUISE = join(ROOT, 'node_modules/.bin/depcruise')

interface Violation {
  readonly rule: { readonly name: string }
  readonly from: string
  readonly to: string
}

/** Violations below a folder that holds the rooms. */
function cruise(root: string, rooms: readonly string[]): Violation[] {
  const args = [DEPCRUISE, '--config', CONFIG, '--output-type', 'json', ...rooms]
  const { stdout, stderr } = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8', maxBuffer: 2 ** 28 })
  if (!stdout) throw new Error(`dependency-cruiser said nothing: ${stderr}`)
  return (JSON.parse(stdout) as { summary: { violations: Violation[] } }).summary.violations
}

/** A house with one violation of each rule, and nothing else wrong. */
const SEEDED: Readonly<Record<string, string>> = {
  'no-cycle': 'shared/src/a.ts → ./b.ts',
  'shared-is-pure': 'shared/src/impure.ts → node:fs',
  'shared-imports-only-itself': 'shared/node/up.ts → ../../relay/src/kernel/clock.ts',
  'agent-and-relay-never-meet': 'device-agent/src/meet.ts → ../../relay/src/kernel/clock.ts',
  'shared-only-through-its-door': 'relay/src/side-door.ts → ../../shared/src/inner.ts',
  'no-sibling-stage': 'device-agent/src/motion/sibling.ts → ../camera/camera.ts',
  'kernel-stands-below': 'relay/src/kernel/up.ts → ../store/store.ts',
  'world-only-from-roots': 'relay/src/http/world.ts → ../store/pg-database.ts',
  'web-stands-alone': 'relay/web/owner/inside.ts → ../../src/kernel/clock.ts',
  'pages-never-meet': 'relay/web/desk/across.ts → ../owner/home.ts',
  'web-kernel-stands-below': 'relay/web/kernel/up.ts → ../kit/parts.ts',
  'relay-serves-no-page': 'relay/src/page.ts → ../web/page.ts',
  'nothing-imports-test': 'infra/local/tested.ts → ../../test/support/poll.ts',
}

describe('a seeded violation is found', () => {
  let root: string
  let violations: Violation[]

  beforeAll(() => {
    root = mkdtempSync(join(tmpdir(), 'latchkey-imports-'))
    const put = (path: string, text: string) => {
      mkdirSync(dirname(join(root, path)), { recursive: true })
      writeFileSync(join(root, path), text)
    }
    cpSync(join(ROOT, CONFIG), join(root, CONFIG))
    cpSync(join(ROOT, 'tsconfig.json'), join(root, 'tsconfig.json'))
    symlinkSync(join(ROOT, 'node_modules'), join(root, 'node_modules'))
    const innocent = ['relay/src/kernel/clock.ts', 'device-agent/src/camera/camera.ts', 'relay/src/store/store.ts']
    for (const path of [
      ...innocent,
      'relay/src/store/pg-database.ts',
      'test/support/poll.ts',
      'shared/src/inner.ts',
      'relay/web/page.ts',
      'relay/web/owner/home.ts',
      'relay/web/kit/parts.ts',
    ])
      put(path, 'export const value = 1\n')
    put('shared/src/b.ts', "import { a } from './a.ts'\nexport const b = a\n")
    for (const [rule, line] of Object.entries(SEEDED)) {
      const [path, target] = line.split(' → ') as [string, string]
      put(path, rule === 'no-cycle' ? "import { b } from './b.ts'\nexport const a = b\n" : `import '${target}'\n`)
    }
    violations = cruise(root, ['shared', 'device-agent', 'relay', 'infra', 'test'])
  })
  afterAll(() => rmSync(root, { recursive: true }))

  test.each(Object.entries(SEEDED))('by %s: %s', (rule, line) => {
    expect(violations.filter(({ rule: { name } }) => name === rule).map(({ from }) => from)).toContain(
      line.split(' ')[0],
    )
  })

  test('in every rule that the configuration has', async () => {
    const { default: config } = (await import('../../.dependency-cruiser.json', { with: { type: 'json' } })) as {
      default: { forbidden: { name: string }[] }
    }
    expect(config.forbidden.map(({ name }) => name)).toEqual(Object.keys(SEEDED))
  })
})
