/** `npm run check`: types, import rules, lint and format, each said in one line. */
import { spawnSync } from 'node:child_process'

const CHECKS: readonly (readonly [name: string, program: string, ...args: string[]])[] = [
  ['types', 'tsc', '-b', '--noEmit'],
  [
    'import rules',
    'depcruise',
    '--config',
    '.dependency-cruiser.json',
    'shared',
    'device-agent',
    'relay',
    'infra',
    'test',
  ],
  ['lint', 'eslint', '.'],
  ['format', 'prettier', '--check', '.'],
]

const failed = CHECKS.filter(([name, program, ...args]) => {
  const { status, stdout, stderr } = spawnSync(program, args, { encoding: 'utf8' })
  console.log(`${status === 0 ? 'pass' : 'FAIL'}  ${name}`)
  if (status !== 0) console.log(stdout + stderr)
  return status !== 0
})
process.exit(failed.length === 0 ? 0 : 1)
