import {
  clipManifest,
  type ClipManifest,
  codeOf,
  contentDigestOf,
  createSigner,
  dayRecord,
  type DeviceEvent,
  deviceEvent,
  deviceTopic,
  digestOf,
  encodeBase64url,
  encodeMqtt,
  type ErrorCode,
  type ItemDescriptor,
  LatchkeyError,
  manifestUpload,
  mqttHello,
  parseDeviceTopic,
  parseDpop,
  parseMqtt,
  problemOf,
  randomBytes,
  sha256,
  type Signed,
  splitAgeFile,
  stored,
} from '@latchkey/shared'
import { Aedes } from 'aedes'
import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net'
import { createMemoryLog } from './memory-log.ts'

/** What the fake relay holds of one clip. */
export interface FakeClip {
  readonly items: Map<number, Uint8Array>
  manifest: Signed<ClipManifest> | null
  descriptors: readonly ItemDescriptor[]
  revisions: number
}

/**
 * Real HTTP, a real broker and the protocol's rules for what an agent does, without a database: enough to see whether an
 * agent keeps its side. Every upload is checked as the relay checks it, DPoP proof and nonce included.
 */
export interface FakeRelay extends AsyncDisposable {
  readonly origin: string
  readonly logVkey: string
  readonly clips: Map<string, FakeClip>
  readonly days: string[]
  /** Events committed, by stream and sequence. */
  readonly events: Map<string, DeviceEvent>
  /** Events that arrived, repeats included. */
  readonly arrived: DeviceEvent[]
  readonly letters: Map<string, Uint8Array>
  readonly retained: Map<string, string>
  /** `PUT /v1/…` of every accepted upload, in order, repeats included. */
  readonly uploads: string[]
  /** Answers this code instead of doing anything, for paths that match. */
  refuse: { readonly path: RegExp; readonly code: ErrorCode } | null
  /** Signs receipts with another key. */
  lie: boolean
  /** Commits events but never says so. */
  silent: boolean
  /** Cuts every MQTT connection. */
  disconnect(): void
  /** Refuses all connections, as a relay that is away does. */
  away: boolean
}

const NONCE = encodeBase64url(randomBytes(32))

async function bodyOf(request: IncomingMessage): Promise<Uint8Array> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}

function assertProof(request: IncomingMessage, origin: string, body: Uint8Array): string {
  const raw = request.headers['dpop']
  if (typeof raw !== 'string') throw new LatchkeyError('DPOP_INVALID', 'no proof')
  const { claims, thumbprint } = parseDpop(raw)
  if (claims.nonce !== NONCE) throw new LatchkeyError('DPOP_NONCE', 'no nonce')
  if (claims.htm !== request.method || claims.htu !== origin + request.url!.split('?')[0]!)
    throw new LatchkeyError('DPOP_INVALID', 'another address')
  if (body.length > 0 && claims.body !== digestOf(body)) throw new LatchkeyError('DPOP_INVALID', 'another body')
  return thumbprint
}

/** Starts one on free loopback ports. */
export async function createFakeRelay(): Promise<FakeRelay> {
  const signer = createSigner(randomBytes(32))
  const liar = createSigner(randomBytes(32))
  const log = createMemoryLog(randomBytes(32))
  const sockets = new Set<Socket>()
  const broker = await Aedes.createBroker()
  const mqttServer = createTcpServer((socket) => {
    if (relay.away) return void socket.destroy()
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    broker.handle(socket)
    return undefined
  })
  await new Promise<void>((resolve) => mqttServer.listen(0, '127.0.0.1', resolve))
  const mqttUrl = `mqtt://127.0.0.1:${(mqttServer.address() as AddressInfo).port}`

  /** Of each stream, the first event that is missing. */
  const firsts = new Map<string, number>()
  function acknowledge(device: string, stream: string, first: number): void {
    if (relay.silent) return
    let sequence = first - 1
    while (relay.events.has(`${stream}/${sequence + 1}`)) sequence++
    firsts.set(stream, sequence + 1)
    const payload = Buffer.from(encodeMqtt({ v: 1, stream, sequence }))
    broker.publish(
      { cmd: 'publish', topic: deviceTopic(device, 'acknowledged'), payload, qos: 1, retain: false, dup: false },
      () => {},
    )
  }
  broker.on('publish', (packet, client) => {
    if (client === null) return
    const topic = parseDeviceTopic(packet.topic)
    if (!topic) return
    const payload = packet.payload as Buffer
    if (packet.retain) relay.retained.set(topic.channel, payload.toString('utf8'))
    if (topic.channel === 'hello') {
      const message = parseMqtt(mqttHello, payload, 'hello')
      firsts.set(message.stream, message.firstUnacknowledged)
      acknowledge(topic.device, message.stream, message.firstUnacknowledged)
    }
    if (topic.channel === 'events') {
      const event = parseMqtt(deviceEvent, payload, 'event')
      relay.arrived.push(event)
      relay.events.set(`${event.stream}/${event.sequence}`, event)
      acknowledge(topic.device, event.stream, firsts.get(event.stream) ?? 1)
    }
  })

  const receipt = (
    aud: string,
    kind: 'item' | 'manifest' | 'day',
    about: { clip: string | null; index: number | null; sha256: string },
  ): Promise<string> => {
    const latchkey = { v: 1 as const, kind, ...about, receivedMs: 1_700_000_000_000 }
    return stored.encode({ iss: relay.origin, aud, iat: 1_700_000_000, latchkey }, relay.lie ? liar : signer)
  }

  function clipOf(clip: string): FakeClip {
    const known = relay.clips.get(clip) ?? { items: new Map(), manifest: null, descriptors: [], revisions: 0 }
    relay.clips.set(clip, known)
    return known
  }

  async function putItem(request: IncomingMessage, body: Uint8Array, [clip, index]: string[], aud: string) {
    if (request.headers['content-digest'] !== contentDigestOf(sha256(body)))
      throw new LatchkeyError('ITEM_INVALID', 'another digest')
    const { payload } = splitAgeFile(body)
    if (request.headers['latchkey-payload-digest'] !== digestOf(payload))
      throw new LatchkeyError('ITEM_INVALID', 'another payload digest')
    const { items } = clipOf(clip!)
    const known = items.get(Number(index))
    if (known && digestOf(known) !== digestOf(body)) throw new LatchkeyError('ITEM_CONFLICT', 'another item')
    items.set(Number(index), body)
    return receipt(aud, 'item', { clip: clip!, index: Number(index), sha256: digestOf(body) })
  }

  async function putManifest(body: Uint8Array, clip: string, aud: string) {
    const upload: unknown = JSON.parse(Buffer.from(body).toString('utf8'))
    if (!manifestUpload.check(upload)) throw new LatchkeyError('MESSAGE_INVALID', manifestUpload.explain(upload))
    const signed = clipManifest.parse(upload.manifest)
    const held = clipOf(clip)
    for (const descriptor of upload.descriptors) {
      const item = held.items.get(descriptor.index)
      if (!item || digestOf(splitAgeFile(item).payload) !== descriptor.payloadSha256)
        throw new LatchkeyError('MANIFEST_INVALID', 'names an item that is not here')
    }
    const { revision } = signed.payload.latchkey
    const before = held.manifest?.payload.latchkey.revision ?? 0
    if (revision < before || (revision === before && held.manifest!.digest !== signed.digest))
      throw new LatchkeyError('MANIFEST_CONFLICT', 'another revision')
    if (revision > before) Object.assign(held, { manifest: signed, descriptors: upload.descriptors })
    held.revisions++
    return receipt(aud, 'manifest', { clip, index: null, sha256: signed.digest })
  }

  async function putDay(body: Uint8Array, digest: string, aud: string) {
    const { day } = JSON.parse(Buffer.from(body).toString('utf8')) as { day: string }
    if (dayRecord.parse(day).digest !== digest) throw new LatchkeyError('DAY_INVALID', 'another digest')
    if (!relay.days.includes(day)) relay.days.push(day)
    return receipt(aud, 'day', { clip: null, index: null, sha256: digest })
  }

  async function answer(request: IncomingMessage, body: Uint8Array): Promise<[number, unknown]> {
    const [, , room, id, part, index] = request.url!.split('?')[0]!.split('/')
    if (relay.refuse?.path.test(request.url!)) throw new LatchkeyError(relay.refuse.code, 'refused by the test')
    if (room === 'trust.json') {
      const relays = [{ origin: relay.origin, jwk: signer.jwk }]
      return [200, { v: 1, logs: [log.vkey], witnesses: [], quorum: 0, agencies: [], relays }]
    }
    if (room === 'pairings') {
      const slot = `${id}/${part}`
      const known = relay.letters.get(slot)
      if (request.method === 'GET' && known) return [200, JSON.parse(Buffer.from(known).toString('utf8'))]
      if (request.method === 'GET') throw new LatchkeyError('NOT_FOUND', 'no letter')
      if (known && digestOf(known) !== digestOf(body)) throw new LatchkeyError('CONFLICT', 'written')
      relay.letters.set(slot, body)
      return [201, { digest: digestOf(body) }]
    }
    const caller = assertProof(request, relay.origin, body)
    const aud = `urn:ietf:params:oauth:jwk-thumbprint:sha-256:${caller}`
    if (room === 'mqtt-credentials') {
      const expiresMs = 4_000_000_000_000
      return [200, { username: caller, password: 'secret', expiresMs, url: mqttUrl }]
    }
    if (room === 'keysets') return [200, { keysets: [] }]
    if (request.method !== 'PUT') throw new LatchkeyError('NOT_FOUND', 'no such route')
    const token =
      room === 'days'
        ? await putDay(body, id!, aud)
        : part === 'manifest'
          ? await putManifest(body, id!, aud)
          : await putItem(request, body, [id!, index!], aud)
    relay.uploads.push(request.url!)
    return [201, { receipt: token }]
  }

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (relay.away) return void request.socket.destroy()
    const body = await bodyOf(request)
    response.setHeader('dpop-nonce', NONCE)
    if (request.url === '/log/checkpoint') return void response.end(Buffer.from(await log.checkpoint()))
    try {
      const [status, json] = await answer(request, body)
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(json))
    } catch (error) {
      const problem = problemOf(codeOf(error), error instanceof Error ? error.message : '')
      response.writeHead(problem.status, { 'content-type': 'application/problem+json' }).end(JSON.stringify(problem))
    }
  }
  const server = createHttpServer((request, response) => void handle(request, response))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))

  const relay: FakeRelay = {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    logVkey: log.vkey,
    clips: new Map(),
    days: [],
    events: new Map(),
    arrived: [],
    letters: new Map(),
    retained: new Map(),
    uploads: [],
    refuse: null,
    lie: false,
    silent: false,
    away: false,
    disconnect: () => sockets.forEach((socket) => socket.destroy()),
    [Symbol.asyncDispose]: async () => {
      relay.disconnect()
      await new Promise<void>((resolve) => broker.close(() => resolve()))
      mqttServer.close()
      server.closeAllConnections()
      server.close()
    },
  }
  return relay
}
