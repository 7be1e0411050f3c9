import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { ROOT } from '../support/source-files.ts'

/** How the relay's program answers its operator. */
function relay(...args: string[]): { code: number | null; out: string; told: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(ROOT, 'relay/src/main.ts'), ...args], {
    encoding: 'utf8',
  })
  return { code: status, out: stdout, told: stderr }
}

test('the relay says what it is and what it takes', () => {
  const { code, out, told } = relay('--help')
  expect([code, told]).toEqual([0, ''])
  expect(out).toMatch(/^Usage: node relay\/src\/main\.ts --config FILE\n/)
})

test.each([
  [[], 2, /^USAGE --config FILE is missing; .* --help/],
  [['--confg', 'relay.json'], 2, /^USAGE Unknown option '--confg'.* --help/],
  [['--config', '/nowhere/relay.json'], 1, /^CONFIG_INVALID .*\/nowhere\/relay\.json/],
])('wrong usage %j is told in a line, by code %i', (args, code, told) => {
  const answer = relay(...args)
  expect([answer.code, answer.out]).toEqual([code, ''])
  expect(answer.told).toMatch(told)
  expect(answer.told.trimEnd()).not.toContain('\n')
})
