import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import { type Measurement, measurementOf } from './measure.ts'
import { cpuSecondsOf, findProcess } from './process-tree.ts'
import { projectFile } from './programs.ts'

/** The drawn scene once: 24 seconds, a visitor from second 8 to 15. */
const SCENE_SECONDS = 24
const ROUNDS = 2
/** Starting, pairing and learning the scene are not what a doorbell does all day. */
const WARM_UP_MS = 10_000

/** Resolves when a line of its output says that it runs. */
async function untilRunning(child: ChildProcess): Promise<void> {
  for await (const line of createInterface({ input: child.stdout! })) if (line.includes('Latchkey is running')) return
  throw new Error('npm start ended before it ran')
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill('SIGTERM')
  await once(child, 'exit')
}

/** The same file at the same pace through ffmpeg, which copies and forgets it: what receiving the video costs at least. */
function startCopy(file: string): ChildProcess {
  const copy = ['-c', 'copy', '-f', 'null', '-']
  return spawn('ffmpeg', ['-v', 'error', '-nostdin', '-re', '-stream_loop', '-1', '-i', file, ...copy], {
    stdio: 'ignore',
  })
}

interface Pair {
  readonly agent: number
  readonly copy: number
}

async function measureScene({ agent, copy }: Pair): Promise<Pair> {
  const [agentBefore, copyBefore, started] = [cpuSecondsOf(agent), cpuSecondsOf(copy), performance.now()]
  await delay(SCENE_SECONDS * 1000)
  const [agentAfter, copyAfter, ended] = [cpuSecondsOf(agent), cpuSecondsOf(copy), performance.now()]
  const perSecond = (seconds: number) => (seconds * 1e6) / (ended - started)
  return { agent: perSecond(agentAfter - agentBefore), copy: perSecond(copyAfter - copyBefore) }
}

/**
 * CPU of the whole doorbell, ffmpeg processes included, as `npm start` runs it: capture, motion, clips, sealing, spool,
 * upload and events, paired with a relay whose own work does not count. Both measured over the same seconds.
 * @param folder where it may keep its state
 */
export async function benchAgent(folder: string): Promise<Measurement[]> {
  const options = ['--data', join(folder, 'live'), '--port', '0']
  const start = spawn(process.execPath, [projectFile('infra/local/start.ts'), ...options], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let copy: ChildProcess | undefined
  try {
    await untilRunning(start)
    start.stdout.resume()
    copy = startCopy(join(folder, 'live/demo/doorstep.mp4'))
    await delay(WARM_UP_MS)
    const pids = { agent: findProcess('device-agent/src/main.ts', folder), copy: copy.pid! }
    const rounds: Pair[] = []
    for (let round = 0; round < ROUNDS; round++) rounds.push(await measureScene(pids))
    const best = (key: keyof Pair) => Math.min(...rounds.map((round) => round[key]))
    const name = 'whole doorbell, per second of 1280×720 video (15/s, 3 Mbit/s, 7 s of visit in 24)'
    const peer = { name: 'ffmpeg -c copy alone', value: best('copy') }
    return [measurementOf({ name, unit: 'ms CPU', ours: best('agent'), peer })]
  } finally {
    if (copy) await end(copy)
    await end(start)
  }
}
