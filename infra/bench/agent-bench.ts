import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import { makeStream, type StreamPlan, STREAM_FPS } from './camera/coded-streams.ts'
import { startMotion } from './camera/motion-program.ts'
import { startRtspServer } from './camera/rtsp-server.ts'
import { benchDelivery } from './delivery-bench.ts'
import { type Measurement, measurementOf } from './measure.ts'
import { cpuSecondsOf, findProcess } from './process-tree.ts'
import { assertPaired, projectFile } from './programs.ts'

/** Starting, pairing, learning the scene and compiling what runs often are not what a doorbell does all day. */
const WARM_UP_MS = 90_000
const MEASURE_MS = 60_000

const QUIET_CBR: StreamPlan = { name: 'quiet CBR 2.5 Mbit/s', rate: 'cbr', kilobitsPerSecond: 2_500, busy: false }
/** What is measured, and the most of `motion`'s CPU that the doorbell is meant to take. */
const STREAMS: readonly { readonly plan: StreamPlan; readonly goal: number }[] = [
  { plan: QUIET_CBR, goal: 0.167 },
  { plan: { ...QUIET_CBR, name: 'quiet VBR', rate: 'vbr' }, goal: 0.333 },
  { plan: { ...QUIET_CBR, name: 'busy CBR 2.5 Mbit/s', busy: true }, goal: 1 },
]

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

/** The same stream through ffmpeg, which copies and forgets it: what receiving the video costs at least. */
function startCopy(url: string): ChildProcess {
  const copy = ['-rtsp_transport', 'tcp', '-i', url, '-map', '0:v', '-c', 'copy', '-f', 'null', '-']
  return spawn('ffmpeg', ['-v', 'error', '-nostdin', ...copy], { stdio: 'ignore' })
}

/** ms of CPU per second of each process tree, over the same seconds. */
async function measure<K extends string>(pids: Readonly<Record<K, number>>): Promise<Record<K, number>> {
  const names = Object.keys(pids) as K[]
  const before = names.map((name) => cpuSecondsOf(pids[name]))
  const started = performance.now()
  await delay(MEASURE_MS)
  const seconds = (performance.now() - started) / 1000
  const used = names.map((name, i) => [name, ((cpuSecondsOf(pids[name]) - before[i]!) * 1000) / seconds] as const)
  return Object.fromEntries(used) as Record<K, number>
}

async function benchStream({ plan, goal }: (typeof STREAMS)[number], folder: string): Promise<Measurement[]> {
  const video = makeStream(plan, `${folder}.mp4`)
  await using server = await startRtspServer({ video })
  const url = server.url()
  const options = ['--camera', url, '--data', folder, '--port', '0', '--demo-owner']
  const start = spawn(process.execPath, [projectFile('infra/local/start.ts'), ...options], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const peers: ChildProcess[] = []
  try {
    await untilRunning(start)
    start.stdout.resume()
    const [motion, copy] = [startMotion(url, `${folder}-motion`, STREAM_FPS), startCopy(url)]
    peers.push(motion, copy)
    await delay(WARM_UP_MS)
    assertPaired(folder)
    const agent = findProcess('device-agent/src/main.ts', folder)
    const cost = await measure({ agent, motion: motion.pid!, copy: copy.pid! })
    const name = `whole doorbell over RTSP, 1920×1080 at 15/s, ${plan.name}`
    const line = { name, unit: 'ms CPU/s', ours: cost.agent }
    return [
      measurementOf(
        { ...line, peer: { name: 'motion 4.5, passing through', value: cost.motion } },
        { ratioAtMost: goal },
      ),
      measurementOf({ ...line, peer: { name: 'ffmpeg -c copy alone', value: cost.copy } }),
    ]
  } finally {
    for (const peer of peers) await end(peer)
    await end(start)
  }
}

/**
 * CPU of the whole doorbell on a network camera, ffmpeg processes included, as `npm start` runs it: capture, motion,
 * clips, sealing, spool, upload and events, paired with a relay whose own work does not count. Beside it, on the same
 * camera over the same seconds, `motion` and a bare copy.
 * @param folder where it may keep its state
 */
export async function benchAgent(folder: string): Promise<Measurement[]> {
  const lines: Measurement[] = []
  for (const [i, stream] of STREAMS.entries()) lines.push(...(await benchStream(stream, join(folder, `stream-${i}`))))
  return [...lines, ...(await benchDelivery(folder))]
}
