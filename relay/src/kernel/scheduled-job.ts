import type { Clock } from './clock.ts'
import type { Log } from './log.ts'

/** Runs `job` now and every `everyMs` until disposed, never twice at once; a failed run is logged and the next one tries. */
export function scheduleJob(
  parts: { clock: Clock; log: Log },
  name: string,
  everyMs: number,
  job: () => Promise<unknown>,
): AsyncDisposable {
  let running: Promise<void> | null = null
  const run = (): void => {
    running ??= job()
      .then(
        (outcome) => parts.log.debug({ job: name, outcome }, 'job.done'),
        (error: unknown) => parts.log.error({ job: name, err: error }, 'job.failed'),
      )
      .finally(() => (running = null))
  }
  const timer = parts.clock.every(everyMs, run)
  run()
  return {
    [Symbol.asyncDispose]: async () => {
      timer[Symbol.dispose]()
      await running
    },
  }
}
