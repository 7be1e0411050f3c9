import { connect } from 'node:net'
import { LatchkeyError, randomBytes } from '@latchkey/shared'
import type { Clock } from '../kernel/clock.ts'
import { controlAddress, parseRtspAddress } from './rtsp-address.ts'
import { type RtspChallenge, encodeAuthorization, parseChallenges } from './rtsp-authorization.ts'
import { type OfferedVideo, parseRtspDescription } from './rtsp-description.ts'
import { createRtspReader, encodeRtspRequest, type RtspResponse } from './rtsp-message.ts'

/** A conversation with a camera. */
export interface RtspOptions {
  /** `rtsp://…`; a secret when it holds user and password. */
  readonly url: string
  readonly clock: Clock
  /** Called while `read` waits, with packets of the pictures' channel. Untrusted: `packet`, valid during the call. */
  readonly onPacket: (packet: Uint8Array) => void
}

/** A connection to a camera; ends with it, telling the camera good-bye. */
export interface RtspConnection extends AsyncDisposable {
  /**
   * Has the camera play its video through this connection.
   * @throws UNAVAILABLE when it is away or refuses us; SOURCE_UNSUPPORTED or ENCODING_INVALID when it is not understood
   */
  play(): Promise<OfferedVideo>
  /**
   * Waits for something to come and takes everything that is there. What `onPacket` throws comes out here.
   * @throws UNAVAILABLE when the connection ended; ENCODING_INVALID
   */
  read(): Promise<void>
  /** Ends the connection at once; who waits gets UNAVAILABLE. */
  hangUp(): void
}

/** As much as a camera of 20 Mbit/s sends in 50 ms: nothing is left waiting for many reads. */
const READ_BYTES = 1 << 17
/** More than this at once, and others get their turn first. */
const MAX_READS = 64
const GRACE_MS = 300
/** Unless the camera says otherwise. @see RFC 2326 §12.37 */
const SESSION_TIMEOUT_S = 60

const away = (what: string) => new LatchkeyError('UNAVAILABLE', what)

/** The bytes of a connection, taken by `take` when asked for, with one buffer for all of them. */
function createTap(host: string, port: number, take: (bytes: Uint8Array) => void) {
  let [came, ended, reads, over] = [false, false, 0, false]
  let failure: Error | undefined
  let wake = () => {}

  function onEnd(error?: Error): void {
    failure ??= error
    ended = true
    wake()
  }

  function onRead(count: number): boolean {
    if (over) return true
    try {
      take(buffer.subarray(0, count))
    } catch (error) {
      onEnd(error instanceof Error ? error : new Error('reading failed', { cause: error }))
      socket.destroy()
      return false
    }
    // A read that does not fill the buffer has emptied the connection: until somebody asks, nobody is woken for more.
    const isLast = count < buffer.length || ++reads === MAX_READS
    if (isLast) {
      came = true
      wake()
    }
    return !isLast
  }

  const buffer = Buffer.alloc(READ_BYTES)
  const socket = connect({ host, port, noDelay: true, onread: { buffer, callback: onRead } })
  socket.on('error', () => onEnd(away('the camera cannot be reached')))
  socket.on('end', () => onEnd())
  socket.on('close', () => onEnd())
  return {
    socket,
    async next(): Promise<void> {
      reads = 0
      if (!came && !ended) {
        const something = new Promise<void>((resolve) => (wake = resolve))
        socket.resume()
        await something
      }
      came = false
      if (failure !== undefined) throw failure
      if (ended) throw away('the camera stream ended')
    },
    /** Says `last` and waits for the camera to hang up; what still comes is thrown away, or `last` would be. */
    finish(last: Uint8Array): void {
      over = true
      socket.end(last)
      socket.resume()
    },
    get ended() {
      return ended
    },
  }
}

/** @throws what the status means for us */
function assertDone({ status }: RtspResponse): void {
  if (status === 200) return
  if (status === 404) throw away('the camera has no such stream: check the path of its address')
  if (status === 401 || status === 403) throw away('the camera refuses the user or the password')
  if (status >= 500) throw away(`the camera answers with error ${status}`)
  throw new LatchkeyError('SOURCE_UNSUPPORTED', `the camera answers with status ${status}`)
}

/** The channel that the camera sends its pictures in. @see RFC 2326 §12.39 */
function channelOf(response: RtspResponse): number {
  const transport = response.headers.get('transport')?.[0] ?? ''
  const channel = /interleaved=(\d{1,3})(?:-|;|$)/i.exec(transport)?.[1]
  if (!/RTP\/AVP\/TCP/i.test(transport) || channel === undefined || Number(channel) > 255)
    throw new LatchkeyError('SOURCE_UNSUPPORTED', 'the camera does not send through the connection')
  return Number(channel)
}

function sessionOf(response: RtspResponse): { id: string; timeoutMs: number } {
  const [, id, seconds] = /^([\x21-\x3a\x3c-\x7e]{1,256})(?:;.*?timeout=(\d{1,6}))?/i.exec(
    response.headers.get('session')?.[0] ?? '',
  ) ?? [undefined, undefined, undefined]
  if (id === undefined) throw new LatchkeyError('ENCODING_INVALID', 'the camera opens no session')
  return { id, timeoutMs: Math.max(2, Number(seconds ?? SESSION_TIMEOUT_S)) * 1000 }
}

function baseOf(response: RtspResponse, address: string): string {
  const [base] = [...(response.headers.get('content-base') ?? []), ...(response.headers.get('content-location') ?? [])]
  return base !== undefined && /^rtsp:\/\/[\x21\x23-\x7e]{1,1024}$/i.test(base) ? base : address
}

/**
 * Opens a connection to a camera. Everything goes through it, pictures included (RTP over RTSP).
 * @throws CONFIG_INVALID for an address that is none
 * @see RFC 2326 §10, RFC 3550
 */
export function openRtspConnection({ url, clock, onPacket }: RtspOptions): RtspConnection {
  const { host, port, address, credentials } = parseRtspAddress(url)
  let channel: number | undefined
  let [sequence, answer]: [number, RtspResponse | undefined] = [0, undefined]
  let challenge: RtspChallenge | undefined
  let session: { id: string; timeoutMs: number } | undefined
  let [keepAliveMethod, played, aliveMs] = ['OPTIONS', '', 0]

  const challengeIn = (response: RtspResponse) => parseChallenges(response.headers.get('www-authenticate') ?? [])
  const tap = createTap(
    host,
    port,
    createRtspReader({
      onResponse(response) {
        if (response.sequence === sequence) answer = response
        // Nobody waits for the answer to a sign of life; the next one goes by the camera's new challenge.
        if (response.status === 401) challenge = challengeIn(response) ?? challenge
      },
      onPacket(from, packet) {
        if (from === channel) onPacket(packet)
      },
    }),
  )
  const { socket } = tap

  function encode(method: string, to: string, extra: Readonly<Record<string, string>> = {}): Uint8Array {
    const clientNonce = Buffer.from(randomBytes(8)).toString('hex')
    const asks = { method, address: to, clientNonce }
    const authorization =
      challenge === undefined || credentials === undefined
        ? {}
        : { Authorization: encodeAuthorization(challenge, credentials, asks) }
    const inSession: Record<string, string> = session === undefined ? {} : { Session: session.id }
    const headers = { CSeq: String(++sequence), 'User-Agent': 'latchkey', ...inSession, ...authorization, ...extra }
    return encodeRtspRequest(method, to, headers)
  }

  function send(method: string, to: string, extra?: Readonly<Record<string, string>>): void {
    answer = undefined
    socket.write(encode(method, to, extra))
    aliveMs = clock.monotonicMs()
  }

  async function ask(method: string, to: string, extra?: Readonly<Record<string, string>>): Promise<RtspResponse> {
    for (let tries = 0; ; tries++) {
      send(method, to, extra)
      while (answer === undefined) await tap.next()
      const response: RtspResponse = answer
      if (response.status === 401 && tries === 0 && credentials !== undefined) {
        if (challengeIn(response) === undefined)
          throw new LatchkeyError('SOURCE_UNSUPPORTED', 'the camera asks for a password in a way we do not know')
        continue
      }
      assertDone(response)
      return response
    }
  }

  return {
    async play() {
      const options = await ask('OPTIONS', address)
      if (/\bGET_PARAMETER\b/.test(options.headers.get('public')?.join() ?? '')) keepAliveMethod = 'GET_PARAMETER'
      const described = await ask('DESCRIBE', address, { Accept: 'application/sdp' })
      const offered = parseRtspDescription(described.body)
      const base = baseOf(described, address)
      const transport = { Transport: 'RTP/AVP/TCP;unicast;interleaved=0-1' }
      const setUp = await ask('SETUP', controlAddress(base, offered.control), transport)
      session = sessionOf(setUp)
      channel = channelOf(setUp)
      played = controlAddress(base, offered.together)
      await ask('PLAY', played, { Range: 'npt=0.000-' })
      return offered
    },
    async read() {
      await tap.next()
      if (session !== undefined && clock.monotonicMs() - aliveMs > session.timeoutMs / 2) send(keepAliveMethod, played)
    },
    hangUp: () => void socket.destroy(),
    async [Symbol.asyncDispose]() {
      if (socket.closed) return
      const closed = new Promise<void>((resolve) => void socket.once('close', () => resolve()))
      if (session === undefined || tap.ended) socket.destroy()
      else tap.finish(encode('TEARDOWN', played))
      const timer = clock.setTimer(GRACE_MS, () => void socket.destroy())
      await closed
      timer.cancel()
    },
  }
}
