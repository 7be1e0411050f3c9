import { describe, expect, test } from 'vitest'
import { createButton } from '../../device-agent/src/button/button.ts'
import { createContact } from '../../device-agent/src/button/contact.ts'
import {
  argumentsOfV1,
  argumentsOfV2,
  gpioProgram,
  parseGpiofind,
  parseGpiomonVersion,
} from '../../device-agent/src/button/gpio-line.ts'
import { createInputReader } from '../../device-agent/src/button/input-key.ts'
import type { PressReader } from '../../device-agent/src/button/press-reader.ts'
import { createSeededRandom } from '../support/counts.ts'
import { inputEvent } from '../support/doorbell-rig.ts'
import { createManualClock, type ManualClock } from '../support/kill-manual-clock.ts'

const T0 = 1_800_000_000_000
const manualClock = (): ManualClock => createManualClock({ startMs: T0, loops: () => 0, onMove: () => {} })

describe('the bell', () => {
  test('rings once for presses within a quarter of a second, dated when they happened', async () => {
    const clock = manualClock()
    const rung: number[] = []
    const button = createButton(clock, (atMs) => {
      rung.push(atMs - T0)
      return { event: 'x', trigger: 'ring', atMs }
    })
    await clock.advance(1_000)
    expect(button.press(100)).toMatchObject({ trigger: 'ring', atMs: T0 + 900 })
    expect(button.press()).toBeNull()
    await clock.advance(100)
    expect(button.press()).toBeNull()
    await clock.advance(100)
    expect(button.press()).not.toBeNull()
    expect(rung).toEqual([900, 1_200])
  })
})

describe('a contact that bounces', () => {
  /** Edges as `[ms, closed]`; what was pressed, by its first edge, and when it was told. */
  async function settle(edges: readonly (readonly [number, boolean])[], settleMs = 20) {
    const clock = manualClock()
    const pressed: [number, number][] = []
    const contact = createContact(clock, settleMs, (ms) => pressed.push([ms, clock.monotonicMs()]))
    for (const [atMs, closed] of edges) {
      await clock.advance(atMs - clock.monotonicMs())
      contact.edge(closed, atMs)
    }
    await clock.advance(1_000)
    return pressed
  }

  test('is one press, dated by its first edge and told when it has been quiet', async () => {
    const edges = [
      [10, true],
      [12, false],
      [13, true],
      [19, false],
      [22, true],
    ] as const
    expect(await settle(edges)).toEqual([[10, 42]])
  })

  test('is no press when it is let go, however that bounces', async () => {
    const edges = [
      [10, true],
      [500, false],
      [503, true],
      [505, false],
      [506, true],
      [509, false],
    ] as const
    expect(await settle(edges)).toEqual([[10, 30]])
  })

  test('is no press when it is a spike on the wire', async () => {
    expect(
      await settle([
        [10, true],
        [11, false],
        [300, true],
        [302, false],
      ]),
    ).toEqual([])
  })

  test('is another press when the edge between two was lost', async () => {
    expect(
      await settle([
        [10, true],
        [900, true],
      ]),
    ).toEqual([
      [10, 30],
      [900, 920],
    ])
  })

  test('is no press when it flickers while it is held', async () => {
    expect(
      await settle([
        [10, true],
        [700, false],
        [702, true],
      ]),
    ).toEqual([[10, 30]])
  })
})

test('tells the libgpiod of Debian 12 from that of Debian 13, and nothing from anything else', () => {
  expect(parseGpiomonVersion('gpiomon (libgpiod) v1.6.3\nCopyright (C) 2017-2018 Bartosz Golaszewski\n')).toBe(1)
  expect(parseGpiomonVersion('gpiomon (libgpiod) v2.2.1\nCopyright (C) 2017-2023 Bartosz Golaszewski\n')).toBe(2)
  for (const text of ['', 'gpiomon v2', 'gpiomon (libgpiod) v3.0', 'gpiomon (libgpiod) v12.0', '\0\xff'])
    expect(parseGpiomonVersion(text)).toBeNull()
  expect(parseGpiofind('gpiochip4 17\n')).toEqual({ chip: 'gpiochip4', offset: 17 })
  for (const text of ['', 'gpiochip0', '/dev/gpiochip0 1', 'gpiochip0 17 18', 'gpiochip0 -1'])
    expect(parseGpiofind(text)).toBeNull()
})

test('asks each libgpiod in its own words', () => {
  const place = { chip: 'gpiochip0', offset: 17 }
  expect(argumentsOfV1(place, place).join(' ')).toBe(
    '--line-buffered --active-low --bias=pull-up --format=%e %s %n gpiochip0 17',
  )
  expect(argumentsOfV1({ ...place, activeLow: false, bias: 'disabled' }, place)).toEqual(
    expect.arrayContaining(['--bias=disable']),
  )
  expect(argumentsOfV2({ line: 'GPIO17' }).join(' ')).toBe(
    '--active-low --bias=pull-up --debounce-period=20ms --edges=rising --event-clock=monotonic --format=%E %S --by-name GPIO17',
  )
  expect(argumentsOfV2({ ...place, activeLow: false, bias: 'as-is', debounceMs: 0 }).join(' ')).toBe(
    '--edges=rising --event-clock=monotonic --format=%E %S --chip=gpiochip0 17',
  )
})

/** Feeds `bytes` whole, chunked and byte by byte; each must tell the same. */
async function readInEveryWay(
  bytes: Buffer,
  create: (clock: ManualClock, onPress: (agoMs: number) => void) => PressReader,
) {
  const ways: number[][] = []
  for (const size of [bytes.length, 7, 1]) {
    const clock = manualClock()
    await clock.advance(10_000)
    const presses: number[] = []
    const reader = create(clock, (agoMs) => presses.push(Math.round(agoMs)))
    for (let at = 0; at < bytes.length; at += size) reader.take(bytes.subarray(at, at + size))
    await clock.advance(100)
    reader.stop()
    ways.push(presses)
  }
  expect(ways[1]).toEqual(ways[0])
  expect(ways[2]).toEqual(ways[0])
  return ways[0]!
}

describe('what gpiomon prints', () => {
  const line = { chip: 'gpiochip0', offset: 17 }
  const v1 = (clock: ManualClock, onPress: (agoMs: number) => void) =>
    gpioProgram(line, { path: '/x', major: 1 }, clock).createReader(onPress)
  const v2 = (clock: ManualClock, onPress: (agoMs: number) => void) =>
    gpioProgram(line, { path: '/x', major: 2 }, clock).createReader(onPress)

  test('is a press with the age of its stamp, and garbage is passed over', async () => {
    const garbage = `${'x'.repeat(5_000)}\n\0\xff\n1 2\nrising\n2 9 9\n`
    // Edges 50 ms ago; settled 20 ms later.
    expect(await readInEveryWay(Buffer.from(`${garbage}1 9 950000000\n`, 'latin1'), v1)).toEqual([70])
    expect(
      await readInEveryWay(Buffer.from(`${garbage}rising 9.950000000\nfalling 9.960000000\n`, 'latin1'), v2),
    ).toEqual([50])
  })

  test('is dated now when its stamp is from another clock', async () => {
    expect(await readInEveryWay(Buffer.from('rising 1800000000.000000000\nrising 1.000000000\n'), v2)).toEqual([0, 0])
  })

  test('is nothing while a line is unfinished', async () => {
    expect(await readInEveryWay(Buffer.from('rising 9.95000'), v2)).toEqual([])
    expect(await readInEveryWay(Buffer.from('1 9 950000000'), v1)).toEqual([])
  })
})

describe('an input device', () => {
  const anyKey = (clock: ManualClock, onPress: (agoMs: number) => void) =>
    createInputReader({ device: '/x' }, clock, onPress)
  const nowMs = T0 + 10_000

  test('rings when a key goes down, not when it repeats, comes up, or is no key', async () => {
    const bytes = Buffer.concat([
      inputEvent({ stampMs: nowMs - 30, value: 1 }),
      inputEvent({ stampMs: nowMs - 30, type: 0, code: 0, value: 0 }),
      inputEvent({ stampMs: nowMs, value: 2 }),
      inputEvent({ stampMs: nowMs, value: 0 }),
      inputEvent({ stampMs: nowMs, type: 2, value: 1 }),
    ])
    expect(await readInEveryWay(bytes, anyKey)).toEqual([30])
  })

  test('rings for the one key that is asked for', async () => {
    const bytes = Buffer.concat([
      inputEvent({ stampMs: nowMs, code: 28, value: 1 }),
      inputEvent({ stampMs: nowMs - 5, code: 256, value: 1 }),
    ])
    const only = (clock: ManualClock, onPress: (agoMs: number) => void) =>
      createInputReader({ device: '/x', key: 256 }, clock, onPress)
    expect(await readInEveryWay(bytes, only)).toEqual([5])
  })

  test('dates a press now when the device says 1970', async () => {
    expect(await readInEveryWay(inputEvent({ stampMs: 4_000, value: 1 }), anyKey)).toEqual([0])
  })

  test('tells nothing of a torn event, and hears the next one after garbage', async () => {
    const whole = inputEvent({ stampMs: nowMs, value: 1 })
    expect(await readInEveryWay(whole.subarray(0, 23), anyKey)).toEqual([])
    const random = createSeededRandom(3)
    for (const length of [1, 23, 24, 25, 100]) {
      const garbage = Buffer.from(Array.from({ length }, () => 0x80 | random(128)))
      expect(await readInEveryWay(Buffer.concat([garbage, whole]), anyKey)).toEqual([0])
    }
  })
})
