/** `npm run bench`: what the doorbell's and the verifier's work costs, each beside a peer measured in the same run. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { arch, cpus, release, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { benchAgent } from './agent-bench.ts'
import { benchConsent } from './consent-bench.ts'
import { benchEco } from './eco-bench.ts'
import { makeEvidence } from './evidence.ts'
import { benchLog } from './log-bench.ts'
import { type Measurement, tableOf } from './measure.ts'
import { benchMemory } from './memory-bench.ts'
import { benchMotion } from './motion-bench.ts'
import { benchNotice } from './notice-bench.ts'
import { benchPhone } from './phone-bench.ts'
import { benchPresence } from './presence-bench.ts'
import { benchRing } from './ring-bench.ts'
import { benchSeal } from './seal-bench.ts'
import { benchStall } from './stall-bench.ts'
import { benchVerify } from './verify-bench.ts'

/** Where labelled videos are. */
interface Places {
  readonly footage: string | undefined
  readonly scenes: string | undefined
}

interface Part {
  /** What is measured, for whoever waits. */
  readonly what: string
  run(folder: string, places: Places): Measurement[] | Promise<Measurement[]>
  /** Only when asked for by name: it takes minutes, and ten more where its scenes are not there yet. */
  readonly isLong?: boolean
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
  phone: { what: 'the phone app in Chromium: giving a clip, opening one, opening the app', run: benchPhone },
  motion: { what: 'motion detection, time per picture; asked for by name, presence as well', run: benchMotion },
  presence: {
    what: "who is there when, beside motion and ffmpeg's scene filter; only when asked for",
    run: (folder, { footage, scenes }) => benchPresence({ footage, scenes: scenes ?? join(folder, 'scenes') }),
    isLong: true,
  },
  'presence-alone': {
    what: 'the same without the others, two minutes; only when asked for',
    run: (folder, { footage, scenes }) => benchPresence({ footage, scenes: scenes ?? join(folder, 'scenes') }, false),
    isLong: true,
  },
  eco: {
    what: 'what decoding only keyframes misses on the composites, and when it tells; only when asked for',
    run: (folder, { footage, scenes }) => benchEco({ footage, scenes: scenes ?? join(folder, 'scenes') }),
    isLong: true,
  },
  agent: { what: 'the whole doorbell on three network cameras, beside motion and ffmpeg -c copy', run: benchAgent },
  memory: { what: 'resident memory of the doorbell, two minutes of a busy 1080p camera', run: benchMemory },
  stall: { what: 'a network camera that is stopped and goes on: noticed, and recording again', run: benchStall },
  notice: { what: 'from a visitor in the picture to the home broker, six doorbells at real speed', run: benchNotice },
  log: { what: 'the transparency log: leaves a second, and how soon a checkpoint covers one', run: benchLog },
  ring: { what: 'rings to a home broker with camera and relay dead, against a plain publication', run: benchRing },
}

const HELP = `npm run bench -- [PART…] [--json FILE] [--footage DIR] [--scenes DIR]
Prints a table and then the same as JSON; --json writes that to FILE too. Takes about eighteen minutes.
Rivals run in turns, the best round of each counts. A missed goal is printed, not an error: machines differ.

Parts, all of them by default:
${Object.entries(PARTS)
  .map(([name, { what }]) => `  ${name.padEnd(16)}${what}`)
  .join('\n')}`

function partsOf(asked: readonly string[]): string[] {
  if (asked.length === 0) return Object.keys(PARTS).filter((name) => PARTS[name]!.isLong !== true)
  return [...new Set(asked.flatMap((name) => (name === 'motion' ? ['motion', 'presence'] : [name])))]
}

async function measureParts(names: readonly string[], folder: string, places: Places): Promise<Measurement[]> {
  const lines: Measurement[] = []
  for (const name of names) {
    const { what, run } = PARTS[name]!
    process.stderr.write(`${name}: ${what}…\n`)
    lines.push(...(await run(folder, places)))
  }
  return lines
}

async function main(): Promise<number> {
  const text = { type: 'string' } as const
  const options = { json: text, footage: text, scenes: text, help: { type: 'boolean', default: false } } as const
  const { values, positionals } = parseArgs({ options, allowPositionals: true })
  const unknown = positionals.filter((name) => PARTS[name] === undefined)
  if (values.help || unknown.length > 0) {
    console.log(unknown.length > 0 ? `no such part: ${unknown.join(', ')}\n\n${HELP}` : HELP)
    return unknown.length > 0 ? 2 : 0
  }
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-bench-'))
  try {
    const measurements = await measureParts(partsOf(positionals), folder, {
      footage: values.footage,
      scenes: values.scenes,
    })
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
