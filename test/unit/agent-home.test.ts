import { describe, expect, test } from 'vitest'
import type { HomeMessage } from '../../device-agent/src/home/home-link.ts'
import { encodeDiscovery } from '../../device-agent/src/home/home-discovery.ts'
import { type HomeFacts, ringMessage, statesOf } from '../../device-agent/src/home/home-state.ts'
import { homeIdOf, homeTopics, retainedTopics } from '../../device-agent/src/home/home-topics.ts'
import { createMotionState } from '../../device-agent/src/home/motion-state.ts'
import { checkDiscovery, parseDiscovery, renderPath } from '../support/home-assistant.ts'
import { createManualClock } from '../support/kill-manual-clock.ts'

const ID = homeIdOf('x'.repeat(43))
const TOPICS = homeTopics(ID, { topic: 'latchkey', discovery: 'homeassistant' })
const DEVICE = { id: ID, name: 'Front door of the Example family', software: 'latchkey-agent/1.2.3', snapshots: true }
const FACTS: HomeFacts = {
  camera: 'on',
  recording: true,
  uploading: true,
  button: 'watching',
  privacy: false,
  motion: false,
  spool: { clips: 2, bytes: 5_000_000, droppedClips: 1 },
  freeBytes: 3.5 * 1024 ** 3,
  lastClipMs: 1_800_000_000_000,
  clock: { source: 'ntp', offsetMs: 0, uncertaintyMs: 12, checkedMs: 1_800_000_000_000 },
}
const payloadAt = (messages: readonly HomeMessage[], topic: string) =>
  messages.find((message) => message.topic === topic)?.payload

describe('the discovery message', () => {
  const text = encodeDiscovery(DEVICE, TOPICS)
  const { components } = parseDiscovery(text)

  test('is one that Home Assistant takes whole, with pictures and without', () => {
    expect(checkDiscovery(TOPICS.discovery, text)).toEqual([])
    const without = encodeDiscovery({ ...DEVICE, snapshots: false }, TOPICS)
    expect(checkDiscovery(TOPICS.discovery, without)).toEqual([])
    expect(parseDiscovery(without).components['picture']).toEqual({ platform: 'image' })
  })

  test('would be refused with any of these faults', () => {
    const faulty = (change: (root: Record<string, Record<string, Record<string, unknown>>>) => void): string[] => {
      const root = JSON.parse(text) as Record<string, Record<string, Record<string, unknown>>>
      change(root)
      return checkDiscovery(TOPICS.discovery, JSON.stringify(root))
    }
    expect(faulty((root) => (root['cmps']!['ring']!['event_types'] = ['press']))).toEqual([
      'ring: a doorbell must offer ring',
    ])
    expect(faulty((root) => delete root['o']!['name'])).not.toEqual([])
    expect(faulty((root) => delete root['dev']!['ids'])).toEqual(['nothing identifies it'])
    expect(faulty((root) => delete root['cmps']!['motion']!['unique_id'])).not.toEqual([])
    expect(faulty((root) => delete root['cmps']!['privacy']!['command_topic'])).not.toEqual([])
    expect(faulty((root) => (root['cmps']!['motion']!['state_topci'] = 'x'))).not.toEqual([])
    expect(faulty((root) => (root['cmps']!['motion']!['state_topic'] = 'a/#'))).not.toEqual([])
    expect(faulty((root) => (root['cmps']!['free']!['unit_of_measurement'] = 'miles'))).toEqual([
      'free: a size needs its unit',
    ])
    expect(checkDiscovery('homeassistant/device/front door/config', text)).toEqual(['the topic'])
  })

  test('lets the bell ring whatever camera, recorder and relay do', () => {
    expect(components['ring']).not.toHaveProperty('availability')
    expect(parseDiscovery(text)['availability']).toEqual([expect.objectContaining({ topic: TOPICS.available })])
    expect(components['motion']!['availability']).toEqual([
      expect.objectContaining({ topic: TOPICS.available }),
      expect.objectContaining({ topic: TOPICS.status.camera }),
    ])
  })

  test('names the door in its text, and nowhere in a topic', () => {
    const topics = text.match(/"latchkey\/[^"]+"/g)!
    expect(topics.length).toBeGreaterThan(15)
    for (const topic of topics) expect(topic).toMatch(new RegExp(`^"latchkey/${ID}/[a-z/]+"$`))
  })

  test('has a reading in the health message for every sensor', () => {
    const health = payloadAt(statesOf(FACTS, TOPICS), TOPICS.health) as string
    const sensors = Object.entries(components).filter(([, { platform }]) => platform === 'sensor')
    const readings = sensors.map(([key, sensor]) => [key, renderPath(sensor['value_template'] as string, health)])
    expect(Object.fromEntries(readings)).toEqual({
      spool: 2,
      dropped: 1,
      last_clip: '2027-01-15T08:00:00.000Z',
      free: 3584,
      camera: 'on',
      clock: 'ntp',
    })
  })

  test('knows every word that the camera and the clock may say', () => {
    for (const camera of ['starting', 'on', 'camera-lost', 'privacy', 'stopped'])
      expect(components['camera']!['options']).toContain(camera)
    for (const source of ['ntp', 'rtc', 'none']) expect(components['clock']!['options']).toContain(source)
  })
})

describe('what is so', () => {
  const statesFor = (facts: Partial<HomeFacts>) => {
    const messages = statesOf({ ...FACTS, ...facts }, TOPICS)
    return (topic: string) => payloadAt(messages, topic)
  }

  test('is said by role, and a part that is switched off is not broken', () => {
    expect(statesFor({})(TOPICS.status.camera)).toBe('online')
    expect(statesFor({ camera: 'camera-lost' })(TOPICS.status.camera)).toBe('offline')
    expect(statesFor({ camera: 'privacy', privacy: true })(TOPICS.status.camera)).toBe('disabled')
    expect(statesFor({ recording: false })(TOPICS.status.recorder)).toBe('offline')
    expect(statesFor({ uploading: false })(TOPICS.status.uploader)).toBe('offline')
    expect(statesFor({ button: 'lost' })(TOPICS.status.button)).toBe('offline')
    expect(statesFor({ button: 'none' })(TOPICS.status.button)).toBe('disabled')
    expect(statesFor({ clock: null })(TOPICS.status.clock)).toBe('offline')
    expect(statesFor({ privacy: true })(TOPICS.privacy.state)).toBe('ON')
    expect(statesFor({ motion: true })(TOPICS.motion)).toBe('ON')
  })

  test('is retained, but for motion and rings, which would be told again at every start', () => {
    const retained = statesOf(FACTS, TOPICS).filter(({ retain }) => retain)
    expect(retained).toHaveLength(statesOf(FACTS, TOPICS).length - 1)
    for (const { topic } of retained) expect(retainedTopics(TOPICS)).toContain(topic)
    expect(statesOf(FACTS, TOPICS).find(({ topic }) => topic === TOPICS.motion)?.retain).toBe(false)
    const ring = ringMessage({ event: 'e', trigger: 'ring', atMs: 1_800_000_000_000 }, TOPICS)
    expect(ring).toMatchObject({ topic: TOPICS.ring, retain: false })
    expect(JSON.parse(ring.payload as string)).toEqual({
      event_type: 'ring',
      event: 'e',
      at: '2027-01-15T08:00:00.000Z',
    })
  })

  test('calls motion over after ten quiet seconds, or at once when nobody looks', async () => {
    const clock = createManualClock({ startMs: 0, loops: () => 0, onMove: () => {} })
    const told: boolean[] = []
    const motion = createMotionState(clock, () => told.push(motion.isOn))
    motion.end()
    motion.move()
    await clock.advance(6_000)
    motion.move()
    await clock.advance(9_999)
    expect(told).toEqual([true])
    await clock.advance(1)
    expect(told).toEqual([true, false])
    motion.move()
    motion.end()
    expect(told).toEqual([true, false, true, false])
  })
})

test('a device is known to the household’s broker by an id of its own, the same for ever', () => {
  expect(ID).toMatch(/^[0-9a-f]{16}$/)
  expect(homeIdOf('x'.repeat(43))).toBe(ID)
  expect(homeIdOf('y'.repeat(43))).not.toBe(ID)
})
