import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import { FRUGAL } from '../local/demo-world.ts'
import { type Measurement, measurementOf } from './measure.ts'
import { findProcess } from './process-tree.ts'
import { assertPaired, projectFile } from './programs.ts'

const SECONDS = 100
const RATE_MBIT = 4
/** What the agent may hold, its ring of pre-roll included. */
const GOAL_MIB = 136

/** A minute of moving test picture as a doorbell sends it: 1080p15, constant rate, a keyframe each second. */
function drawPicture(path: string): void {
  const source = 'testsrc2=size=1920x1080:rate=15:duration=60'
  const rate = ['-b:v', `${RATE_MBIT}M`, '-maxrate', `${RATE_MBIT}M`, '-bufsize', '1M']
  const coding = ['-c:v', 'libx264', '-preset', 'ultrafast', '-g', '15', '-bf', '0', '-pix_fmt', 'yuv420p']
  execFileSync('ffmpeg', ['-v', 'error', '-nostdin', '-f', 'lavfi', '-i', source, ...coding, ...rate, path])
}

/** Resident memory of one process, MiB. */
function residentMib(pid: number): number {
  const [, kib] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
  return Number(kib) / 1024
}

async function untilRunning(child: ChildProcess): Promise<void> {
  for await (const line of createInterface({ input: child.stdout! })) if (line.includes('Latchkey is running')) return
  throw new Error('npm start ended before it ran')
}

/** The highest resident memory of the last half, when everything is warm. */
async function measurePeak(pid: number): Promise<number> {
  let peak = 0
  for (let second = 0; second < SECONDS; second++) {
    await delay(1_000)
    if (second >= SECONDS / 2) peak = Math.max(peak, residentMib(pid))
  }
  return peak
}

/** Compiles the doorbell as the package does before its first start, so that the compiler is in no memory that is measured. */
function compileDoorbell(cacheFolder: string): void {
  const { nodeFlags, environment } = FRUGAL
  execFileSync(process.execPath, [...nodeFlags, projectFile('device-agent/src/main.ts'), 'run', '--help'], {
    stdio: 'ignore',
    env: { ...process.env, ...environment, NODE_COMPILE_CACHE: cacheFolder },
  })
}

/**
 * Resident memory of the doorbell's own process while a 1080p camera never stops moving: one clip after the other, each
 * sealed and uploaded. Beside it a Node that does nothing.
 * @param folder where it may keep its state
 */
export async function benchMemory(folder: string): Promise<Measurement[]> {
  const camera = join(folder, 'busy-1080p.mp4')
  drawPicture(camera)
  const options = ['--data', join(folder, 'memory'), '--port', '0', '--demo-owner', '--camera', camera]
  const cacheFolder = join(folder, 'compiled')
  compileDoorbell(cacheFolder)
  const start = spawn(process.execPath, [projectFile('infra/local/start.ts'), ...options], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, NODE_COMPILE_CACHE: cacheFolder },
  })
  const idle = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' })
  try {
    await untilRunning(start)
    start.stdout.resume()
    assertPaired(join(folder, 'memory'))
    const ours = await measurePeak(findProcess('device-agent/src/main.ts', folder))
    const peer = { name: 'a Node that does nothing', value: residentMib(idle.pid!) }
    const name = `doorbell's process, resident, 1920×1080 at ${RATE_MBIT} Mbit/s that never rests, ring included`
    return [measurementOf({ name, unit: 'MiB', ours, peer }, { under: GOAL_MIB })]
  } finally {
    idle.kill('SIGTERM')
    if (start.exitCode === null && start.signalCode === null) {
      start.kill('SIGTERM')
      await once(start, 'exit')
    }
  }
}
