/** `npm run bench`: what the doorbell's and the verifier's work costs, each beside a peer measured in the same run. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { arch, cpus, release, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { benchAgent } from './agent-bench.ts'
import { benchConsent } from './consent-bench.ts'
import { makeEvidence } from './evidence.ts'
import { type Measurement, tableOf } from './measure.ts'
import { benchMotion } from './motion-bench.ts'
import { benchSeal } from './seal-bench.ts'
import { benchVerify } from './verify-bench.ts'

const HELP = `npm run bench -- [--json FILE]
Prints a table and then the same as JSON; --json writes that to FILE too. Takes about two minutes.
Rivals run in turns, the best round of each counts. A missed goal is printed, not an error: machines differ.`

const say = (line: string) => process.stderr.write(`${line}\n`)

async function measureAll(folder: string): Promise<Measurement[]> {
  say('sealing, against age and the cipher alone…')
  const seal = await benchSeal()
  say('motion detection…')
  const motion = await benchMotion()
  say('a walkthrough over a long visit, for the evidence…')
  const evidence = makeEvidence(folder)
  say('verifying it…')
  const verify = await benchVerify(evidence)
  say('checking its consent, against openssl…')
  const consent = await benchConsent(evidence)
  say('the whole doorbell for a minute, against ffmpeg -c copy…')
  return [...seal, ...verify, ...consent, ...motion, ...(await benchAgent(folder))]
}

async function main(): Promise<number> {
  const { values } = parseArgs({ options: { json: { type: 'string' }, help: { type: 'boolean', default: false } } })
  if (values.help) {
    console.log(HELP)
    return 0
  }
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-bench-'))
  try {
    const measurements = await measureAll(folder)
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
