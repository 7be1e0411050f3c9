/** `npm run check`: types, import rules, lint and format, each said in one line. */
import { spawn } from 'node:child_process'

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

/** Runs one and says how it went; its words only when it failed. */
async function passes([name, program, ...args]: (typeof CHECKS)[number]): Promise<boolean> {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  let said = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (said += chunk.toString()))
  child.once('error', (error) => (said += error.message))
  const code = await new Promise((resolve) => child.once('close', resolve))
  console.log(`${code === 0 ? 'pass' : 'FAIL'}  ${name}`)
  if (code !== 0) console.log(said)
  return code === 0
}

// At once: each is one thread, and the two long ones take a core each.
const results = await Promise.all(CHECKS.map(passes))
process.exit(results.every(Boolean) ? 0 : 1)
