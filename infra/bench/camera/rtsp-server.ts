import { createHash } from 'node:crypto'
import { type AddressInfo, type Socket, createServer } from 'node:net'
import type { CodedVideo } from './coded-video.ts'
import { PAYLOAD_TYPE, createPacketizer } from './rtp-video.ts'

/** A camera that is not there. */
export interface RtspServerOptions {
  readonly video: CodedVideo
  /** 1: as filmed. */
  readonly speed?: number
  /** `user:password` to ask for, in the clear (RFC 7617) unless `digest` (RFC 7616, MD5 as cameras still do). */
  readonly credentials?: string
  readonly digest?: boolean
  /** Told of each picture as it leaves, counted from 0 over all loops. */
  readonly onPicture?: (number: number) => void
}

/** An RTSP server over TCP that plays one video in a loop, and misbehaves when told. */
export interface RtspServer extends AsyncDisposable {
  readonly port: number
  /** Clients that were ever sent a picture. */
  readonly plays: number
  /** Times that somebody was told what it sends. */
  readonly describes: number
  url(credentials?: string): string
  /** Connections stay open and silent, also new ones. */
  hang(): void
  /** Undoes `hang` and `refuse`. */
  recover(): void
  /** Closes every connection. */
  drop(): void
  /** Closes every new connection at once. */
  refuse(): void
  /** Sends another video from now on, in the streams that run and in new ones. */
  show(video: CodedVideo): void
}

type Mode = 'play' | 'hang' | 'refuse'

/** How far ahead of the plan nothing is sent; small against a frame. */
const TICK_MS = 5

/** @see RFC 6184 §8.1, RFC 7798 §7.1 */
function formatOf({ codec, parameterSets }: CodedVideo): string {
  const sets = parameterSets.map((set) => Buffer.from(set).toString('base64'))
  if (codec === 'h264') return `packetization-mode=1;sprop-parameter-sets=${sets.join(',')}`
  return ['vps', 'sps', 'pps'].map((name, i) => `sprop-${name}=${sets[i]!}`).join(';')
}

function describe(video: CodedVideo): string {
  return [
    'v=0',
    'o=- 0 0 IN IP4 127.0.0.1',
    's=camera',
    'c=IN IP4 0.0.0.0',
    't=0 0',
    `m=video 0 RTP/AVP ${PAYLOAD_TYPE}`,
    `a=rtpmap:${PAYLOAD_TYPE} ${video.codec.toUpperCase()}/90000`,
    `a=fmtp:${PAYLOAD_TYPE} ${formatOf(video)}`,
    'a=control:track1',
    '',
  ].join('\r\n')
}

const NONCE = 'b2c1f0'
const md5 = (text: string): string => createHash('md5').update(text).digest('hex')

/** Whether the request carries the answer to our challenge. @see RFC 7616 §3.4.1, without qop */
function answersDigest(request: string, method: string, credentials: string): boolean {
  const field = (name: string) => new RegExp(`\\b${name}="([^"]*)"`).exec(request)?.[1] ?? ''
  const [user, password] = [
    credentials.slice(0, credentials.indexOf(':')),
    credentials.slice(credentials.indexOf(':') + 1),
  ]
  const expected = md5(`${md5(`${user}:camera:${password}`)}:${NONCE}:${md5(`${method}:${field('uri')}`)}`)
  return field('username') === user && field('response') === expected
}

function challengeOf(request: string, method: string, { credentials, digest }: RtspServerOptions): string | undefined {
  if (credentials === undefined || method === 'OPTIONS') return undefined
  if (digest === true)
    return answersDigest(request, method, credentials) ? undefined : `Digest realm="camera", nonce="${NONCE}"`
  const expected = `Basic ${Buffer.from(credentials).toString('base64')}`
  return request.includes(expected) ? undefined : 'Basic realm="camera"'
}

function answerTo(request: string, options: RtspServerOptions, video: CodedVideo): string {
  const method = request.slice(0, request.indexOf(' '))
  const head = `CSeq: ${/^CSeq: *(\d+)/im.exec(request)?.[1] ?? '0'}\r\n`
  const challenge = challengeOf(request, method, options)
  if (challenge !== undefined) return `RTSP/1.0 401 Unauthorized\r\n${head}WWW-Authenticate: ${challenge}\r\n\r\n`
  const ok = `RTSP/1.0 200 OK\r\n${head}`
  if (method === 'OPTIONS') return `${ok}Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN\r\n\r\n`
  if (method === 'SETUP') return `${ok}Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\nSession: 1\r\n\r\n`
  if (method !== 'DESCRIBE') return `${ok}Session: 1\r\n\r\n`
  const sdp = describe(video)
  return `${ok}Content-Type: application/sdp\r\nContent-Length: ${sdp.length}\r\n\r\n${sdp}`
}

/** Takes whole requests out of the bytes of a connection, passing over RTCP of the client. */
function createRequestReader(onRequest: (request: string) => void): (chunk: Buffer) => void {
  let pending = Buffer.alloc(0)
  return (chunk) => {
    pending = Buffer.concat([pending, chunk])
    for (;;) {
      if (pending[0] === 0x24) {
        const end = pending.length < 4 ? Infinity : 4 + pending.readUInt16BE(2)
        if (pending.length < end) return
        pending = pending.subarray(end)
        continue
      }
      const end = pending.indexOf('\r\n\r\n')
      if (end < 0) return
      onRequest(pending.toString('latin1', 0, end + 4))
      pending = pending.subarray(end + 4)
    }
  }
}

/** Starts a server on a free port of the loopback interface. */
export async function startRtspServer(options: RtspServerOptions): Promise<RtspServer> {
  const { speed = 1 } = options
  let video = options.video
  const sockets = new Set<Socket>()
  let mode: Mode = 'play'
  let plays = 0
  let describes = 0

  /** Sends what is due, in order; a loop is one long stream with growing time stamps. */
  function play(socket: Socket): void {
    const packetize = createPacketizer()
    let next = 0
    /** Where the video in play began; another one goes on from there. */
    let baseTicks = 0
    let playing = video
    let heldMs = 0
    let lastTickMs = performance.now()
    const startMs = lastTickMs
    plays++
    const timer = setInterval(() => {
      const nowMs = performance.now()
      if (mode === 'hang') heldMs += nowMs - lastTickMs
      lastTickMs = nowMs
      if (mode === 'hang') return
      const dueTicks = (nowMs - startMs - heldMs) * 90 * speed
      if (playing !== video) {
        playing = video
        baseTicks = Math.round(dueTicks)
        next = 0
      }
      for (;;) {
        const loops = Math.floor(next / playing.units.length)
        const unit = playing.units[next % playing.units.length]!
        const timestamp = baseTicks + unit.timestamp + loops * playing.durationTicks
        if (timestamp > dueTicks || socket.writableLength > 1 << 22) return
        socket.write(packetize({ ...unit, timestamp }, playing.codec))
        options.onPicture?.(next)
        next++
      }
    }, TICK_MS)
    socket.once('close', () => clearInterval(timer))
  }

  const server = createServer((socket) => {
    if (mode === 'refuse') return void socket.destroy()
    sockets.add(socket)
    socket.on('error', () => {})
    socket.once('close', () => sockets.delete(socket))
    socket.on(
      'data',
      createRequestReader((request) => {
        if (mode === 'hang') return
        const answer = answerTo(request, options, video)
        socket.write(answer)
        if (request.startsWith('DESCRIBE ') && answer.includes('200 OK')) describes++
        if (request.startsWith('PLAY ') && answer.includes('200 OK')) play(socket)
      }),
    )
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const drop = () => sockets.forEach((socket) => socket.destroy())
  return {
    port,
    get plays() {
      return plays
    },
    get describes() {
      return describes
    },
    url: (credentials) => `rtsp://${credentials === undefined ? '' : `${credentials}@`}127.0.0.1:${port}/door`,
    hang: () => void (mode = 'hang'),
    recover: () => void (mode = 'play'),
    drop,
    refuse: () => void (mode = 'refuse'),
    show: (next) => void (video = next),
    async [Symbol.asyncDispose]() {
      drop()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
