import { expect, test } from 'vitest'
import { createStreamWatchdog } from '../../device-agent/src/camera/stream-watchdog.ts'
import type { Clock } from '../../device-agent/src/kernel/clock.ts'

/** Time passes only while the watchdog waits, and as much as the script says. */
function createScript() {
  let nowMs = 0
  let timers: { atMs: number; call: () => void }[] = []
  const clock: Clock = {
    nowMs: () => nowMs,
    monotonicMs: () => nowMs,
    sleep: () => Promise.resolve(),
    setTimer(delayMs, call) {
      const timer = { atMs: nowMs + delayMs, call }
      timers.push(timer)
      return { cancel: () => void (timers = timers.filter((other) => other !== timer)) }
    },
  }
  const watchdog = createStreamWatchdog({ clock, startMs: 20_000, staleMs: 5_000 }, () => {})
  return {
    watchdog,
    pending: () => timers.length,
    /** Waits this long, then sees this. */
    async wait(passMs: number, frame?: 'frame' | 'keyframe', sizeBytes = 1_000) {
      const work = Promise.withResolvers<null>()
      const guarded = watchdog.guard(work.promise)
      nowMs += passMs
      for (const { atMs, call } of timers) if (atMs <= nowMs) call()
      work.resolve(null)
      await guarded
      if (frame !== undefined) watchdog.see({ keyframe: frame === 'keyframe', data: { length: sizeBytes } })
    },
  }
}

test('frames that stop for the limit end the stream, however little comes in between', async () => {
  const { watchdog, wait, pending } = createScript()
  await wait(19_000, 'keyframe')
  await wait(4_900, 'frame')
  // Bytes without a frame in them.
  await wait(3_000)
  expect(watchdog.missing).toBeUndefined()
  await wait(2_000)
  expect(watchdog.missing).toBe('frames')
  expect(pending()).toBe(0)
})

test('a start without a picture is waited for longer', async () => {
  const { watchdog, wait } = createScript()
  await wait(19_900)
  expect(watchdog.missing).toBeUndefined()
  await wait(200)
  expect(watchdog.missing).toBe('frames')
})

test('frames without keyframes end the stream too, later than a camera may stretch their distance', async () => {
  const { watchdog, wait } = createScript()
  await wait(100, 'keyframe')
  await wait(2_000, 'keyframe')
  for (let second = 0; second < 19; second++) await wait(1_000, 'frame')
  expect(watchdog.missing).toBeUndefined()
  await wait(1_500, 'frame')
  expect(watchdog.missing).toBe('keyframes')
})

test('a group that no clip can hold ends the stream before it is that long, also when it is the first', async () => {
  const { watchdog, wait } = createScript()
  await wait(100, 'keyframe')
  for (let second = 0; second < 57; second++) await wait(1_000, 'frame')
  expect(watchdog.missing).toBeUndefined()
  await wait(1_500, 'frame')
  expect(watchdog.missing).toBe('keyframes')
})

test('a group that no memory can hold ends the stream, and keyframes in between do not', async () => {
  const { watchdog, wait } = createScript()
  for (let group = 0; group < 3; group++) {
    await wait(40, 'keyframe', 30 << 20)
    await wait(40, 'frame', 29 << 20)
  }
  expect(watchdog.missing).toBeUndefined()
  await wait(40, 'frame', 2 << 20)
  expect(watchdog.missing).toBe('keyframes')
})
