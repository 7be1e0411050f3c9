import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { createCamera } from '../../device-agent/src/camera/camera.ts'
import { systemClock as clock } from '../../device-agent/src/kernel/clock.ts'
import { childPrograms } from '../support/child-programs.ts'
import { fragmentedMp4 } from '../../infra/bench/camera/coded-video.ts'
import { runs, tellSoak } from '../support/counts.ts'
import { createFolder, makeVideo, REORDERED } from '../support/media-files.ts'

const RESTARTS = runs(40, 10_000)

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
    const heldBytes: number[] = []
    let losses = 0
    let frames = 0
    for await (const event of camera.events(stopping.signal)) {
      if (event.kind === 'frame') frames++
      if (event.kind !== 'state' || event.state !== 'camera-lost') continue
      losses++
      if (losses % Math.ceil(RESTARTS / 10) === 0) {
        globalThis.gc?.()
        heldBytes.push(process.memoryUsage().heapUsed)
      }
      if (losses === RESTARTS) stopping.abort()
    }
    expect(frames).toBe(losses * 20)
    expect(childPrograms().filter(({ commandLine, state }) => state === 'Z' || commandLine.includes(program))).toEqual(
      [],
    )
    expect(listeners()).toBe(listenersBefore)
    // Of ten looks the later half may hold no more than the first plus what a collection leaves lying.
    const [early, late] = [Math.max(...heldBytes.slice(0, 5)), Math.max(...heldBytes.slice(5))]
    expect(late - early).toBeLessThan(8 << 20)
    tellSoak({
      what: 'restarts of a camera’s process',
      count: RESTARTS,
      outcome: 'no process, listener or memory left',
    })
  },
  runs(60_000, 3_600_000),
)
