/**
 * `npm run soak`: the full counts of every repeated test, and the README's table of what they showed.
 *
 * Hours of work: each test file that has passed is remembered with the sources it was run on. A second run on the same
 * sources does only what is left; the table says of each row on which commit it was shown.
 */
import { execFileSync, spawn } from 'node:child_process'
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

const lineSchema = Exact({ what: Type.String(), count: Type.Integer(), outcome: Type.String() })
const line = createValidator(lineSchema)
/** A test file that has passed in full. */
const pass = createValidator(
  Exact({ sources: Type.String(), commit: Type.String(), day: Type.String(), lines: Type.Array(lineSchema) }),
)
type Pass = NonNullable<ReturnType<typeof readPass>>

function readLines(path: string) {
  const lines = readFileSync(path, 'utf8').split('\n').filter(Boolean)
  return lines.map((text): unknown => JSON.parse(text)).filter(line.check)
}

function readPass(path: string) {
  if (!existsSync(path)) return null
  const kept: unknown = JSON.parse(readFileSync(path, 'utf8'))
  return pass.check(kept) ? kept : null
}

/** The commit that is tested; with a plus when the tree holds more than that. */
function commitOf(): string {
  const git = (...args: string[]) => execFileSync('git', args, { cwd: ROOT, encoding: 'utf8' }).trim()
  return git('rev-parse', '--short=7', 'HEAD') + (git('status', '--porcelain') === '' ? '' : '+')
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

/** Runs one test file in full. Resolves to what it told, null when it failed; its output is shown only then. */
function runFile(file: string, report: string): Promise<Pass['lines'] | null> {
  writeFileSync(report, '')
  const options = ['--config', 'test/vitest.config.ts', '--testTimeout', String(TEST_TIMEOUT_MS)]
  const child = spawn(process.execPath, ['node_modules/vitest/vitest.mjs', 'run', ...options, file], {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, LATCHKEY_FULL: '1', LATCHKEY_SOAK_REPORT: report },
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk.toString()))
  return new Promise((resolve) =>
    child.on('close', (code) => {
      if (code !== 0) console.log(output)
      resolve(code === 0 ? readLines(report) : null)
      rmSync(report)
    }),
  )
}

/** Rows that say the same of parts of a whole are one row. */
function rowsOf({ commit, lines }: Pass): readonly (string | number)[][] {
  const counts = new Map<string, number>()
  for (const { what, count, outcome } of lines) {
    const key = JSON.stringify([what, outcome])
    counts.set(key, (counts.get(key) ?? 0) + count)
  }
  return [...counts].map(([key, count]) => {
    const [what, outcome] = JSON.parse(key) as [string, string]
    return [what, count.toLocaleString('en-US'), outcome, commit]
  })
}

function writeTable(passes: readonly Pass[]): void {
  const rows = passes.flatMap(rowsOf).toSorted((a, b) => String(a[0]).localeCompare(String(b[0]), 'en'))
  const days = passes.map(({ day }) => day).toSorted()
  const text = [
    BEGIN,
    '',
    `Last run on ${days.at(-1)}. Each row was shown by its whole test file, at full count, on the commit that it names.`,
    '',
    '| what | count | outcome | commit |',
    '| --- | ---: | --- | --- |',
    ...rows.map((row) => `| ${row.join(' | ')} |`),
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
const kept = join(ROOT, 'node_modules', '.latchkey-soak')
mkdirSync(kept, { recursive: true })
const passPath = (file: string): string => join(kept, `${basename(file, '.test.ts')}.json`)
const [sources, commit] = [hashSources(), commitOf()]
const left = files.filter((file) => readPass(passPath(file))?.sources !== sources)
console.log(`${files.length} repeated tests, ${files.length - left.length} already passed on these sources.`)

let failed = 0
async function runOne(file: string): Promise<void> {
  const startMs = performance.now()
  console.log(`  ${file} …`)
  const lines = await runFile(file, `${passPath(file)}l`)
  console.log(`  ${file} ${lines ? 'passed' : 'FAILED'} after ${minutesSince(startMs)} min`)
  if (lines === null) {
    failed++
    // What passed once and does not any more is not to stand in the table.
    rmSync(passPath(file), { force: true })
    return
  }
  const result: Pass = { sources, commit, day: new Date().toISOString().slice(0, 10), lines }
  writeFileSync(`${passPath(file)}.part`, JSON.stringify(result))
  renameSync(`${passPath(file)}.part`, passPath(file))
  for (const [what, count, outcome] of rowsOf(result)) console.log(`    ${what}: ${count}: ${outcome}`)
}
async function work(): Promise<void> {
  for (let file = left.shift(); file !== undefined; file = left.shift()) await runOne(file)
}
await Promise.all(Array.from({ length: AT_ONCE }, work))
// A table of a part would read as if it were the whole.
const missing = findRepeated([]).filter((file) => readPass(passPath(file)) === null)
if (missing.length === 0) {
  writeTable(findRepeated([]).map((file) => readPass(passPath(file))!))
  console.log('Everything has passed in full; the table stands in README.md.')
} else console.log(`The table is written when these have passed too:\n  ${missing.join('\n  ')}`)
process.exit(failed === 0 ? 0 : 1)
