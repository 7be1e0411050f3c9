import { describe, expect, test } from 'vitest'
import { type ClipConfig, createClipCutter } from '../../device-agent/src/clip/clip-cutter.ts'
import type { CodedFrame, DoorEvent, PosterMaker, VideoFormat } from '../../device-agent/src/flow.ts'
import { type KeptClip, createMemorySink } from '../support/memory-sink.ts'

const T0 = 1_800_000_000_000
const FORMAT: VideoFormat = { codec: 'h264', width: 64, height: 48, timescale: 1000, init: new Uint8Array([1, 2, 3]) }
const CONFIG: ClipConfig = { preRollMs: 5000, postRollMs: 5000, maxClipMs: 60_000, maxBytes: 1 << 20 }
const POSTER = new Uint8Array([0xff, 0xd8])

interface Story {
  readonly seconds: number
  /** Seconds between keyframes. Default 1. */
  readonly gopS?: number
  /** Spans of motion, seconds. */
  readonly motion?: readonly (readonly [number, number])[]
  /** How late findings come, seconds. Default 0.2. */
  readonly lagS?: number
  readonly config?: Partial<ClipConfig>
  readonly makePoster?: PosterMaker
  /** Frames that were sent and did not arrive. */
  readonly lost?: readonly number[]
  /** What else happens, at the frame of that second. */
  readonly at?: Readonly<Record<number, (cutter: ReturnType<typeof createClipCutter>) => void>>
}

/** Frame `n`, 10 per second; its bytes are its number. */
function frameOf(n: number, gopS: number): CodedFrame {
  const data = new Uint8Array(4)
  new DataView(data.buffer).setUint32(0, n)
  const keyframe = n % (gopS * 10) === 0
  const ticks = { dtsTicks: n * 100, ptsTicks: n * 100, durationTicks: 100 }
  return { data, ...ticks, keyframe, captureMs: T0 + n * 100, monotonicMs: 1000 + n * 100 }
}

async function play(story: Story) {
  const { seconds, gopS = 1, motion = [], lagS = 0.2, lost = [], at = {} } = story
  const sink = createMemorySink()
  const events: DoorEvent[] = []
  const faults: unknown[] = []
  const cutter = createClipCutter({
    camera: 'Front door',
    config: { ...CONFIG, ...story.config },
    makePoster: story.makePoster ?? (() => Promise.resolve(POSTER)),
    sink,
    onEvent: (event) => events.push(event),
    onFault: (error) => faults.push(error),
  })
  cutter.begin(FORMAT)
  for (let n = 0; n < seconds * 10; n++) {
    if (lost.includes(n)) continue
    cutter.add({ ...frameOf(n, gopS), ...(lost.includes(n - 1) ? { afterLoss: true } : {}) })
    if (n % 10 === 0) at[n / 10]?.(cutter)
    const foundS = n / 10 - lagS
    if (n % 2 !== 0 || foundS < 0) continue
    const moving = motion.some(([from, to]) => foundS >= from && foundS < to)
    const boxes = moving ? [{ x: 0, y: 0, width: 0.5, height: 0.5 }] : []
    const why = { reason: moving ? ('visitor' as const) : ('quiet' as const), zones: moving ? ['porch'] : [], boxes }
    cutter.find({ captureMs: T0 + foundS * 1000, moving, changedShare: moving ? 0.2 : 0, threshold: 0.005, ...why })
    await cutter.drained()
  }
  await cutter.finish()
  return { clips: sink.clips, events, faults }
}

const inSeconds = (ms: number) => (ms - T0) / 1000

/** The numbers of the frames in a clip's media, read back from the mdat of each fragment. */
function framesIn({ items }: KeptClip): number[] {
  return items
    .filter(({ kind }) => kind === 'media')
    .flatMap(({ bytes }) => {
      const numbers: number[] = []
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
      for (let at = 0; at < bytes.length; at += view.getUint32(at)) {
        const type = Buffer.from(bytes.subarray(at + 4, at + 8)).toString()
        if (type === 'mdat') for (let i = at + 8; i < at + view.getUint32(at); i += 4) numbers.push(view.getUint32(i))
      }
      return numbers
    })
}

const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i)

function spanOf(clip: KeptClip): [number, number] {
  return [inSeconds(clip.start.startMs), inSeconds(clip.end!.endMs)]
}

describe('the clip cutter', () => {
  test('records from before the pre-roll to after the post-roll, every frame once', async () => {
    const { clips, events } = await play({ seconds: 40, motion: [[12.4, 15]] })
    expect(clips.map(spanOf)).toEqual([[7, 20]])
    expect(framesIn(clips[0]!)).toEqual(range(70, 200))
    expect(events).toEqual([{ event: clips[0]!.start.event, trigger: 'motion', atMs: T0 + 12_400 }])
    expect(clips[0]!.start).toMatchObject({ triggerMs: T0 + 12_400, monotonicStartMs: 1000 + 7000 })
  })

  test('hands over init, media of whole groups of two seconds, a poster and the meta', async () => {
    const { clips } = await play({ seconds: 40, motion: [[12.4, 15]] })
    const items = clips[0]!.items
    expect(items.map(({ kind }) => kind)).toEqual([
      'init',
      ...Array.from({ length: 3 }, () => 'media'),
      'poster',
      ...Array.from({ length: 4 }, () => 'media'),
      'meta',
    ])
    const media = items.filter(({ kind }) => kind === 'media')
    expect(media.map(({ startMs, durationMs }) => [inSeconds(startMs), durationMs])).toEqual([
      ...[7, 9, 11, 13, 15, 17].map((startS) => [startS, 2000]),
      [19, 1000],
    ])
    expect(items[0]!.bytes).toEqual(FORMAT.init)
    const meta = JSON.parse(Buffer.from(items.at(-1)!.bytes).toString()) as Record<string, unknown>
    expect(meta).toMatchObject({ camera: 'Front door', trigger: 'motion', zones: ['porch'], triggerMs: T0 + 12_400 })
    expect(meta['boxes']).toHaveLength(3)
    expect(meta['motion']).toMatchObject({ reasons: { visitor: expect.any(Number) as number } })
  })

  test('keeps the whole pre-roll when keyframes are far apart', async () => {
    const { clips } = await play({ seconds: 40, gopS: 4, motion: [[14.2, 15]] })
    expect(clips.map(spanOf)).toEqual([[8, 20]])
  })

  test('lets motion before the pre-roll is there wait until it is', async () => {
    const { clips, events } = await play({ seconds: 30, motion: [[2, 3]] })
    expect(inSeconds(events[0]!.atMs)).toBe(5)
    expect(clips.map(spanOf)).toEqual([[0, 10]])
  })

  test('extends a clip by motion within the post-roll, and starts another event after it', async () => {
    const together = await play({
      seconds: 50,
      motion: [
        [12, 13],
        [17, 18],
      ],
    })
    expect(together.clips.map(spanOf)).toEqual([[7, 23]])
    const apart = await play({
      seconds: 50,
      motion: [
        [12, 13],
        [20, 21],
      ],
    })
    expect(apart.clips.map(spanOf)).toEqual([
      [7, 18],
      [15, 26],
    ])
    expect(new Set(apart.clips.map(({ start }) => start.event)).size).toBe(2)
    expect(framesIn(apart.clips[1]!)).toEqual(range(150, 260))
  })

  test('rolls over at the longest clip without losing a frame, under the same event', async () => {
    const { clips, events } = await play({ seconds: 60, motion: [[10, 40]], config: { maxClipMs: 15_000 } })
    expect(clips.map(spanOf)).toEqual([
      [5, 20],
      [20, 35],
      [35, 45],
    ])
    expect(clips.flatMap(framesIn)).toEqual(range(50, 450))
    expect(new Set(clips.map(({ start }) => start.event))).toEqual(new Set([events[0]!.event]))
    expect(clips.every(({ items }) => items.filter(({ kind }) => kind === 'poster').length === 1)).toBe(true)
  })

  test('finds the pre-roll for findings that come seconds late', async () => {
    const { clips } = await play({ seconds: 40, motion: [[12.4, 15]], lagS: 4 })
    expect(clips[0]!.start.startMs).toBe(T0 + 7000)
    expect(inSeconds(clips[0]!.end!.endMs)).toBeGreaterThanOrEqual(20)
  })

  test('records at once when somebody rings, and says that it was the bell', async () => {
    const { clips, events } = await play({ seconds: 30, at: { 9: (cutter) => cutter.ring(T0 + 9000) } })
    expect(clips.map(spanOf)).toEqual([[4, 14]])
    expect(events[0]).toMatchObject({ trigger: 'ring', atMs: T0 + 9000 })
    const early = await play({ seconds: 30, at: { 2: (cutter) => cutter.ring(T0 + 2000) } })
    expect(early.clips.map(spanOf)).toEqual([[0, 7]])
  })

  test('counts a ring during a clip to the event that is on', async () => {
    const rung: DoorEvent[] = []
    const { clips, events } = await play({
      seconds: 40,
      motion: [[12, 13]],
      at: { 16: (cutter) => rung.push(cutter.ring(T0 + 16_000)) },
    })
    expect(clips.map(spanOf)).toEqual([[7, 21]])
    expect(rung).toEqual([{ event: events[0]!.event, trigger: 'ring', atMs: T0 + 16_000 }])
    // The ring is told as well: a visitor who was seen first must not ring in silence.
    expect(events.map(({ trigger }) => trigger)).toEqual(['motion', 'ring'])
  })

  /** Rings at these seconds while the camera is away, which is back at second 20 for ten seconds. */
  async function ringWithoutCamera(...atS: readonly number[]) {
    const sink = createMemorySink()
    const events: DoorEvent[] = []
    const cutter = createClipCutter({
      camera: 'Front door',
      config: CONFIG,
      makePoster: () => Promise.resolve(POSTER),
      sink,
      onEvent: (event) => events.push(event),
      onFault: () => {},
    })
    for (const s of atS) {
      cutter.ring(T0 + s * 1000)
      cutter.lose()
    }
    cutter.begin(FORMAT)
    for (let n = 200; n < 300; n++) cutter.add(frameOf(n, 1))
    await cutter.finish()
    return { clips: sink.clips, events }
  }

  test('records a ring without a camera from when the camera is back, and says what is missing', async () => {
    const { clips, events } = await ringWithoutCamera(17)
    expect(clips.map(spanOf)).toEqual([[20, 22]])
    expect(clips[0]!.start).toMatchObject({ event: events[0]!.event, trigger: 'ring', triggerMs: T0 + 17_000 })
    const gap = { startMs: T0 + 17_000, endMs: T0 + 20_000, reason: 'camera-lost' }
    expect(clips[0]!.end!.gaps).toEqual([gap])
  })

  test('tells every ring without a camera, as events of their own when they are apart', async () => {
    const { clips, events } = await ringWithoutCamera(1, 3, 12)
    expect(events.map(({ trigger, atMs }) => [trigger, inSeconds(atMs)])).toEqual([
      ['ring', 1],
      ['ring', 3],
      ['ring', 12],
    ])
    expect(events[1]!.event).toBe(events[0]!.event)
    expect(events[2]!.event).not.toBe(events[0]!.event)
    expect(clips).toEqual([])
  })

  test('ends the open clip with what it has when it is stopped', async () => {
    const { clips } = await play({ seconds: 13.5, motion: [[12, 20]] })
    expect(clips.map(spanOf)).toEqual([[7, 13.5]])
    expect(framesIn(clips[0]!)).toEqual(range(70, 135))
    expect(clips[0]!.end!.gaps).toEqual([])
  })

  test('ends the clip with a gap when the camera is lost, and records again after it', async () => {
    const { clips } = await play({
      seconds: 40,
      motion: [
        [12, 16],
        [30, 31],
      ],
      at: {
        16: (cutter) => {
          cutter.lose()
          cutter.begin(FORMAT)
        },
      },
    })
    expect(clips).toHaveLength(2)
    expect(clips[0]!.end).toMatchObject({
      endMs: T0 + 20_600,
      gaps: [{ startMs: T0 + 16_100, endMs: T0 + 20_600, reason: 'camera-lost' }],
    })
    expect(spanOf(clips[1]!)).toEqual([25, 36])
  })

  test('names the frames it had to drop when the sink takes nothing', async () => {
    let open: (jpeg: Uint8Array) => void = () => {}
    const stuck = new Promise<Uint8Array>((resolve) => (open = resolve))
    const sink = createMemorySink()
    const cutter = createClipCutter({
      camera: 'Front door',
      config: { ...CONFIG, maxBytes: 600 },
      makePoster: () => stuck,
      sink,
      onEvent: () => {},
      onFault: () => {},
    })
    cutter.begin(FORMAT)
    for (let n = 0; n < 400; n++) {
      cutter.add(frameOf(n, 1))
      const moving = n >= 80 && n < 300
      const why = { reason: 'visitor' as const, zones: [], boxes: [] }
      cutter.find({ captureMs: T0 + n * 100, moving, changedShare: 0.1, threshold: 0.005, ...why })
    }
    open(POSTER)
    await cutter.finish()
    const [clip] = sink.clips
    expect(clip!.end!.gaps).toHaveLength(1)
    expect(clip!.end!.gaps[0]).toMatchObject({ reason: 'frames-dropped' })
    expect(framesIn(clip!).length).toBeLessThan(300)
  })

  test('names the frames that did not arrive, in a group, before one and at its beginning', async () => {
    const { clips } = await play({ seconds: 30, motion: [[10, 12]], lost: [83, 84, 99, 110] })
    const missing = [
      [8_300, 8_500],
      [9_900, 10_000],
      // Without its keyframe nothing of the group after it decodes: it goes on with the group before.
      [11_000, 11_100],
    ]
    expect(clips[0]!.end!.gaps).toEqual(
      missing.map(([from, to]) => ({ startMs: T0 + from!, endMs: T0 + to!, reason: 'frames-dropped' })),
    )
    const untouched = await play({ seconds: 30, motion: [[10, 12]] })
    expect(untouched.clips[0]!.end!.gaps).toEqual([])
  })

  test('goes on without a poster when none can be made', async () => {
    const { clips } = await play({ seconds: 40, motion: [[12, 15]], makePoster: () => Promise.resolve(undefined) })
    expect(clips[0]!.items.map(({ index }) => index)).toEqual(range(0, clips[0]!.items.length))
    expect(clips[0]!.items.some(({ kind }) => kind === 'poster')).toBe(false)
    expect(clips[0]!.items.at(-1)!.kind).toBe('meta')
  })

  test('copes with the widest spacing encoders choose by themselves: whole pre-roll, no clip over a minute', async () => {
    const { clips, events } = await play({ seconds: 160, gopS: 25, motion: [[54, 60]] })
    expect(clips.map(spanOf)).toEqual([[25, 75]])
    expect(framesIn(clips[0]!)).toEqual(range(250, 750))
    expect(events).toHaveLength(1)
    const long = await play({ seconds: 160, gopS: 25, motion: [[54, 98]] })
    expect(long.clips.map(spanOf)).toEqual([
      [25, 75],
      [75, 125],
    ])
    expect(long.clips.flatMap(framesIn)).toEqual(range(250, 1250))
  })

  test('keeps a group of a minute, the longest that fits a clip', async () => {
    const { clips } = await play({ seconds: 130, gopS: 60, motion: [[30, 32]] })
    expect(clips.map(spanOf)).toEqual([[0, 60]])
  })

  test('refuses groups that are larger than its memory, with the remedy', async () => {
    const playing = play({ seconds: 40, gopS: 25, config: { maxBytes: 900 } })
    await expect(playing).rejects.toMatchObject({ code: 'SOURCE_UNSUPPORTED' })
  })

  test('refuses a camera that sends no keyframes any more, with the remedy', async () => {
    const playing = play({ seconds: 80, gopS: 70 })
    await expect(playing).rejects.toMatchObject({
      code: 'SOURCE_UNSUPPORTED',
      message: expect.stringContaining('keyframes'),
    })
  })

  test('refuses settings that make no clip', async () => {
    for (const config of [{ maxClipMs: 60_001 }, { preRollMs: 60_000 }, { postRollMs: -1 }])
      await expect(play({ seconds: 1, config })).rejects.toMatchObject({ code: 'CONFIG_INVALID' })
  })
})
