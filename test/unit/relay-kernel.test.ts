import { utf8 } from '@latchkey/shared'
import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { writeFileAtomic } from '../../relay/src/kernel/atomic-file.ts'
import { runChild } from '../../relay/src/kernel/child-process.ts'
import { systemClock } from '../../relay/src/kernel/clock.ts'
import { armFailpoint, noFailpoints } from '../../relay/src/kernel/failpoint.ts'
import { createLog } from '../../relay/src/kernel/log.ts'
import { defaultStateFolder } from '../../relay/src/store/state-folder.ts'
import { createTemporaryFolder } from '../support/temporary-folder.ts'

describe('the log', () => {
  it('blanks secrets wherever they stand in a line', () => {
    const destination = new PassThrough()
    const log = createLog({ level: 'info', destination })
    log.info({ password: 'p1', config: { token: 'p2', deep: { secret: 'p3' } }, headers: { authorization: 'p4' } }, 'x')
    const line = String(destination.read())
    expect(line).toContain('"[redacted]"')
    expect(line).not.toMatch(/p\d/)
  })
})

describe('an atomic file', () => {
  it('replaces the old content and leaves no temporary file', async () => {
    await using folder = await createTemporaryFolder()
    const path = join(folder.path, 'key')
    await writeFileAtomic(path, utf8('old'))
    await writeFileAtomic(path, utf8('new'))
    expect([await readFile(path, 'utf8'), (await stat(path)).mode & 0o777]).toEqual(['new', 0o600])
    expect(await readdir(folder.path)).toEqual(['key'])
  })

  it('refuses to overwrite when it must be the first', async () => {
    await using folder = await createTemporaryFolder()
    const path = join(folder.path, 'key')
    await writeFileAtomic(path, utf8('first'), { exclusive: true })
    await expect(writeFileAtomic(path, utf8('second'), { exclusive: true })).rejects.toMatchObject({ code: 'EEXIST' })
    expect([await readFile(path, 'utf8'), await readdir(folder.path)]).toEqual(['first', ['key']])
  })
})

describe('failpoints', () => {
  it('do nothing unless armed, and then act once, at their name, after the skipped hits', async () => {
    await noFailpoints.hit('a')
    const failpoints = armFailpoint('a', 'throw', 1)
    await failpoints.hit('b')
    await failpoints.hit('a')
    expect(failpoints.reached).toBe(false)
    await expect(failpoints.hit('a')).rejects.toMatchObject({ code: 'STORAGE_FAILED' })
    await failpoints.hit('a')
    expect(failpoints.reached).toBe(true)
  })
})

describe('child processes', () => {
  it('see only the environment they are given', async () => {
    const { code, lines } = await runChild('env', [], { env: { PATH: '/usr/bin:/bin', A: '1' } })
    expect([code, [...lines].sort()]).toEqual([0, ['A=1', 'PATH=/usr/bin:/bin']])
  })

  it('are named when they are not installed', async () => {
    const missing = runChild('/no/such/program', [], { env: {} })
    await expect(missing).rejects.toMatchObject({ code: 'DEPENDENCY_MISSING' })
  })
})

describe('the state folder', () => {
  it('is where the one who runs the relay may write, and its database may go', () => {
    expect(defaultStateFolder({ isRoot: true, home: '/root' })).toBe('/var/lib/latchkey')
    expect(defaultStateFolder({ isRoot: false, home: '/home/a' })).toBe('/home/a/.local/state/latchkey')
    expect(defaultStateFolder({ isRoot: false, home: '/home/a', xdgStateHome: '/s' })).toBe('/s/latchkey')
  })
})

describe('the system clock', () => {
  it('ends a sleep early when it is aborted', async () => {
    const waiting = new AbortController()
    const sleep = systemClock.sleep(60_000, waiting.signal)
    waiting.abort()
    await expect(sleep).resolves.toBeUndefined()
    await expect(systemClock.sleep(60_000, waiting.signal)).resolves.toBeUndefined()
  })
})
