import type { Clock } from './clock.ts'
import { createWaker } from './waker.ts'

/** Does something every `everyMs`, one time after the other, until disposed; `deed` must not reject. */
export function repeat(clock: Clock, everyMs: number, deed: () => Promise<void>): AsyncDisposable {
  const waker = createWaker(clock)
  async function run(): Promise<void> {
    while (!waker.isStopped()) {
      await waker.wait(everyMs)
      if (!waker.isStopped()) await deed()
    }
  }
  const running = run()
  return {
    [Symbol.asyncDispose]: async () => {
      waker.stop()
      await running
    },
  }
}
