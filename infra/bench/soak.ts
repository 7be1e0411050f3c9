/**
 * `npm run soak`: the full counts of every repeated test, and the README's table of what they showed.
 *
 * Hours of work: each test file that has passed is remembered with a hash of the sources it was run on, so that a second
 * run after an interruption does only what is left.
 */
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, globSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createValidator, Exact } from '@latchkey/shared'
import { Type } from 'typebox'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const README = join(ROOT, 'README.md')
const BEGIN = '<!-- soak: written by `npm run soak` -->'
const END = '<!-- /soak -->'
/** Killing a thousand recorders takes its time. */
const TEST_TIMEOUT_MS = 4 * 3_600_000
const AT_ONCE = Math.max(1, availableParallelism())

const line = createValidator(Exact({ what: Type.String(), count: Type.Integer(), outcome: Type.String() }))
type Line = ReturnType<typeof readLines>[number]

function readLines(path: string) {
  const lines = readFileSync(path, 'utf8').split('\n').filter(Boolean)
  return lines.map((text): unknown => JSON.parse(text)).filter(line.check)
}

/** What was tested: everything that a test could run. */
function hashSources(): string {
  const rooms = ['shared', 'device-agent', 'relay', 'test', 'infra']
  const files = globSync(`{${rooms.join(',')}}/**/*.{ts,mjs,json,sql}`, {
    cwd: ROOT,
    exclude: (name) => name.includes('node_modules'),
  })
  const hash = createHash('sha256')
  for (const file of ['package-lock.json', ...files.filter((name) => !name.endsWith('.tsbuildinfo')).sort()])
    hash
      .update(file)
      .update('\0')
      .update(readFileSync(join(ROOT, file)))
      .update('\0')
  return hash.digest('hex').slice(0, 16)
}

/** The test files that count more in full. */
function findRepeated(filters: readonly string[]): string[] {
  const tests = globSync('test/**/*.test.ts', { cwd: ROOT }).sort()
  return tests.filter(
    (file) =>
      readFileSync(join(ROOT, file), 'utf8').includes('tellSoak(') &&
      (filters.length === 0 || filters.some((filter) => file.includes(filter))),
  )
}

/** Runs one test file in full. Resolves to whether it passed; its output is shown only where it did not. */
function runFile(file: string, report: string): Promise<boolean> {
  const unfinished = `${report}.part`
  writeFileSync(unfinished, '')
  const options = ['--config', 'test/vitest.config.ts', '--testTimeout', String(TEST_TIMEOUT_MS)]
  const child = spawn(process.execPath, ['node_modules/vitest/vitest.mjs', 'run', ...options, file], {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, LATCHKEY_FULL: '1', LATCHKEY_SOAK_REPORT: unfinished },
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk.toString()))
  return new Promise((resolve) =>
    child.on('close', (code) => {
      if (code === 0) renameSync(unfinished, report)
      else {
        rmSync(unfinished)
        console.log(output)
      }
      resolve(code === 0)
    }),
  )
}

function writeTable(rows: readonly Line[]): void {
  const sorted = rows.toSorted((a, b) => a.what.localeCompare(b.what, 'en'))
  const table = sorted.map(({ what, count, outcome }) => `| ${what} | ${count.toLocaleString('en-US')} | ${outcome} |`)
  const day = new Date().toISOString().slice(0, 10)
  const text = [
    BEGIN,
    '',
    `\`npm run soak\` on ${day}:`,
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

const minutesSince = (startMs: number): string => ((performance.now() - startMs) / 60_000).toFixed(1)

const filters = process.argv.slice(2)
const files = findRepeated(filters)
if (files.length === 0) {
  console.error(`no repeated test has ${filters.join(' or ')} in its name; they are:\n${findRepeated([]).join('\n')}`)
  process.exit(2)
}
const kept = join(ROOT, 'node_modules', '.latchkey-soak', hashSources())
mkdirSync(kept, { recursive: true })
const reportOf = (file: string): string => join(kept, `${basename(file, '.test.ts')}.jsonl`)
const left = files.filter((file) => !existsSync(reportOf(file)))
console.log(`${files.length} repeated tests, ${files.length - left.length} already passed on these sources.`)

let failed = 0
async function work(): Promise<void> {
  for (let file = left.shift(); file !== undefined; file = left.shift()) {
    const startMs = performance.now()
    console.log(`  ${file} …`)
    const isPassed = await runFile(file, reportOf(file))
    if (!isPassed) failed++
    console.log(`  ${file} ${isPassed ? 'passed' : 'FAILED'} after ${minutesSince(startMs)} min`)
    if (isPassed)
      for (const { what, count, outcome } of readLines(reportOf(file))) console.log(`    ${what}: ${count}: ${outcome}`)
  }
}
await Promise.all(Array.from({ length: AT_ONCE }, work))
// A table of a part would read as if it were the whole.
if (failed === 0 && filters.length === 0) {
  writeTable(files.flatMap((file) => readLines(reportOf(file))))
  console.log('All passed; the table stands in README.md.')
}
process.exit(failed === 0 ? 0 : 1)
