import {
  codeOf,
  digestOf,
  encodeTilePath,
  followLog,
  logTrustOf,
  openCheckpoint,
  type Seen,
  type Tile,
  type VerifiedCheckpoint,
} from '@latchkey/shared'
import { readFileOrNull, writeFileAtomic } from '../kernel/atomic-file.ts'
import type { Clock } from '../kernel/clock.ts'
import { type Disk, plainDisk } from '../kernel/disk.ts'
import type { Log } from '../kernel/log.ts'
import { createWaker } from '../kernel/waker.ts'

/** What the keeper needs. */
export interface CheckpointKeeperOptions {
  /** File of the newest verified checkpoint; its directory exists. */
  readonly path: string
  /** Pinned when the device was paired. */
  readonly logVkey: string
  /** Bytes of a public path of the relay. @throws UNAVAILABLE and other codes */
  readonly fetchBytes: (path: string) => Promise<Uint8Array>
  readonly clock: Clock
  readonly log: Log
  readonly disk?: Disk
}

/** Follows the relay's log. */
export interface CheckpointKeeper extends AsyncDisposable {
  /** What manifests and day records say was seen; null before the first verified checkpoint. */
  seen(): Seen
  /** There may be a new one. */
  wake(): void
}

const LOOK_EVERY_MS = 10 * 60_000
/** Announcements may come every second; following each would cost more than it proves. */
const LOOK_AT_MOST_EVERY_MS = 5_000

/**
 * Replaces its checkpoint only by a validly signed, larger and provably consistent one. What is refused is logged as an
 * error: it may be proof that the log lied.
 * @see spec/log.md
 */
export async function createCheckpointKeeper(options: CheckpointKeeperOptions): Promise<CheckpointKeeper> {
  const { clock, log } = options
  const trust = logTrustOf({ logs: [options.logVkey], witnesses: [], quorum: 0 })
  const stored = await readFileOrNull(options.path)
  let held: VerifiedCheckpoint | null = stored === null ? null : reopen(stored)
  const waker = createWaker(clock)

  function reopen(raw: Uint8Array): VerifiedCheckpoint | null {
    try {
      return openCheckpoint(raw, trust)
    } catch (error) {
      // Paired anew with another log, or a damaged disk: the next one is taken on its signature.
      log.warn({ code: codeOf(error) }, 'the kept checkpoint does not verify')
      return null
    }
  }

  const readTile = (tile: Tile) => options.fetchBytes(`/log/${encodeTilePath(tile)}`)

  async function look(): Promise<void> {
    const raw = await options.fetchBytes('/log/checkpoint')
    const step = await followLog(held, raw, { trust, readTile })
    if (step.kind === 'finding') {
      // A smaller one is an answer from before; everything else is a reason to ask the operator.
      log[step.reason === 'smaller' ? 'info' : 'error']({ reason: step.reason }, 'a log checkpoint was refused')
    } else if (step.kind === 'accepted') {
      await writeFileAtomic(options.path, step.checkpoint.raw, { disk: options.disk ?? plainDisk })
      held = step.checkpoint
    }
  }

  async function run(): Promise<void> {
    while (!waker.isStopped()) {
      await look().catch((error: unknown) => log.info({ code: codeOf(error) }, 'no log checkpoint right now'))
      const from = clock.monotonicMs()
      await waker.wait(LOOK_EVERY_MS)
      const tooSoonMs = from + LOOK_AT_MOST_EVERY_MS - clock.monotonicMs()
      if (tooSoonMs > 0 && !waker.isStopped()) await waker.wait(tooSoonMs)
    }
  }

  const running = run()
  return {
    seen: () => held && { origin: held.origin, size: held.size, sha256: digestOf(held.raw) },
    wake: waker.wake,
    [Symbol.asyncDispose]: async () => {
      waker.stop()
      await running
    },
  }
}
