import { execFileSync } from 'node:child_process'
import { chmod, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { createCamera } from '../../device-agent/src/camera/camera.ts'
import type { CodedFrame } from '../../device-agent/src/flow.ts'
import { systemClock as clock } from '../../device-agent/src/kernel/clock.ts'
import { SMALL_SCENE, drawScene, testFfmpeg } from '../support/media-files.ts'
import { createTemporaryFolder } from '../support/temporary-folder.ts'
import { eventually } from '../support/poll.ts'

test('what a program like rpicam-vid writes to its stdout becomes frames, and the program ends with the camera', async () => {
  await using folder = await createTemporaryFolder()
  const scene = await drawScene(folder.path, { ...SMALL_SCENE, seconds: 4 })
  const elementary = join(folder.path, 'scene.h264')
  execFileSync('ffmpeg', ['-v', 'error', '-i', scene, '-c', 'copy', '-bsf:v', 'h264_mp4toannexb', elementary])
  const rpicamPath = join(folder.path, 'rpicam-vid')
  const pidPath = join(folder.path, 'pid')
  await writeFile(rpicamPath, `#!/bin/sh\necho "$$ $*" > ${pidPath}\ncat ${elementary}\nexec sleep 1000\n`)
  await chmod(rpicamPath, 0o755)
  const source = { kind: 'rpicam', width: 640, height: 360, framesPerSecond: 15 } as const
  const camera = createCamera({ source, ffmpeg: await testFfmpeg(), clock, random: () => 0, rpicamPath })
  const stopping = new AbortController()
  const frames: CodedFrame[] = []
  const done = (async () => {
    for await (const event of camera.events(stopping.signal)) if (event.kind === 'frame') frames.push(event.frame)
  })()
  await eventually(() => frames.length >= 55, 'the frames')
  expect(frames.filter(({ keyframe }) => keyframe)).toHaveLength(4)
  const [pid, ...args] = (await readFile(pidPath, 'utf8')).trim().split(' ')
  expect(args.join(' ')).toContain('--codec h264 --inline')
  stopping.abort()
  await done
  expect(() => process.kill(Number(pid), 0)).toThrow('ESRCH')
})
