import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { createControlClient } from '../../device-agent/src/control/unix-control-client.ts'
import { controlSocketPath } from '../../device-agent/src/control-socket.ts'
import { startCameraProcess } from './camera/camera-process.ts'
import { makeStream } from './camera/coded-streams.ts'
import { type Measurement, measurementOf } from './measure.ts'
import { endProgram, pairOnce, startDoorbell } from './paired-doorbell.ts'

/** How long the camera stays stopped after that was noticed, s: from a hiccup to longer than any time limit on the way. */
const STALLS_SECONDS = [0, 1, 3, 7, 12, 16, 25, 40]
const GOALS_MS = { detected: 6_000, recording: 10_000 }
/** Waiting for a second longer than this is waiting in vain. */
const TIMEOUT_MS = 60_000
/** Between two stalls, for a clip or two groups of pictures. */
const REST_MS = 4_000

/** The agent's own word on its camera, with the moment at which it came. */
function listen(socket: string) {
  const stopping = new AbortController()
  const heard: { state: string; atMs: number }[] = []
  async function hear(): Promise<void> {
    for await (const news of createControlClient(socket).news(stopping.signal))
      if (news.kind === 'watch') heard.push({ state: news.state, atMs: performance.now() })
  }
  const done = hear()
  return {
    /** The moment of the first such word after `sinceMs`. */
    async next(state: string, sinceMs: number): Promise<number> {
      for (;;) {
        const found = heard.find((word) => word.state === state && word.atMs >= sinceMs)
        if (found !== undefined) return found.atMs
        if (performance.now() - sinceMs > TIMEOUT_MS) throw new Error(`waited in vain for ${state}`)
        await delay(10)
      }
    },
    async stop(): Promise<void> {
      stopping.abort()
      await done
    },
  }
}

async function untilRecording(socket: string): Promise<void> {
  const client = createControlClient(socket)
  const startedMs = performance.now()
  for (;;) {
    const state = await client.status().then(
      ({ camera }) => camera.state,
      () => 'away',
    )
    if (state === 'on') return
    if (performance.now() - startedMs > TIMEOUT_MS) throw new Error('the doorbell does not come to record')
    await delay(100)
  }
}

/**
 * SIGSTOP to the process of a network camera while the whole doorbell records it; SIGCONT some time after it was
 * noticed. Relay and internet are away.
 * @param parent where it may keep its state
 */
export async function benchStall(parent: string): Promise<Measurement[]> {
  const folder = join(parent, 'stall')
  mkdirSync(folder)
  const paired = await pairOnce(folder)
  const video = join(folder, 'camera.mp4')
  makeStream({ name: 'the stream', rate: 'cbr', kilobitsPerSecond: 2_500, busy: false }, video)
  await using camera = await startCameraProcess(video)
  const config = { ...paired, camera: { source: camera.url, name: 'Front door' } }
  writeFileSync(join(folder, 'stall.json'), JSON.stringify(config))
  const agent = startDoorbell(join(folder, 'stall.json'))
  const socket = controlSocketPath(paired)
  const delays: { detected: number[]; recording: number[] } = { detected: [], recording: [] }
  try {
    await untilRecording(socket)
    const listener = listen(socket)
    for (const seconds of STALLS_SECONDS) {
      await delay(REST_MS)
      const stalledMs = performance.now()
      camera.stall()
      delays.detected.push((await listener.next('camera-lost', stalledMs)) - stalledMs)
      await delay(seconds * 1_000)
      const resumedMs = performance.now()
      camera.resume()
      delays.recording.push((await listener.next('on', resumedMs)) - resumedMs)
    }
    await listener.stop()
  } finally {
    await endProgram(agent)
  }
  const line = (what: string, values: readonly number[], under: number) =>
    measurementOf({ name: `${what}, longest of ${values.length}`, unit: 'ms', ours: Math.max(...values) }, { under })
  return [
    line('camera stopped (SIGSTOP) → noticed', delays.detected, GOALS_MS.detected),
    line('camera goes on (SIGCONT) → recording', delays.recording, GOALS_MS.recording),
  ]
}
