import { codeOf, type HouseholdLine, LatchkeyError } from '@latchkey/shared'
import { Readable } from 'node:stream'
import type { Database, MemberCaller, TellHousehold } from '../flow.ts'
import type { Clock } from '../kernel/clock.ts'
import type { Log } from '../kernel/log.ts'
import { listDevices } from './device-states.ts'
import { FeedBell } from './feed-bell.ts'
import { factsAfter, insertFact, startingPoint } from './household-facts.ts'

/** Also what keeps proxies and radios from closing a silent connection; most close after 30 or 60 s. */
const BEAT_MS = 20_000
/** A phone, its other tabs, and one more; the oldest is then one that the phone lost without telling. */
const MAX_STREAMS_OF_MEMBER = 4
/** Each asks the database three times per beat: at this many, 300 statements a second. */
const MAX_STREAMS = 2_000
const PAGE = 100
/** Bytes read ahead of the connection. */
const BUFFER_BYTES = 16_384

export interface FeedParts {
  readonly database: Database
  readonly clock: Clock
  readonly log: Log
  /** Is the key, at this moment, a member of the household? */
  isMember(root: string, thumbprint: string): Promise<boolean>
  /** Something was told here: other relays at this database have streams too. Must not throw. */
  ringOthers(root: string): void
}

/** What members of a household are told as it happens. */
export interface HouseholdFeed extends Disposable {
  /** Writes a fact, in the transaction of what happened; the streams are woken by its commit. */
  readonly tell: TellHousehold
  /** Something else that streams show may have changed: a device's state. */
  touch(root: string): void
  /** Another relay rang for this household; null: for any of them, perhaps. */
  hear(root: string | null): void
  /**
   * The lines for one member, from behind a position or from now on. The reader may be as slow as it likes for about a
   * minute, then it is cut. The caller must consume or destroy the stream.
   * @throws UNAVAILABLE when there are too many
   */
  open(member: MemberCaller, after: number | null): Readable
  /** Open streams. */
  readonly streamCount: number
}

interface FeedStream {
  readonly root: string
  readonly thumbprint: string
  readonly bell: FeedBell
  readonly readable: Readable
}

const encodeLine = (line: HouseholdLine): string => `${JSON.stringify(line)}\n`

class LineTeller {
  readonly #parts: FeedParts
  readonly #member: MemberCaller
  readonly #bell: FeedBell
  /** Device lines as last told, by certificate, without what changes all the time. */
  readonly #told = new Map<string, string>()

  constructor(parts: FeedParts, member: MemberCaller, bell: FeedBell) {
    this.#parts = parts
    this.#member = member
    this.#bell = bell
  }

  async *lines(after: number | null): AsyncGenerator<string> {
    const { database, clock } = this.#parts
    const { root } = this.#member
    const start = await startingPoint(database, root, after)
    yield* this.#changedDevices()
    yield encodeLine({ type: 'start', ...start })
    let { position } = start
    while (await this.#mayGoOn()) {
      const facts = await factsAfter(database, root, position, PAGE)
      for (const fact of facts) {
        yield encodeLine(fact)
        position = fact.position
      }
      // Also between pages: who reads a long past slowly reads.
      if (this.#bell.takeBeat()) yield encodeLine({ type: 'alive', atMs: clock.nowMs() })
      if (facts.length === PAGE) continue
      yield* this.#changedDevices()
      await this.#bell.wait()
    }
  }

  /** Asked before every page: whom a new keyset removed hears nothing more. */
  async #mayGoOn(): Promise<boolean> {
    return !this.#bell.closed && (await this.#parts.isMember(this.#member.root, this.#member.thumbprint))
  }

  async *#changedDevices(): AsyncGenerator<string> {
    for (const device of await listDevices(this.#parts.database, this.#member.root)) {
      const state = JSON.stringify({ ...device, heardMs: null })
      if (this.#told.get(device.certificate) === state) continue
      this.#told.set(device.certificate, state)
      yield encodeLine(device)
    }
  }
}

/** A reader who leaves wakes the teller: a generator that waits cannot be ended before it goes on, which takes a beat. */
function untilLeft(lines: AsyncGenerator<string>, bell: FeedBell): AsyncIterable<string> {
  return {
    [Symbol.asyncIterator]: () => ({
      next: () => lines.next(),
      return: () => {
        bell.close()
        return lines.return(undefined)
      },
    }),
  }
}

class StreamSet implements Disposable {
  readonly #parts: FeedParts
  /** In the order in which they were opened. */
  readonly #streams = new Set<FeedStream>()
  readonly #timer: Disposable
  #closed = false

  constructor(parts: FeedParts) {
    this.#parts = parts
    this.#timer = parts.clock.every(BEAT_MS, () => this.#beat())
  }

  get size(): number {
    return this.#streams.size
  }

  wake(root: string | null): void {
    for (const stream of this.#streams) if (root === null || stream.root === root) stream.bell.ring()
  }

  open(member: MemberCaller, after: number | null): Readable {
    const { root, thumbprint } = member
    const own = [...this.#streams].filter((stream) => stream.root === root && stream.thumbprint === thumbprint)
    if (own.length >= MAX_STREAMS_OF_MEMBER) this.#cut(own[0]!)
    if (this.#closed || this.#streams.size >= MAX_STREAMS)
      throw new LatchkeyError('UNAVAILABLE', 'no more event streams now')
    const bell = new FeedBell()
    const lines = this.#guarded(new LineTeller(this.#parts, member, bell).lines(after))
    const readable = Readable.from(untilLeft(lines, bell), { objectMode: false, highWaterMark: BUFFER_BYTES })
    const stream = { root, thumbprint, bell, readable }
    this.#streams.add(stream)
    readable.once('close', () => {
      this.#streams.delete(stream)
      bell.close()
    })
    return readable
  }

  /** A stream that breaks ends: the phone comes again with its position. */
  async *#guarded(lines: AsyncGenerator<string>): AsyncGenerator<string> {
    try {
      yield* lines
    } catch (error) {
      this.#parts.log.warn({ code: codeOf(error) }, 'feed.broken')
    }
  }

  #beat(): void {
    for (const stream of this.#streams) if (!stream.bell.beat()) this.#cut(stream)
  }

  #cut(stream: FeedStream): void {
    this.#streams.delete(stream)
    stream.bell.close()
    stream.readable.destroy()
  }

  /** Every stream ends behind its last whole line. */
  [Symbol.dispose](): void {
    this.#closed = true
    this.#timer[Symbol.dispose]()
    for (const { bell } of this.#streams) bell.close()
  }
}

/** Streams of what happens in households, over the facts in the database: what a stream misses, the next one tells. */
export function createHouseholdFeed(parts: FeedParts): HouseholdFeed {
  const streams = new StreamSet(parts)
  const touch = (root: string): void => {
    streams.wake(root)
    parts.ringOthers(root)
  }
  return {
    tell: async (tx, root, fact) => {
      await insertFact(tx, root, fact, parts.clock.nowMs())
      tx.onCommit(() => touch(root))
    },
    touch,
    hear: (root) => streams.wake(root),
    open: (member, after) => streams.open(member, after),
    get streamCount() {
      return streams.size
    },
    [Symbol.dispose]: () => streams[Symbol.dispose](),
  }
}
