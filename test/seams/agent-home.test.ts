import { execFileSync } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { describe, expect, test } from 'vitest'
import type { DoorEvent, MotionFinding } from '../../device-agent/src/flow.ts'
import { createHome, type KnownFacts } from '../../device-agent/src/home/home.ts'
import { homeTopics } from '../../device-agent/src/home/home-topics.ts'
import { createHomeSessionOpener, type HomeBroker } from '../../device-agent/src/home/mqtt-home-session.ts'
import { systemClock as clock } from '../../device-agent/src/kernel/clock.ts'
import { type Log } from '../../device-agent/src/kernel/log.ts'
import { silentLog } from '../support/agent-rig.ts'
import { checkDiscovery } from '../support/home-assistant.ts'
import { createHomeListener } from '../support/home-listener.ts'
import { createTemporaryFolder } from '../support/temporary-folder.ts'
import { createMosquitto } from '../support/mosquitto.ts'
import { eventually } from '../support/poll.ts'

const ID = '0123456789abcdef'
const TOPICS = homeTopics(ID, { topic: 'latchkey', discovery: 'homeassistant' })
const FACTS: KnownFacts = {
  camera: 'on',
  recording: true,
  uploading: true,
  button: 'none',
  privacy: false,
  spool: { clips: 0, bytes: 0, droppedClips: 0 },
  freeBytes: 1e9,
  clock: { source: 'ntp', offsetMs: 0, uncertaintyMs: 10, checkedMs: 1 },
}
const RING: DoorEvent = { event: 'a-ring', trigger: 'ring', atMs: 1_800_000_000_000 }
const finding = (moving: boolean): MotionFinding => ({
  captureMs: 1,
  moving,
  changedShare: 0,
  threshold: 0,
  boxes: [],
  reason: 'visitor',
  zones: [],
})

/** A doorbell at a broker, which it reaches as soon as `mayTry` says so; `asked` are the switches that were flipped. */
function openHome(broker: HomeBroker, log: Log = silentLog, mayTry: () => Promise<unknown> = () => Promise.resolve()) {
  const asked: boolean[] = []
  let facts = FACTS
  const opener = createHomeSessionOpener({
    broker,
    clientId: `latchkey-${ID}`,
    willTopic: TOPICS.available,
    subscriptions: [TOPICS.birth, TOPICS.privacy.set],
    clock,
  })
  const home = createHome({
    device: { id: ID, name: 'Front door', software: 'latchkey-agent/0', snapshots: true },
    topics: TOPICS,
    open: (onMessage) => mayTry().then(() => opener(onMessage)),
    facts: () => Promise.resolve(facts),
    setPrivacy: (on) => asked.push(on),
    clock,
    log,
    random: () => 0.5,
    retryBaseMs: 20,
  })
  const become = (next: Partial<KnownFacts>): void => {
    facts = { ...facts, ...next }
    home.wake()
  }
  return { home, asked, become }
}

describe('the doorbell at the household’s broker', () => {
  test('leaves one device there that Home Assistant takes, its states, and motion that is over', async () => {
    await using broker = await createMosquitto()
    await using listener = await createHomeListener(broker.url)
    const { home, become } = openHome({ url: broker.url })
    await eventually(() => listener.at(TOPICS.motion).length > 0, 'the last of the states')
    await using newcomer = await createHomeListener(broker.url)
    await eventually(() => newcomer.retained.has(TOPICS.health), 'what is retained')
    const discoveries = [...newcomer.retained].filter(([topic]) => topic.startsWith('homeassistant/'))
    expect(discoveries.map(([topic]) => topic)).toEqual([TOPICS.discovery])
    expect(checkDiscovery(...discoveries[0]!)).toEqual([])
    expect(newcomer.retained.get(TOPICS.available)).toBe('online')
    expect(newcomer.retained.get(TOPICS.status.camera)).toBe('online')
    expect(newcomer.retained.get(TOPICS.privacy.state)).toBe('OFF')
    expect(newcomer.retained.has(TOPICS.motion)).toBe(false)
    expect(listener.at(TOPICS.motion)).toEqual(['OFF'])
    become({ camera: 'camera-lost' })
    await eventually(() => listener.retained.get(TOPICS.status.camera) === 'offline', 'the camera to be gone')
    await home[Symbol.asyncDispose]()
    await eventually(() => listener.retained.get(TOPICS.available) === 'stopped', 'the farewell')
  })

  test('rings, says motion and shows pictures, and retains none of it', async () => {
    await using broker = await createMosquitto()
    await using listener = await createHomeListener(broker.url)
    const { home } = openHome({ url: broker.url })
    await eventually(() => listener.at(TOPICS.motion).length > 0, 'the states')
    home.ring(RING)
    home.news({ kind: 'finding', finding: finding(false) })
    home.news({ kind: 'finding', finding: finding(true) })
    home.news({ kind: 'picture', jpeg: Buffer.from('jpeg') })
    await eventually(() => listener.at(TOPICS.motion).includes('ON') && listener.at(TOPICS.picture).length > 0, 'all')
    expect(JSON.parse(listener.at(TOPICS.ring)[0]!)).toMatchObject({ event_type: 'ring', event: 'a-ring' })
    home.news({ kind: 'watch', state: 'camera-lost', atMs: 1 })
    await eventually(() => listener.at(TOPICS.motion).at(-1) === 'OFF', 'motion to be over')
    for (const topic of [TOPICS.ring, TOPICS.motion, TOPICS.picture]) expect(listener.retained.has(topic)).toBe(false)
    await home[Symbol.asyncDispose]()
  })

  test('says everything again when Home Assistant starts', async () => {
    await using broker = await createMosquitto()
    await using listener = await createHomeListener(broker.url)
    const { home } = openHome({ url: broker.url })
    await eventually(() => listener.at(TOPICS.discovery).length >= 2, 'it all, and all again two seconds later')
    const before = listener.at(TOPICS.motion).length
    await listener.publish(TOPICS.birth, 'offline')
    await listener.publish(TOPICS.birth, 'online')
    await eventually(() => listener.at(TOPICS.discovery).length >= 4, 'it all twice more')
    await eventually(() => listener.at(TOPICS.motion).length >= before + 2, 'the states as well')
    expect(listener.at(TOPICS.discovery)).toHaveLength(4)
    await home[Symbol.asyncDispose]()
  })

  test('takes ON and OFF for commands and nothing else, however much of it', async () => {
    await using broker = await createMosquitto()
    await using listener = await createHomeListener(broker.url)
    await listener.publish(TOPICS.privacy.set, 'OFF', true)
    const { home, asked } = openHome({ url: broker.url })
    await eventually(() => listener.at(TOPICS.motion).length > 0, 'the states')
    for (const hostile of ['on', 'ON ', 'OFFF', 'ON\0', '', '1', '{"state":"ON"}', 'ÿN'])
      await listener.publish(TOPICS.privacy.set, hostile)
    await listener.publish(TOPICS.privacy.set, Buffer.alloc(8 << 20, 'ON'))
    await listener.publish(TOPICS.birth, Buffer.alloc(100_000, 'online'))
    await listener.publish(TOPICS.privacy.set, 'ON')
    await listener.publish(TOPICS.privacy.set, 'OFF')
    await eventually(() => asked.length >= 2, 'the two commands')
    expect(asked).toEqual([true, false])
    expect(home.connected).toBe(true)
    await home[Symbol.asyncDispose]()
  })
})

describe('trouble with the household’s broker', () => {
  test('that is away at the start or goes away is told once, and a ring of that moment is not lost', async () => {
    const told: string[] = []
    const log = { ...silentLog, info() {}, debug() {}, warn() {} } as unknown as Log
    log.error = ((_: unknown, message: string) => told.push(message)) as unknown as Log['error']
    const gone = await createMosquitto()
    await gone.stop()
    // A ring is not retained: whoever is to hear it must be there first.
    const listening = Promise.withResolvers<null>()
    let tries = 0
    const { home } = openHome({ url: gone.url }, log, () => (tries++ === 0 ? Promise.resolve() : listening.promise))
    home.ring(RING)
    await eventually(() => told.length === 1, 'to be told')
    expect(told[0]).toMatch(/does not answer \(ECONNREFUSED\); recording goes on/)
    {
      await using broker = await createMosquitto({ port: gone.port })
      await using listener = await createHomeListener(broker.url)
      listening.resolve(null)
      await eventually(() => listener.at(TOPICS.ring).length === 1, 'the ring')
      await eventually(() => listener.at(TOPICS.health).length > 0, 'the rest')
    }
    await eventually(() => !home.connected, 'the connection to break')
    await using broker = await createMosquitto({ port: gone.port })
    await using listener = await createHomeListener(broker.url)
    await eventually(() => listener.retained.has(TOPICS.discovery), 'a broker that has forgotten all to be told again')
    expect(listener.at(TOPICS.ring)).toEqual([])
    await home[Symbol.asyncDispose]()
  }, 20_000)

  test('a wrong password is told once and not at every try, and the right one is taken without a restart', async () => {
    await using folder = await createTemporaryFolder()
    const user = { name: 'doorbell', password: 'a right password' }
    await using broker = await createMosquitto({ user })
    const [usernameFile, passwordFile] = [`${folder.path}/username`, `${folder.path}/password`]
    await writeFile(usernameFile, `${user.name}\n`)
    await writeFile(passwordFile, 'hunter2\n')
    const told: string[] = []
    let tries = 0
    const log = { ...silentLog, info() {}, debug() {}, warn() {} } as unknown as Log
    log.error = ((_: unknown, message: string) => told.push(message)) as unknown as Log['error']
    const opener = createHomeSessionOpener({
      broker: { url: broker.url, usernameFile, passwordFile },
      clientId: 'x',
      subscriptions: [],
      clock,
    })
    const home = createHome({
      device: { id: ID, name: 'Front door', software: 'latchkey-agent/0', snapshots: false },
      topics: TOPICS,
      open: (onMessage) => {
        tries++
        return opener(onMessage)
      },
      facts: () => Promise.resolve(FACTS),
      setPrivacy: () => {},
      clock,
      log,
      random: () => 0,
      retryBaseMs: 5,
    })
    await eventually(() => tries >= 4, 'several tries')
    expect(told).toEqual([expect.stringContaining('refuses home.usernameFile or home.passwordFile')])
    expect(told.join()).not.toContain('hunter2')
    await writeFile(passwordFile, `${user.password}\n`)
    await eventually(() => home.connected, 'the connection')
    await home[Symbol.asyncDispose]()
  })

  test('with a certificate of its own is taken by its authority, and by no other', async () => {
    await using folder = await createTemporaryFolder()
    const [certFile, keyFile] = [`${folder.path}/cert.pem`, `${folder.path}/key.pem`]
    const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', keyFile]
    const subject = ['-subj', '/CN=home', '-addext', 'subjectAltName=IP:127.0.0.1']
    execFileSync('openssl', ['req', '-x509', ...key, '-out', certFile, '-days', '2', ...subject], { stdio: 'ignore' })
    await using broker = await createMosquitto({ tls: { certFile, keyFile } })
    const openerFor = (caFile?: string) =>
      createHomeSessionOpener({
        broker: { url: broker.url, ...(caFile === undefined ? {} : { caFile }) },
        clientId: 'x',
        subscriptions: [],
        clock,
      })
    const session = await openerFor(certFile)(() => {})
    await session.publish({ topic: 'x', payload: 'y', retain: false })
    await session.end()
    await expect(openerFor()(() => {})).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      message: expect.stringMatching(/certificate is not accepted \([A-Z_]+\): see home\.caFile/) as string,
    })
    await expect(openerFor(`${folder.path}/none`)(() => {})).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: 'home.caFile cannot be read',
    })
  })
})
