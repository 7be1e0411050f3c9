/** `npm run bench`: what the doorbell's and the verifier's work costs, each beside a peer measured in the same run. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { arch, cpus, release, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { benchAgent } from './agent-bench.ts'
import { benchConsent } from './consent-bench.ts'
import { makeEvidence } from './evidence.ts'
import { type Measurement, tableOf } from './measure.ts'
import { benchMemory } from './memory-bench.ts'
import { benchMotion } from './motion-bench.ts'
import { benchRing } from './ring-bench.ts'
import { benchSeal } from './seal-bench.ts'
import { benchVerify } from './verify-bench.ts'

interface Part {
  /** What is measured, for whoever waits. */
  readonly what: string
  run(folder: string): Measurement[] | Promise<Measurement[]>
}

async function benchEvidence(folder: string): Promise<Measurement[]> {
  const evidence = makeEvidence(folder)
  return [...(await benchVerify(evidence)), ...(await benchConsent(evidence))]
}

const PARTS: Readonly<Record<string, Part>> = {
  seal: { what: 'sealing, against age and the cipher alone', run: benchSeal },
  evidence: {
    what: 'a walkthrough over a long visit: verifying it, and its consent against openssl',
    run: benchEvidence,
  },
  motion: { what: 'motion detection', run: benchMotion },
  agent: { what: 'the whole doorbell for a minute, against ffmpeg -c copy', run: benchAgent },
  memory: { what: 'resident memory of the doorbell, two minutes of a busy 1080p camera', run: benchMemory },
  ring: { what: 'rings to a home broker with camera and relay dead, against a plain publication', run: benchRing },
}

const HELP = `npm run bench -- [PART…] [--json FILE]
Prints a table and then the same as JSON; --json writes that to FILE too. Takes about four minutes.
Rivals run in turns, the best round of each counts. A missed goal is printed, not an error: machines differ.

Parts, all of them by default:
${Object.entries(PARTS)
  .map(([name, { what }]) => `  ${name.padEnd(10)}${what}`)
  .join('\n')}`

async function measureParts(names: readonly string[], folder: string): Promise<Measurement[]> {
  const lines: Measurement[] = []
  for (const name of names) {
    const { what, run } = PARTS[name]!
    process.stderr.write(`${name}: ${what}…\n`)
    lines.push(...(await run(folder)))
  }
  return lines
}

async function main(): Promise<number> {
  const options = { json: { type: 'string' }, help: { type: 'boolean', default: false } } as const
  const { values, positionals } = parseArgs({ options, allowPositionals: true })
  const unknown = positionals.filter((name) => PARTS[name] === undefined)
  if (values.help || unknown.length > 0) {
    console.log(unknown.length > 0 ? `no such part: ${unknown.join(', ')}\n\n${HELP}` : HELP)
    return unknown.length > 0 ? 2 : 0
  }
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-bench-'))
  try {
    const measurements = await measureParts(positionals.length > 0 ? positionals : Object.keys(PARTS), folder)
    const machine = { cpu: cpus()[0]?.model ?? arch(), cores: cpus().length, node: process.version, kernel: release() }
    const json = JSON.stringify({ machine, measurements }, null, 2)
    if (values.json !== undefined) writeFileSync(values.json, `${json}\n`)
    console.log(`${tableOf(measurements)}\n\n${json}`)
    return 0
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

process.exitCode = await main()
