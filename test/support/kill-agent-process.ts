import { clipManifest, digestOf, openFile, type DeviceEvent, type Identity } from '@latchkey/shared'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'vitest'
import { parseOutbox } from '../../device-agent/src/link/outbox-record.ts'
import { parseReceiptRecord, parseRevisionRecord } from '../../device-agent/src/spool/spool-record.ts'
import { MEDIA_CANARIES, scanFolder, textCanary } from './canary-scan.ts'
import { runs } from './counts.ts'
import { eventually } from './poll.ts'

const MAIN = new URL('../../device-agent/src/main.ts', import.meta.url).pathname

/** The agent's own program, running. */
export interface AgentProcess {
  readonly child: ChildProcess
  output(): string
  /** Resolves when the camera delivers. */
  recording(): Promise<unknown>
  /** SIGKILL, wherever it is; resolves when it and every program it had started are gone. */
  kill(): Promise<void>
  /** SIGTERM; its exit code. */
  stop(): Promise<number | null>
}

/** How Node is started; as it comes by default. */
export interface NodeManner {
  readonly nodeFlags: readonly string[]
  readonly environment: Readonly<Record<string, string>>
}

/** Starts it. `config`: path of its configuration. */
export function startAgentProcess(
  config: string,
  { nodeFlags, environment }: NodeManner = { nodeFlags: [], environment: {} },
): AgentProcess {
  // Whoever ends this test by force ends the agent with it.
  const command = ['--pdeathsig', 'KILL', process.execPath, ...nodeFlags, MAIN, 'run', '--config', config]
  const child = spawn('setpriv', command, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...environment },
  })
  let text = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (text += chunk.toString()))
  const exited = once(child, 'exit') as Promise<[number | null]>
  return {
    child,
    output: () => text,
    recording: () =>
      eventually(
        () => {
          if (child.exitCode !== null) throw new Error(`the agent ended by itself: ${text}`)
          return text.includes('"state":"on"')
        },
        'the camera',
        runs(30_000, 180_000),
      ),
    async kill() {
      // Stood still for a moment, so that what it has started can be listed whole.
      child.kill('SIGSTOP')
      const started = await descendantsOf(child.pid!)
      child.kill('SIGKILL')
      await exited
      await eventually(async () => (await livingOf(started)).length === 0, 'the programs of a killed agent to end')
    },
    async stop() {
      child.kill('SIGTERM')
      return (await exited)[0]
    },
  }
}

interface ProcessStat {
  readonly pid: number
  readonly parent: number
  readonly state: string
  /** Tells a process from a later one of the same number. */
  readonly startTicks: string
}

async function statOf(pid: number): Promise<ProcessStat | null> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => null)
  if (text === null) return null
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  return { pid, state: fields[0]!, parent: Number(fields[1]), startTicks: fields[19]! }
}

async function descendantsOf(root: number): Promise<ProcessStat[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number)
  const all = (await Promise.all(pids.map(statOf))).filter((stat) => stat !== null)
  const found: ProcessStat[] = []
  for (let parents = [root]; parents.length > 0;) {
    const children = all.filter(({ parent }) => parents.includes(parent))
    found.push(...children)
    parents = children.map(({ pid }) => pid)
  }
  return found
}

async function livingOf(processes: readonly ProcessStat[]): Promise<ProcessStat[]> {
  const now = await Promise.all(processes.map(({ pid }) => statOf(pid)))
  return processes.filter(({ startTicks }, i) => now[i]?.startTicks === startTicks && now[i].state !== 'Z')
}

/** What a dead agent's data folder holds. */
export interface AgentRemains {
  /** Items that a signed revision names: `clip/index` → SHA-256. */
  readonly items: ReadonlyMap<string, string>
  /** Items complete on the disk that no revision names yet. */
  readonly unnamed: number
  /** Clips whose newest revision is open: `clip` → items it names. */
  readonly open: ReadonlyMap<string, number>
  readonly events: readonly DeviceEvent[]
}

const NOTHING: AgentRemains = { items: new Map(), unnamed: 0, open: new Map(), events: [] }

/**
 * Reads a dead agent's folder and fails on whatever may not be there: plaintext, a named item with other bytes, one that
 * neither the disk nor a receipt accounts for, one that `recovery` does not open.
 */
export async function inspectRemains(
  dataDir: string,
  expected: { readonly recovery: Identity; readonly secrets: readonly string[] },
): Promise<AgentRemains> {
  if (!existsSync(join(dataDir, 'spool'))) return NOTHING
  const canaries = ['AGE-SECRET-KEY', ...expected.secrets].map((secret) => textCanary(secret, secret))
  expect((await scanFolder(dataDir, [...MEDIA_CANARIES, ...canaries])).sightings).toEqual([])
  const items = new Map<string, string>()
  const open = new Map<string, number>()
  let unnamed = 0
  for (const name of await readdir(join(dataDir, 'spool'))) {
    if (!/^\d{12}-/.test(name)) continue
    const clip = await inspectClip(join(dataDir, 'spool', name), expected.recovery)
    unnamed += clip.unnamed
    for (const [index, sha256] of clip.hashes.entries()) items.set(`${clip.clip}/${index}`, sha256)
    if (clip.isOpen) open.set(clip.clip, clip.hashes.length)
  }
  const outbox = await readFile(join(dataDir, 'events', 'outbox.log')).catch(() => null)
  const events = outbox === null ? [] : parseOutbox(outbox).events.map((record) => record.event)
  return { items, unnamed, open, events }
}

async function inspectClip(folder: string, recovery: Identity) {
  const files = new Set((await readdir(folder)).filter((file) => /^\d{5}\.age$/.test(file)))
  const raw = await readFile(join(folder, 'manifest.json')).catch(() => null)
  if (raw === null) return { clip: '', hashes: [], unnamed: files.size, isOpen: false }
  const record = parseRevisionRecord(raw)
  const receipts = await readFile(join(folder, 'receipts.json')).catch(() => null)
  const receipted = new Set(receipts === null ? [] : parseReceiptRecord(receipts).items.map(({ index }) => index))
  const { clip, open } = clipManifest.parse(record.manifest).payload.latchkey
  for (const [index, body] of record.bodies.entries()) {
    const file = `${String(index).padStart(5, '0')}.age`
    if (!files.delete(file)) {
      expect({ clip, index, receipted: receipted.has(index) }).toEqual({ clip, index, receipted: true })
      continue
    }
    const bytes = await readFile(join(folder, file))
    expect({ clip, index, sha256: digestOf(bytes) }).toEqual({ clip, index, sha256: body.sha256 })
    expect(openFile(bytes, recovery).length).toBeGreaterThan(0)
  }
  return { clip, hashes: record.bodies.map((body) => body.sha256), unnamed: files.size, isOpen: open }
}
