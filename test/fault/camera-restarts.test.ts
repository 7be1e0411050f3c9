import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { createCamera } from '../../device-agent/src/camera/camera.ts'
import type { FfmpegBinary } from '../../device-agent/src/camera/ffmpeg-binary.ts'
import type { RtspSource } from '../../device-agent/src/camera/source.ts'
import { systemClock as clock } from '../../device-agent/src/kernel/clock.ts'
import { childPrograms } from '../support/child-programs.ts'
import { fragmentedMp4, loadCodedVideo } from '../../infra/bench/camera/coded-video.ts'
import { startRtspServer } from '../../infra/bench/camera/rtsp-server.ts'
import { IS_FULL, runs, tellSoak } from '../support/counts.ts'
import { createMemoryWatch, heldHeapBytes } from '../support/memory-watch.ts'
import { makeVideo, REORDERED } from '../support/media-files.ts'
import { createTemporaryFolder } from '../support/temporary-folder.ts'
import { eventually } from '../support/poll.ts'

const RESTARTS = runs(40, 10_000)
const LOOKS = runs(10, 100)
const GROWTH_LIMIT_BYTES = 8 << 20
const mib = (bytes: number): string => (bytes / 2 ** 20).toFixed(1)

const listeners = () => process.eventNames().reduce((sum, name) => sum + process.listenerCount(name), 0)

interface Losses {
  readonly source: RtspSource
  readonly ffmpeg: FfmpegBinary
  readonly onFrame?: () => void
  /** Looks for what should not be there, every now and then. */
  readonly look: () => void
}

/** Watches a camera until it was lost that many times; says how many frames came and how much memory grew. */
async function watchLosses({ source, ffmpeg, onFrame = () => {}, look }: Losses) {
  const camera = createCamera({ source, ffmpeg, clock, random: () => 0, retryBaseMs: 0 })
  const stopping = new AbortController()
  const listenersBefore = listeners()
  const resident = createMemoryWatch()
  const heldBytes: number[] = []
  let losses = 0
  let frames = 0
  for await (const event of camera.events(stopping.signal)) {
    if (event.kind === 'frame') {
      frames++
      onFrame()
    }
    if (event.kind !== 'state' || event.state !== 'camera-lost') continue
    losses++
    if (losses % Math.ceil(RESTARTS / LOOKS) === 0) {
      look()
      heldBytes.push(heldHeapBytes())
      resident.sample()
    }
    if (losses === RESTARTS) stopping.abort()
  }
  expect(listeners()).toBe(listenersBefore)
  // The later half may hold no more than the first plus what a collection leaves lying.
  const [early, late] = [heldBytes.slice(0, LOOKS / 2), heldBytes.slice(LOOKS / 2)].map((half) => Math.max(...half))
  expect(late! - early!).toBeLessThan(GROWTH_LIMIT_BYTES)
  // A few restarts end before the heap has found its size.
  if (IS_FULL) expect(resident.growthBytes()).toBeLessThan(GROWTH_LIMIT_BYTES)
  const memory = `resident memory ${mib(resident.growthBytes())} MiB from the second third to the last, held heap ${mib(late! - early!)} MiB from the first half to the second`
  return { frames, losses, memory }
}

test(
  'a camera that ends again and again leaves no process, no listener and no memory behind',
  async () => {
    await using folder = await createTemporaryFolder()
    const [stream, program] = [join(folder.path, 'stream'), join(folder.path, 'ffmpeg')]
    await writeFile(stream, fragmentedMp4(makeVideo(join(folder.path, 'video.mp4'), REORDERED)))
    // Sends two seconds of video and is gone, as a connection is that a camera drops.
    await writeFile(program, `#!/bin/sh\nexec cat ${stream}\n`, { mode: 0o755 })
    const left = () =>
      childPrograms().filter(({ commandLine, state }) => state === 'Z' || commandLine.includes(program))
    const { frames, losses, memory } = await watchLosses({
      // Over TLS, which is ffmpeg's to read.
      source: { kind: 'rtsp', url: 'rtsps://127.0.0.1/door' },
      ffmpeg: { path: program, major: 5, minor: 1 },
      look: () => expect(left()).toEqual([]),
    })
    expect(frames).toBe(losses * 20)
    expect(left()).toEqual([])
    tellSoak({
      what: 'restarts of a camera’s process',
      count: RESTARTS,
      outcome: `no process, zombie or listener left; ${memory}`,
    })
  },
  runs(60_000, 3_600_000),
)

test(
  'a network camera that drops its connection again and again leaves no connection, no listener and no memory behind',
  async () => {
    await using folder = await createTemporaryFolder()
    const coding = ['-c:v', 'libx264', '-g', '10', '-bf', '0']
    await using server = await startRtspServer({ video: loadCodedVideo(makeVideo(`${folder.path}/video.mp4`, coding)) })
    const openSockets = () => process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length
    const { losses, memory } = await watchLosses({
      source: { kind: 'rtsp', url: server.url() },
      ffmpeg: { path: '/nowhere', major: 5, minor: 1 },
      onFrame: () => server.drop(),
      // Both ends are ours, and the server's end of the last one may take a moment.
      look: () => expect(openSockets()).toBeLessThanOrEqual(2),
    })
    expect(server.plays).toBe(losses)
    await eventually(() => openSockets() === 0, 'every connection to be gone', 20_000)
    tellSoak({
      what: 'connections dropped by a network camera',
      count: RESTARTS,
      outcome: `no connection or listener left; ${memory}`,
    })
  },
  runs(60_000, 3_600_000),
)
