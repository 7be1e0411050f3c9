/** `npm run soak`: the full counts of every repeated test, and the README's table of what they showed. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createValidator, Exact } from '@latchkey/shared'
import { Type } from 'typebox'

const README = fileURLToPath(new URL('../../README.md', import.meta.url))
const BEGIN = '<!-- soak: written by `npm run soak` -->'
const END = '<!-- /soak -->'
/** Killing a thousand recorders one after the other takes its time. */
const TEST_TIMEOUT_MS = 4 * 3_600_000

const line = createValidator(Exact({ what: Type.String(), count: Type.Integer(), outcome: Type.String() }))

function readLines(path: string) {
  const lines = readFileSync(path, 'utf8').split('\n').filter(Boolean)
  return lines.map((text): unknown => JSON.parse(text)).filter(line.check)
}

function writeTable(rows: readonly { what: string; count: number; outcome: string }[], command: string): void {
  const sorted = rows.toSorted((a, b) => a.what.localeCompare(b.what, 'en'))
  const table = sorted.map(({ what, count, outcome }) => `| ${what} | ${count.toLocaleString('en-US')} | ${outcome} |`)
  const day = new Date().toISOString().slice(0, 10)
  const text = [
    BEGIN,
    '',
    `\`${command}\` on ${day}:`,
    '',
    '| what | count | outcome |',
    '| --- | ---: | --- |',
    ...table,
    '',
    END,
  ]
  const readme = readFileSync(README, 'utf8')
  const [begin, end] = [readme.indexOf(BEGIN), readme.indexOf(END)]
  if (begin < 0 || end < begin) throw new Error(`README.md has lost its markers ${BEGIN} and ${END}`)
  writeFileSync(README, readme.slice(0, begin) + text.join('\n') + readme.slice(end + END.length))
}

const filters = process.argv.slice(2)
const report = join(mkdtempSync(join(tmpdir(), 'latchkey-soak-')), 'report.jsonl')
writeFileSync(report, '')
const { status } = spawnSync(
  process.execPath,
  [
    'node_modules/vitest/vitest.mjs',
    'run',
    '--config',
    'test/vitest.config.ts',
    '--testTimeout',
    String(TEST_TIMEOUT_MS),
    ...filters,
  ],
  { stdio: 'inherit', env: { ...process.env, LATCHKEY_FULL: '1', LATCHKEY_SOAK_REPORT: report } },
)
const rows = readLines(report)
console.log(rows.map(({ what, count, outcome }) => `${what}: ${count}: ${outcome}`).join('\n'))
// A table of a part would read as if it were the whole.
if (status === 0 && filters.length === 0) writeTable(rows, 'npm run soak')
process.exit(status ?? 1)
