import { chmod, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { loadFfmpeg, parseFfmpegVersion } from '../../device-agent/src/camera/ffmpeg-binary.ts'
import { systemClock } from '../../device-agent/src/kernel/clock.ts'
import { createTemporaryFolder } from '../support/temporary-folder.ts'

async function writeProgram(folder: string, name: string, version: string): Promise<string> {
  const path = join(folder, name)
  await writeFile(path, `#!/bin/sh\necho 'ffmpeg version ${version} Copyright (c) the FFmpeg developers'\n`)
  await chmod(path, 0o755)
  return path
}

describe('the version of an ffmpeg', () => {
  test.each([
    ['ffmpeg version 5.1.9-0+deb12u1 Copyright (c)', { major: 5, minor: 1 }],
    ['ffmpeg version n7.1 Copyright (c)', { major: 7, minor: 1 }],
    ['ffmpeg version 4.1.4-static https://…', { major: 4, minor: 1 }],
    ['ffmpeg version N-112233-gdeadbeef Copyright\nlibavformat    60. 16.100 / 60. 16.100', { major: 6, minor: 0 }],
    ['avconv version 12', undefined],
    ['', undefined],
  ])('is read from %j', (text, expected) => {
    expect(parseFfmpegVersion(text)).toEqual(expected)
  })
})

describe('the search for ffmpeg', () => {
  test('takes the configured one before the one on PATH', async () => {
    await using folder = await createTemporaryFolder()
    await writeProgram(folder.path, 'ffmpeg', '6.0')
    const own = await writeProgram(folder.path, 'my-ffmpeg', '7.1')
    const search = { searchPath: folder.path, clock: systemClock }
    expect(await loadFfmpeg({ ...search, configuredPath: own })).toEqual({ path: own, major: 7, minor: 1 })
    expect(await loadFfmpeg(search)).toEqual({ path: join(folder.path, 'ffmpeg'), major: 6, minor: 0 })
  })

  test('passes over a program on PATH that is there and does not run', async () => {
    await using folder = await createTemporaryFolder()
    await using second = await createTemporaryFolder()
    const broken = join(folder.path, 'ffmpeg')
    await writeFile(broken, 'not a program')
    await chmod(broken, 0o755)
    const path = await writeProgram(second.path, 'ffmpeg', '5.1')
    const searchPath = `${folder.path}:relative:${second.path}`
    expect(await loadFfmpeg({ searchPath, clock: systemClock })).toEqual({ path, major: 5, minor: 1 })
  })

  test('fails with the command that installs it, and never falls back behind a configured path', async () => {
    await using folder = await createTemporaryFolder()
    const missing = { code: 'DEPENDENCY_MISSING', message: expect.stringContaining('apt-get install') as string }
    const searchPath = process.env['PATH'] ?? ''
    const configuredPath = join(folder.path, 'ffmpeg')
    await expect(loadFfmpeg({ configuredPath, searchPath, clock: systemClock })).rejects.toMatchObject(missing)
    await expect(loadFfmpeg({ searchPath: folder.path, clock: systemClock })).rejects.toMatchObject(missing)
  })
})
