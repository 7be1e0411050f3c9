import { describe, expect, test } from 'vitest'
import { createAwakeDuty } from '../../device-agent/src/camera/awake-duty.ts'
import { decideMode } from '../../device-agent/src/camera/detection-mode.ts'
import { createEcoGate } from '../../device-agent/src/camera/eco-gate.ts'
import { createPacketTrigger } from '../../device-agent/src/camera/packet-trigger.ts'
import {
  type StreamProfile,
  createStreamMeter,
  describeProfile,
  remarksOn,
} from '../../device-agent/src/camera/stream-profile.ts'
import type { CodedFrame, LumaFrame, MotionFinding, VideoFormat } from '../../device-agent/src/flow.ts'

const FPS = 10
const GOP_FRAMES = 20

function frameOf(n: number, gopFrames = GOP_FRAMES): CodedFrame {
  const captureMs = (n * 1000) / FPS
  const ticks = { dtsTicks: n, ptsTicks: n, durationTicks: 1 }
  return { data: new Uint8Array(10), ...ticks, keyframe: n % gopFrames === 0, captureMs, monotonicMs: captureMs }
}

/** A gate before a decoder that decodes at once, and a scene that stirs in `stirring` (frame numbers). */
function createRig(stirring: (n: number) => boolean) {
  const decoded: number[] = []
  const looked: number[] = []
  const wakes: string[] = []
  const under: (() => void)[] = []
  const finding = ({ captureMs }: LumaFrame): MotionFinding => {
    const stirs = stirring((captureMs * FPS) / 1000)
    const why = { reason: stirs ? ('visitor' as const) : ('quiet' as const), threshold: 0.005, boxes: [], zones: [] }
    return { captureMs, moving: stirs, changedShare: stirs ? 0.1 : 0, ...why }
  }
  const gate = createEcoGate({
    decode({ frame }, pass) {
      decoded.push((frame.captureMs * FPS) / 1000)
      const picture = { width: 1, height: 1, luma: new Uint8Array(1), captureMs: frame.captureMs }
      under.push(() => gate.picture(picture, { pass, keyframe: frame.keyframe }))
    },
    look(picture) {
      looked.push((picture.captureMs * FPS) / 1000)
      return finding(picture)
    },
    glance: finding,
    onWake: (reason) => wakes.push(reason),
    onSleep: () => wakes.push('sleep'),
  })
  gate.begin()
  gate.setEco(true)
  const drain = () => {
    while (under.length > 0) under.shift()!()
  }
  const play = (from: number, to: number) => {
    for (let n = from; n < to; n++) {
      gate.take({ frame: frameOf(n), fragment: [] })
      drain()
    }
  }
  return { gate, decoded, looked, wakes, play, drain }
}

describe('the gate before the decoder', () => {
  test('decodes everything while it learns, then keyframes alone', () => {
    const rig = createRig(() => false)
    rig.play(0, 400)
    expect(rig.wakes).toEqual(['sleep'])
    expect(rig.decoded.slice(0, 100)).toEqual(Array.from({ length: 100 }, (_, n) => n))
    expect(rig.decoded.filter((n) => n > 200)).toEqual([220, 240, 260, 280, 300, 320, 340, 360, 380])
  })

  test('a keyframe that stirs has the group before it decoded as well, and every picture is looked at once', () => {
    const rig = createRig((n) => n >= 327 && n < 350)
    rig.play(0, 500)
    expect(rig.wakes).toEqual(['sleep', 'keyframe', 'sleep'])
    const near = rig.looked.filter((n) => n >= 300 && n < 380)
    expect(near).toEqual([300, ...Array.from({ length: 30 }, (_, i) => 320 + 2 * i)])
    expect(rig.looked).toEqual(rig.looked.toSorted((a, b) => a - b))
    expect(rig.looked.filter((n) => n > 420)).toEqual([440, 460, 480])
  })

  test('an alarm by the packets has the group that comes in decoded from its keyframe on', () => {
    const rig = createRig((n) => n >= 327 && n < 350)
    rig.play(0, 330)
    rig.gate.wake('packets')
    rig.drain()
    rig.play(330, 370)
    expect(rig.wakes).toEqual(['sleep', 'packets'])
    const near = rig.looked.filter((n) => n >= 300 && n < 340)
    expect(near).toEqual([300, ...Array.from({ length: 10 }, (_, i) => 320 + 2 * i)])
  })

  test('a ring wakes it, and it sleeps again', () => {
    const rig = createRig(() => false)
    rig.play(0, 330)
    rig.gate.wake('ring')
    rig.play(330, 420)
    expect(rig.wakes).toEqual(['sleep', 'ring', 'sleep'])
  })

  test('out of eco everything is decoded again', () => {
    const rig = createRig(() => false)
    rig.play(0, 310)
    rig.gate.setEco(false)
    rig.drain()
    rig.play(310, 340)
    expect(rig.decoded.slice(-40)).toEqual(Array.from({ length: 40 }, (_, i) => 300 + i))
  })
})

describe('the mode', () => {
  const steady: StreamProfile = {
    codec: 'h264',
    width: 1920,
    height: 1080,
    framesPerSecond: 15,
    bitsPerSecond: 2.5e6,
    keyframeMs: { least: 2000, usual: 2000, most: 2000 },
    reorders: false,
  }
  const every = (ms: number) => ({ ...steady, keyframeMs: { least: ms, usual: ms, most: ms } })
  const modeOf = (asked: 'auto' | 'eco' | 'full', profile: StreamProfile | undefined, falseAwakeShare = 0) =>
    decideMode({ asked, profile, replay: false, falseAwakeShare }).mode

  test('auto is eco for steady keyframes up to 2 s apart, and full where eco would see less', () => {
    expect(modeOf('auto', steady)).toBe('eco')
    expect(modeOf('auto', undefined)).toBe('full')
    expect(modeOf('auto', every(4000))).toBe('full')
    expect(modeOf('auto', { ...steady, reorders: true })).toBe('full')
    expect(modeOf('auto', { ...steady, codec: 'h265' })).toBe('full')
    expect(modeOf('auto', { ...steady, keyframeMs: { least: 1000, usual: 1000, most: 8000 } })).toBe('full')
    expect(modeOf('auto', steady, 0.25)).toBe('full')
    expect(decideMode({ asked: 'auto', profile: steady, replay: true, falseAwakeShare: 0 }).mode).toBe('full')
  })

  test('eco is kept to 4 s, where the pre-roll still reaches back; full is full', () => {
    expect(modeOf('eco', every(4000), 0.9)).toBe('eco')
    expect(modeOf('eco', every(5000))).toBe('full')
    expect(modeOf('eco', { ...steady, reorders: true })).toBe('full')
    expect(modeOf('full', steady)).toBe('full')
  })

  test('says in words how the stream is coded, and what to change', () => {
    expect(describeProfile(steady)).toBe(
      '1920×1080 H.264, 15 pictures/s, 2.5 Mbit/s, a keyframe every 2 s, no B-frames',
    )
    expect(remarksOn(steady)).toEqual([])
    expect(remarksOn({ ...steady, keyframeMs: { least: 1000, usual: 1000, most: 8000 } }).join()).toMatch(/Smart Codec/)
    expect(remarksOn(every(10_000)).join()).toMatch(/1 or 2 s/)
    expect(remarksOn({ ...steady, reorders: true }).join()).toMatch(/B-frames/)
  })
})

describe('the measure of a stream', () => {
  const format: VideoFormat = { codec: 'h264', width: 640, height: 360, timescale: 10, init: new Uint8Array() }
  const measure = (frames: readonly CodedFrame[]) => {
    const meter = createStreamMeter(format)
    frames.forEach((frame) => meter.add(frame, { type: frame.keyframe ? 'I' : 'P', qp: 30 }))
    return meter.profile
  }
  const frames = (count: number, gopFrames: number) => Array.from({ length: count }, (_, n) => frameOf(n, gopFrames))

  test('knows pace, rate and keyframes after two groups, and nothing before', () => {
    expect(measure(frames(35, 20))).toBeUndefined()
    expect(measure(frames(41, 20))).toMatchObject({
      framesPerSecond: 10,
      bitsPerSecond: 800,
      keyframeMs: { least: 2000, usual: 2000, most: 2000 },
      reorders: false,
    })
  })

  test('does not wait for the end of a group without end', () => {
    expect(measure(frames(130, 1000))?.keyframeMs.most).toBeGreaterThanOrEqual(12_000)
  })

  test('notices pictures out of order', () => {
    const swapped = frames(50, 20).map((frame, n) => ({
      ...frame,
      ptsTicks: n % 3 === 1 ? n + 1 : n % 3 === 2 ? n - 1 : n,
    }))
    expect(measure(swapped)?.reorders).toBe(true)
  })
})

describe('the time awake', () => {
  test('counts as for nothing what no motion came of, in the latest ten minutes', () => {
    const duty = createAwakeDuty()
    duty.sleep(0)
    expect(duty.shares(60_000)).toEqual({ awake: 0, forNothing: 0 })
    duty.wake(100_000)
    duty.sleep(160_000)
    duty.wake(200_000)
    duty.justify()
    duty.sleep(260_000)
    expect(duty.shares(600_000)).toEqual({ awake: 0.2, forNothing: 0.1 })
    expect(duty.shares(800_000)).toEqual({ awake: 0.1, forNothing: 0 })
  })
})

describe('the packet trigger', () => {
  /** Sizes that a constant rate makes: larger where the quantiser is finer, noisy, with a pattern in the group. */
  function* sizes(seed: number) {
    let state = seed
    for (let n = 0; ; n++) {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
      const noise = (state / 2 ** 32 - 0.5) * 0.3
      const qp = 28 + (n % 7 === 0 ? 1 : 0)
      const position = 1 + (n % 29)
      yield { qp, position, sizeBytes: Math.round(2 ** (14 - (qp - 28) / 6 + (position % 2 ? 0.2 : 0) + noise)) }
    }
  }

  test('is quiet in a quiet scene, and notices pictures twice as large within half a second', () => {
    const trigger = createPacketTrigger()
    const source = sizes(1)
    let alarms = 0
    for (let n = 0; n < 3000; n++) alarms += Number(trigger.add(source.next().value!, true))
    expect(alarms).toBeLessThanOrEqual(3)
    let noticed = Infinity
    for (let n = 0; n < 7; n++) {
      const picture = source.next().value!
      if (trigger.add({ ...picture, sizeBytes: picture.sizeBytes * 2 }, false)) noticed = Math.min(noticed, n)
    }
    expect(noticed).toBeLessThan(5)
  })

  test('notices a visitor where quiet pictures differ tenfold in size, and the camera repeats every third', () => {
    const trigger = createPacketTrigger()
    const source = sizes(3)
    let state = 1
    // As a free rate codes noise that is just too fine for its quality: a little of it, now here, now there.
    const quiet = () => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
      const { position } = source.next().value!
      return { position, qp: 20 + (state % 5 === 0 ? 1 : 0), sizeBytes: Math.round(200 * 10 ** (state / 2 ** 32)) }
    }
    let alarms = 0
    for (let n = 0; n < 3000; n++) alarms += Number(trigger.add(quiet(), true))
    // One accident is in as many windows as the trigger judges pictures together.
    expect(alarms).toBeLessThanOrEqual(8)
    const noticed = Array.from({ length: 8 }, (_, n) => {
      const visitor = n % 3 === 2 ? {} : { sizeBytes: 6_000, qp: 21 }
      return trigger.add({ ...quiet(), ...visitor }, false)
    }).indexOf(true)
    expect(noticed).toBeGreaterThanOrEqual(0)
  })

  test('sees through a rate that is held by a coarser quantiser', () => {
    const trigger = createPacketTrigger()
    const source = sizes(2)
    for (let n = 0; n < 3000; n++) trigger.add(source.next().value!, true)
    let noticed = false
    for (let n = 0; n < 7; n++) {
      const picture = source.next().value!
      noticed ||= trigger.add({ ...picture, qp: picture.qp + 6 }, false)
    }
    expect(noticed).toBe(true)
  })
})
