import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { spawnChild, runChild } from '../../device-agent/src/kernel/child-process.ts'
import { createBackoff } from '../../device-agent/src/kernel/backoff.ts'
import { systemClock as clock } from '../../device-agent/src/kernel/clock.ts'
import { eventually } from '../support/poll.ts'

const sh = (script: string) => ({ command: '/bin/sh', args: ['-c', script], clock })

/** Whether the process runs: a zombie that nobody has waited for yet does not. */
function isRunning(pid: number): boolean {
  try {
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return false
  }
}

async function firstLine(stdout: NodeJS.ReadableStream): Promise<string> {
  let text = ''
  stdout.on('data', (chunk: Buffer) => (text += chunk.toString()))
  return eventually(() => text.includes('\n') && text.trim(), 'a line from the child')
}

describe('a child process', () => {
  test('is ended together with the processes it started', async () => {
    const child = spawnChild(sh('sleep 1000 & echo $!; wait'))
    const grandchild = Number(await firstLine(child.stdout))
    expect(isRunning(grandchild)).toBe(true)
    await child.stop()
    await eventually(() => !isRunning(grandchild) && !isRunning(child.pid), 'both to be gone')
  })

  test('is killed when it does not heed SIGTERM within the grace', async () => {
    const child = spawnChild({ ...sh("trap '' TERM; echo ready; while :; do sleep 0.1; done"), graceMs: 100 })
    await firstLine(child.stdout)
    expect(await child.stop()).toEqual({ code: null, signal: 'SIGKILL' })
  })

  test('leaves nothing behind when it ends by itself', async () => {
    const child = spawnChild(sh('sleep 1000 & echo $!'))
    const grandchild = Number(await firstLine(child.stdout))
    expect(await child.exited).toEqual({ code: 0, signal: null })
    await eventually(() => !isRunning(grandchild), 'the grandchild to be gone')
  })

  test('dies with its parent, however that dies', async () => {
    const kernel = new URL('../../device-agent/src/kernel/', import.meta.url).href
    const program = `
      const { spawnChild } = await import('${kernel}child-process.ts')
      const { systemClock: clock } = await import('${kernel}clock.ts')
      console.log(spawnChild({ command: '/bin/sleep', args: ['1000'], clock }).pid)
      setInterval(() => {}, 1000)`
    const parent = spawnChild({ command: process.execPath, args: ['--input-type=module', '-e', program], clock })
    const pid = Number(await firstLine(parent.stdout))
    await eventually(() => readFileSync(`/proc/${pid}/comm`, 'utf8') === 'sleep\n', 'the child to have started')
    process.kill(parent.pid, 'SIGKILL')
    await eventually(() => !isRunning(pid), 'the child to be gone')
    await parent.exited
  })

  test('sees none of our environment', async () => {
    process.env['LATCHKEY_TEST_SECRET'] = 'hidden'
    const { stdout } = await runChild({ ...sh('env'), maxOutputBytes: 4096, timeoutMs: 5000 })
    expect(Buffer.from(stdout).toString()).not.toContain('hidden')
  })

  test('keeps the end of what it complains about', async () => {
    const script = 'i=0; while [ $i -lt 2000 ]; do echo "line $i" >&2; i=$((i+1)); done'
    const { stderrTail } = await runChild({ ...sh(script), maxOutputBytes: 0, timeoutMs: 5000 })
    expect(stderrTail.length).toBeLessThanOrEqual(4096)
    expect(stderrTail).toMatch(/line 1999\n$/)
  })

  test('is stopped when it runs too long or says too much', async () => {
    const slow = runChild({ ...sh('sleep 1000'), maxOutputBytes: 10, timeoutMs: 50 })
    await expect(slow).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    const loud = runChild({ ...sh('yes'), maxOutputBytes: 1000, timeoutMs: 5000 })
    await expect(loud).rejects.toMatchObject({ code: 'UNAVAILABLE' })
  })

  test('takes its input and gives its output whole', async () => {
    const input = new Uint8Array(300_000).map((_, i) => i % 251)
    const { stdout, code } = await runChild({ ...sh('cat'), input, maxOutputBytes: 1 << 20, timeoutMs: 5000 })
    expect(code).toBe(0)
    expect(Buffer.compare(stdout, input)).toBe(0)
  })
})

test('waits between attempts double up to the longest, spread by half, and start again after success', () => {
  const middle = createBackoff({ baseMs: 1000, maxMs: 60_000, random: () => 0.5 })
  const means = Array.from({ length: 8 }, () => middle.nextDelayMs())
  expect(means).toEqual([1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000])
  middle.reset()
  expect(middle.nextDelayMs()).toBe(1000)
  const low = createBackoff({ baseMs: 1000, maxMs: 60_000, random: () => 0 })
  expect(low.nextDelayMs()).toBe(500)
})
