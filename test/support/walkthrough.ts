/** `npm start` as a person runs it, and what its walkthrough leaves. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { readZip } from '../../shared/src/verify/zip-reader.ts'
import { ROOT } from './source-files.ts'

const NODE = join(ROOT, 'node_modules/.bin/node')
const START = join(ROOT, 'infra/local/start.ts')
const BOOTSTRAP = join(ROOT, 'infra/local/bootstrap.mjs')

/** A launcher that runs, alone in its process group as a shell's job is. */
export interface Launcher {
  readonly child: ChildProcess
  output(): string
  /** Exit code, or the signal's name. */
  readonly ended: Promise<number | string>
  /** What a terminal does on Ctrl-C. */
  interrupt(): void
}

/** Starts `npm start -- …`; `through` the way npm goes, or the launcher itself. */
export function startLauncher(args: readonly string[], through: 'bootstrap' | 'launcher' = 'launcher'): Launcher {
  const program = through === 'bootstrap' ? [BOOTSTRAP, 'start'] : [START]
  const child = spawn(NODE, [...program, ...args], {
    cwd: ROOT,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let text = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (text += chunk.toString()))
  const ended = once(child, 'close').then(([code, signal]) => (signal ?? code) as number | string)
  return { child, output: () => text, ended, interrupt: () => void process.kill(-child.pid!, 'SIGINT') }
}

/** Programs that were given a path below `folder`: launcher, relay, doorbell, PostgreSQL, ffmpeg. */
export async function processesOn(folder: string): Promise<{ readonly pid: number; readonly command: string }[]> {
  const found = []
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')
    if (command.includes(folder)) found.push({ pid: Number(pid), command: command.replaceAll('\0', ' ') })
  }
  return found
}

/** `report.json`. */
export interface Report {
  readonly steps: readonly { readonly name: string; readonly ms: number }[]
  readonly clip: Record<'items' | 'bytes' | 'startMs' | 'endMs' | 'preRollMs', number>
  readonly paths: Record<'source' | 'relayData' | 'agentData', string>
}

/** What a walkthrough left. */
export interface WalkthroughCase {
  readonly exit: number | string
  readonly output: string
  readonly tookMs: number
  readonly out: string
  readonly data: string
  readonly report: Report
  readonly zip: Uint8Array
  readonly files: ReadonlyMap<string, Uint8Array>
  /** The bundle, unpacked. */
  readonly bag: string
  /** The sealed items' paths, in order: init, then media. */
  readonly items: readonly string[]
}

async function unpack(files: ReadonlyMap<string, Uint8Array>, folder: string): Promise<void> {
  for (const [path, bytes] of files) {
    await mkdir(join(folder, dirname(path)), { recursive: true })
    await writeFile(join(folder, path), bytes)
  }
}

/** Runs the walkthrough below `folder`. Throws with its output when it fails. */
export async function runWalkthrough(folder: string, camera: string | null): Promise<WalkthroughCase> {
  const at = (name: string) => join(folder, name)
  const startedMs = performance.now()
  const args = ['--walkthrough', '--out', at('out'), '--data', at('data'), ...(camera ? ['--camera', camera] : [])]
  const launcher = startLauncher(args)
  const exit = await launcher.ended
  if (exit !== 0) throw new Error(`the walkthrough ended with ${exit}:\n${launcher.output()}`)
  const tookMs = Math.round(performance.now() - startedMs)
  const zip = new Uint8Array(await readFile(at('out/bundle.zip')))
  const { files } = readZip(zip)
  await unpack(files, at('bag'))
  const items = [...files.keys()].filter((path) => /^data\/media\/[\w-]+\/\d{5}-\w+\.\w+\.age$/.test(path)).sort()
  const report = JSON.parse(await readFile(at('out/report.json'), 'utf8')) as Report
  const output = launcher.output()
  return { exit, output, tookMs, out: at('out'), data: at('data'), report, zip, files, bag: at('bag'), items }
}

/** The stock `age` program's plaintext, or `null` when it refuses. */
export async function openWithAge({ bag, out }: WalkthroughCase, path: string, key: string): Promise<Buffer | null> {
  const age = spawn('age', ['-d', '-i', join(out, key), join(bag, path)], { stdio: ['ignore', 'pipe', 'ignore'] })
  const chunks: Buffer[] = []
  age.stdout.on('data', (chunk: Buffer) => chunks.push(chunk))
  const [status] = (await once(age, 'close')) as [number | null]
  return status === 0 ? Buffer.concat(chunks) : null
}
