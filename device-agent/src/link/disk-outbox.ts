import {
  type ClockStatement,
  type DeviceEvent,
  deviceEvent,
  encodeBase64url,
  LatchkeyError,
  parseWith,
  randomBytes,
} from '@latchkey/shared'
import type { EventBody } from '../flow.ts'
import { isFullError, readFileOrNull, writeFileAtomic } from '../kernel/atomic-file.ts'
import { type Disk, type DiskFile, plainDisk } from '../kernel/disk.ts'
import { durableSteps, type Failpoints, noFailpoints } from '../kernel/failpoint.ts'
import {
  encodeOutboxLine,
  encodeOutboxPieces,
  type OutboxEvent,
  type OutboxHeader,
  type ParsedOutbox,
  parseOutbox,
} from './outbox-record.ts'

/** Every place at which the outbox can be interrupted. */
export const OUTBOX_FAILPOINTS: readonly string[] = [
  'outbox.append.1',
  'outbox.append.2',
  'outbox.append.3',
  ...durableSteps('outbox.compact'),
]

/**
 * A file of this many droppable events is written anew, when they are half of it or more: while a long queue drains, each
 * event is written twice at most, not once for every few that left before it.
 */
const COMPACT_AT = 256

/** What is said of every event beside its body. */
export interface EventStamp {
  readonly boot: string
  readonly monotonicMs: number
  readonly clock: ClockStatement
}

/** What the outbox needs. */
export interface OutboxOptions {
  /** Absolute path of its file; the directory exists. */
  readonly path: string
  readonly stamp: () => EventStamp
  /** Events kept at most; beyond that the oldest go unsent. */
  readonly maximumEvents: number
  /**
   * Events after this one are kept even when acknowledged, until `keepAfter` says otherwise, `maximumEvents` at most.
   * Default: none are.
   */
  readonly keepAfter?: number
  /** Events went unsent. */
  readonly onOverflow?: (count: number) => void
  /** Called after every append and every acknowledgement that dropped something. */
  readonly onChange?: () => void
  /** Called when the file system is full; the write is tried once more after it. @throws STORAGE_FULL */
  readonly makeRoom?: () => Promise<void>
  readonly failpoints?: Failpoints
  readonly disk?: Disk
}

/** The durable queue of events: an event is in it before anybody hears of it, and until the relay has committed it. */
export interface Outbox extends AsyncDisposable {
  readonly stream: string
  /** Highest sequence given; 0 before the first event. */
  readonly last: number
  readonly firstUnacknowledged: number
  /** Newest clip sequence whose event is recorded. */
  readonly mark: number
  /** Events not yet acknowledged. */
  readonly waiting: number
  /**
   * Records an event; when it resolves the event survives power loss.
   * @param mark sequence of the clip that the event announces, so that a restart knows which clips were
   * @throws node's file system errors
   */
  append(body: EventBody, mark?: number): Promise<DeviceEvent>
  /** The event with this sequence, while it is kept. */
  at(sequence: number): DeviceEvent | null
  /** Events after `sequence`, oldest first, acknowledged ones included as long as `keepAfter` holds them. */
  after(sequence: number): readonly DeviceEvent[]
  /** The relay has committed everything up to `sequence`. Untrusted: both. Another stream or a later event is ignored. */
  acknowledge(stream: string, sequence: number): void
  /** Events up to `sequence` stand in a signed day record and need not be kept for it. */
  keepAfter(sequence: number): void
}

type OutboxState = Pick<ParsedOutbox, 'events' | 'sizeBytes'> & { readonly header: OutboxHeader }

function freshState(events: readonly OutboxEvent[] = []): OutboxState {
  const stream = encodeBase64url(randomBytes(16))
  // After damage the sequence may repeat, so it starts again in a stream of its own.
  const moved = events.map((record, i) => ({ ...record, event: { ...record.event, stream, sequence: i + 1 } }))
  const mark = newestMark(events)
  const header = { kind: 'header' as const, v: 1 as const, stream, acknowledged: 0, last: moved.length, mark }
  return { header, events: moved, sizeBytes: 0 }
}

const newestMark = (events: readonly OutboxEvent[]): number =>
  events.reduce((mark, event) => Math.max(mark, event.mark), 0)

async function loadState(path: string, disk: Disk): Promise<OutboxState> {
  const bytes = await readFileOrNull(path)
  if (bytes === null) return freshState()
  try {
    const { header, events, damaged, sizeBytes } = parseOutbox(bytes)
    if (header !== null && !damaged) return { header, events, sizeBytes }
    if (events.length > 0) return freshState(events)
  } catch (error) {
    if (!(error instanceof LatchkeyError)) throw error
  }
  // Kept for whoever wants to know what happened to the disk.
  await disk.rename(path, `${path}.damaged`)
  return freshState()
}

/** Opens the outbox; a torn last line, whose append never resolved, is cut off. @see spec/mqtt.md */
export async function openDiskOutbox(options: OutboxOptions): Promise<Outbox> {
  const { path, failpoints = noFailpoints, disk = plainDisk, onChange = () => {} } = options
  const loaded = await loadState(path, disk)
  const { stream } = loaded.header
  let acknowledged = loaded.header.acknowledged
  let last = loaded.events.at(-1)?.event.sequence ?? loaded.header.last
  let mark = Math.max(loaded.header.mark, newestMark(loaded.events))
  /** Some 0.6 KiB of memory each: what waits, and the day so far until its record is signed; each `maximumEvents` at most. */
  let kept: OutboxEvent[] = [...loaded.events]
  let covered = options.keepAfter ?? Number.MAX_SAFE_INTEGER
  let sizeBytes = loaded.sizeBytes
  let file: DiskFile | null = null
  let tail: Promise<unknown> = Promise.resolve()

  function exclusive<T>(change: () => Promise<T>): Promise<T> {
    const result = tail.then(change)
    tail = result.catch(() => {})
    return result
  }

  async function letGo(): Promise<void> {
    const held = file
    file = null
    await held?.close().catch(() => {})
  }

  /** Of the oldest events, those that nobody needs any more: their sequences follow each other. */
  function countDroppable(): number {
    const first = kept[0]?.event.sequence ?? 0
    // A day record that is not signed for long, as while the clock stays behind, says then which it no longer covers.
    const needless = Math.max(covered, last - options.maximumEvents)
    return Math.max(0, Math.min(kept.length, Math.min(acknowledged, needless) - first + 1))
  }

  async function rewrite(): Promise<void> {
    kept = kept.slice(countDroppable())
    const header = { kind: 'header' as const, v: 1 as const, stream, acknowledged, last, mark }
    let writtenBytes = 0
    function* pieces(): Generator<Uint8Array> {
      for (const piece of encodeOutboxPieces([header, ...kept])) {
        writtenBytes += piece.length
        yield piece
      }
    }
    await letGo()
    await writeFileAtomic(path, pieces(), { failpoints, disk, name: 'outbox.compact' })
    file = await disk.edit(path)
    sizeBytes = writtenBytes
  }

  async function compactWhenDue(): Promise<void> {
    const gone = countDroppable()
    if (gone >= COMPACT_AT && gone >= kept.length / 2) await rewrite()
  }

  async function write(record: OutboxEvent): Promise<void> {
    try {
      await writeOnce(record)
    } catch (error) {
      if (!isFullError(error) || options.makeRoom === undefined) throw error
      await options.makeRoom()
      await writeOnce(record)
    }
  }

  async function writeOnce(record: OutboxEvent): Promise<void> {
    if (file === null) await rewrite()
    try {
      await writeLine(file!, encodeOutboxLine(record))
    } catch (error) {
      // The disk may come back as another mount, and a file that is held open would keep the old one: written anew then.
      await letGo()
      throw error
    }
  }

  async function writeLine(to: DiskFile, bytes: Uint8Array): Promise<void> {
    // Durable 1/3: the line, at the end of the good ones: what a failed attempt left there is overwritten
    await to.write(bytes, sizeBytes)
    await failpoints.hit('outbox.append.1')
    // Durable 2/3: nothing behind it
    await to.truncate(sizeBytes + bytes.length)
    await failpoints.hit('outbox.append.2')
    // Durable 3/3: on the disk
    await to.sync()
    await failpoints.hit('outbox.append.3')
    sizeBytes += bytes.length
  }

  async function append(body: EventBody, clipSequence: number): Promise<DeviceEvent> {
    const { monotonicMs, ...stamp } = options.stamp()
    const id = encodeBase64url(randomBytes(16))
    const event: DeviceEvent = parseWith(
      deviceEvent,
      {
        v: 1,
        id,
        stream,
        sequence: last + 1,
        monotonicMs: Math.round(monotonicMs),
        ...stamp,
        ...body,
        atMs: Math.round(body.atMs),
      },
      'event',
    )
    const record: OutboxEvent = { kind: 'event', mark: Math.max(mark, clipSequence), event }
    await write(record)
    kept.push(record)
    last = event.sequence
    mark = record.mark
    const over = last - acknowledged - options.maximumEvents
    if (over > 0) {
      acknowledged += over
      options.onOverflow?.(over)
    }
    await compactWhenDue()
    onChange()
    return event
  }

  // A file that is missing, damaged or torn is whole again before anything else happens.
  await exclusive(rewrite)

  return {
    stream,
    get last() {
      return last
    },
    get firstUnacknowledged() {
      return acknowledged + 1
    },
    get mark() {
      return mark
    },
    get waiting() {
      return last - acknowledged
    },
    append: (body, clipSequence = 0) => exclusive(() => append(body, clipSequence)),
    at: (sequence) => kept[sequence - (kept[0]?.event.sequence ?? 0)]?.event ?? null,
    after: (sequence) => kept.map(({ event }) => event).filter((event) => event.sequence > sequence),
    acknowledge(ackStream, sequence) {
      if (ackStream !== stream || sequence > last || sequence <= acknowledged) return
      acknowledged = sequence
      void exclusive(compactWhenDue).catch(() => {})
      onChange()
    },
    keepAfter(sequence) {
      covered = sequence
    },
    [Symbol.asyncDispose]: () =>
      exclusive(async () => {
        // Every event is on the disk already; a smaller file is only tidier.
        await rewrite().catch(() => {})
        await letGo()
      }),
  }
}
