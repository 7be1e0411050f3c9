import { codeOf, type ErrorCode } from '@latchkey/shared'
import type { DayQueue, SpooledClip, UploadQueue } from '../flow.ts'
import { createBackoff } from '../kernel/backoff.ts'
import type { Clock } from '../kernel/clock.ts'
import type { Log } from '../kernel/log.ts'
import { createWaker } from '../kernel/waker.ts'

/** The relay as upload sees it. Every call resolves with a receipt that has been checked, or throws a code. */
export interface UploadRelay {
  putItem(clip: string, item: { index: number; body: Uint8Array; payloadSha256: string }): Promise<string>
  putManifest(clip: SpooledClip): Promise<string>
  putDay(day: { digest: string; day: string; salt: string }): Promise<string>
}

/** What the uploader works on. */
export interface UploaderOptions {
  readonly queue: UploadQueue
  readonly days: DayQueue
  readonly relay: UploadRelay
  readonly clock: Clock
  readonly log: Log
  /** Uniform in [0, 1). */
  readonly random: () => number
  /** Items in flight at once. */
  readonly parallel: number
  /** Mean of the first pause after a failure, ms; the longest is sixty of it. Default 1,000: up to a minute. */
  readonly retryBaseMs?: number
}

/** The running upload. */
export interface Uploader extends AsyncDisposable {
  /** There may be new work. */
  readonly wake: () => void
  /** Resolves true when nothing is left to upload, false when `timeoutMs` passed first. */
  drained(timeoutMs: number): Promise<boolean>
}

/** Wrong about one clip, for good: the others go on. Everything else is about us or the relay and may pass. */
const CLIP_REFUSALS: ReadonlySet<ErrorCode> = new Set([
  'ITEM_INVALID',
  'ITEM_CONFLICT',
  'MANIFEST_INVALID',
  'MANIFEST_CONFLICT',
  'MESSAGE_INVALID',
  'MESSAGE_TOO_LARGE',
  'DAY_INVALID',
  'CONFLICT',
])
/** Waking is the rule; this only mends a lost one. */
const LOOK_EVERY_MS = 60 * 60_000

interface Task {
  /** What is set aside when the relay refuses it for good. */
  readonly subject: string
  run(): Promise<void>
}

/**
 * Sends what the spool holds, oldest clip first: items in index order, a few at a time, then the newest manifest revision
 * that names them. A manifest goes only when the relay has signed for everything in it. Starts at once.
 */
export function createUploader(options: UploaderOptions): Uploader {
  const { queue, days, relay, clock, log } = options
  const waker = createWaker(clock)
  const { retryBaseMs: baseMs = 1_000, random } = options
  const backoff = createBackoff({ baseMs, random })
  const setAside = new Set<string>()
  const resent = new Set<string>()
  let idle: PromiseWithResolvers<void> = Promise.withResolvers()

  function itemTask(clip: SpooledClip, index: number): Task {
    return {
      subject: clip.clip,
      async run() {
        const body = await queue.readItem(clip.clip, index).catch(async (error: unknown) => {
          // Our own disk lost it: the clip's record can never be completed.
          if (codeOf(error) === 'ITEM_INVALID') await queue.dropClip(clip.clip)
          throw error
        })
        const { payloadSha256 } = clip.descriptors[index]!
        queue.keepItemReceipt(clip.clip, index, await relay.putItem(clip.clip, { index, body, payloadSha256 }))
      },
    }
  }

  /** The relay drops items that no manifest named within a day; those still here are then sent once more. */
  async function resendForgotten(clip: SpooledClip, error: unknown): Promise<void> {
    if (codeOf(error) !== 'MANIFEST_INVALID' || resent.has(clip.clip)) throw error
    resent.add(clip.clip)
    if (!queue.forgetItemReceipts(clip.clip)) throw error
  }

  function manifestTask(clip: SpooledClip): Task {
    const { revision } = clip.payload.latchkey
    return {
      subject: clip.clip,
      run: () =>
        relay.putManifest(clip).then(
          (receipt) => queue.keepManifestReceipt(clip.clip, revision, receipt),
          (error: unknown) => resendForgotten(clip, error),
        ),
    }
  }

  /** Work of one clip that can be done now: missing items, or, when none is missing, its newest manifest. */
  function tasksOf(clip: SpooledClip): Task[] {
    const missing = clip.descriptors.map(({ index }) => index).filter((index) => !clip.receipted.has(index))
    if (missing.length > 0) return missing.map((index) => itemTask(clip, index))
    return clip.receiptedRevision < clip.payload.latchkey.revision ? [manifestTask(clip)] : []
  }

  function dayTasks(): Task[] {
    return days.days().map((day) => ({
      subject: day.digest,
      run: async () => {
        await relay.putDay(day)
        await days.keepDayReceipt(day.digest)
      },
    }))
  }

  function nextTasks(): Task[] {
    const tasks: Task[] = []
    for (const clip of queue.clips()) {
      if (tasks.length >= options.parallel) break
      if (!setAside.has(clip.clip)) tasks.push(...tasksOf(clip))
    }
    tasks.push(...dayTasks().filter((task) => !setAside.has(task.subject)))
    return tasks.slice(0, options.parallel)
  }

  function refused(task: Task, error: unknown): boolean {
    const code = codeOf(error)
    if (code === 'NOT_FOUND' && !queue.clips().some((clip) => clip.clip === task.subject)) return true
    if (!CLIP_REFUSALS.has(code)) return false
    setAside.add(task.subject)
    log.error({ code, subject: task.subject }, 'the relay refuses this for good: set aside until the next start')
    return true
  }

  /** Runs one round. False when it is worth a pause. */
  async function round(tasks: readonly Task[]): Promise<boolean> {
    const results = await Promise.allSettled(tasks.map((task) => task.run()))
    const failures = results.flatMap((result, i) =>
      result.status === 'rejected' ? [{ i, error: result.reason as unknown }] : [],
    )
    const passing = failures.filter(({ i, error }) => !refused(tasks[i]!, error))
    if (passing[0])
      log.warn({ code: codeOf(passing[0].error), failed: passing.length }, 'upload is waiting to try again')
    return passing.length === 0
  }

  async function run(): Promise<void> {
    while (!waker.isStopped()) {
      const tasks = nextTasks()
      if (tasks.length === 0) {
        idle.resolve()
        await waker.wait(LOOK_EVERY_MS)
      } else if (await round(tasks)) backoff.reset()
      else await pause()
    }
  }

  /** New work is no reason to hurry: it would meet the same relay. */
  async function pause(): Promise<void> {
    const until = clock.monotonicMs() + backoff.nextDelayMs()
    for (let left = 1; left > 0 && !waker.isStopped(); left = until - clock.monotonicMs())
      await waker.wait(Math.max(1, until - clock.monotonicMs()))
  }

  const running = run()
  const wake = (): void => {
    idle = Promise.withResolvers()
    waker.wake()
  }
  return {
    wake,
    async drained(timeoutMs) {
      wake()
      const timedOut = new AbortController()
      const late = clock.sleep(timeoutMs, timedOut.signal).then(() => false)
      const done = await Promise.race([idle.promise.then(() => true), late])
      timedOut.abort()
      return done && setAside.size === 0
    },
    [Symbol.asyncDispose]: async () => {
      waker.stop()
      await running
    },
  }
}
