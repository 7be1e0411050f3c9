import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { createCamera } from '../../device-agent/src/camera/camera.ts'
import { systemClock as clock } from '../../device-agent/src/kernel/clock.ts'
import { childPrograms } from '../support/child-programs.ts'
import { fragmentedMp4 } from '../../infra/bench/camera/coded-video.ts'
import { IS_FULL, runs, tellSoak } from '../support/counts.ts'
import { createMemoryWatch, heldHeapBytes } from '../support/memory-watch.ts'
import { createFolder, makeVideo, REORDERED } from '../support/media-files.ts'

const RESTARTS = runs(40, 10_000)
const LOOKS = runs(10, 100)
const GROWTH_LIMIT_BYTES = 8 << 20
const mib = (bytes: number): string => (bytes / 2 ** 20).toFixed(1)

test(
  'a camera that ends again and again leaves no process, no listener and no memory behind',
  async () => {
    await using folder = await createFolder()
    const [stream, program] = [join(folder.path, 'stream'), join(folder.path, 'ffmpeg')]
    await writeFile(stream, fragmentedMp4(makeVideo(join(folder.path, 'video.mp4'), REORDERED)))
    // Sends two seconds of video and is gone, as a connection is that a camera drops.
    await writeFile(program, `#!/bin/sh\nexec cat ${stream}\n`, { mode: 0o755 })
    const camera = createCamera({
      source: { kind: 'rtsp', url: 'rtsp://127.0.0.1/door' },
      ffmpeg: { path: program, major: 5, minor: 1 },
      clock,
      random: () => 0,
      retryBaseMs: 0,
    })
    const stopping = new AbortController()
    const listeners = () => process.eventNames().reduce((sum, name) => sum + process.listenerCount(name), 0)
    const listenersBefore = listeners()
    const left = () =>
      childPrograms().filter(({ commandLine, state }) => state === 'Z' || commandLine.includes(program))
    const resident = createMemoryWatch()
    const heldBytes: number[] = []
    let losses = 0
    let frames = 0
    for await (const event of camera.events(stopping.signal)) {
      if (event.kind === 'frame') frames++
      if (event.kind !== 'state' || event.state !== 'camera-lost') continue
      losses++
      if (losses % Math.ceil(RESTARTS / LOOKS) === 0) {
        expect(left()).toEqual([])
        heldBytes.push(heldHeapBytes())
        resident.sample()
      }
      if (losses === RESTARTS) stopping.abort()
    }
    expect(frames).toBe(losses * 20)
    expect(left()).toEqual([])
    expect(listeners()).toBe(listenersBefore)
    // The later half may hold no more than the first plus what a collection leaves lying.
    const [early, late] = [heldBytes.slice(0, LOOKS / 2), heldBytes.slice(LOOKS / 2)].map((half) => Math.max(...half))
    expect(late! - early!).toBeLessThan(GROWTH_LIMIT_BYTES)
    // A few restarts end before the heap has found its size.
    if (IS_FULL) expect(resident.growthBytes()).toBeLessThan(GROWTH_LIMIT_BYTES)
    tellSoak({
      what: 'restarts of a camera’s process',
      count: RESTARTS,
      outcome: `no process, zombie or listener left; resident memory ${mib(resident.growthBytes())} MiB from the second third to the last, held heap ${mib(late! - early!)} MiB from the first half to the second`,
    })
  },
  runs(60_000, 3_600_000),
)
