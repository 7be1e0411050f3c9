import { LatchkeyError } from '@latchkey/shared'

/** A camera's answer to a request. */
export interface RtspResponse {
  readonly status: number
  /** Number of the request that it answers; -1 when it does not say. */
  readonly sequence: number
  /** Every value of a header, by its name in small letters. */
  readonly headers: ReadonlyMap<string, readonly string[]>
  readonly body: string
}

/** What a connection brings. */
export interface RtspHandlers {
  readonly onResponse: (response: RtspResponse) => void
  /** Media in between. `packet` is valid during the call only. */
  readonly onPacket: (channel: number, packet: Uint8Array) => void
}

/** Marks media between the answers. @see RFC 2326 §10.12 */
const DOLLAR = 0x24
const FRAME_HEAD_BYTES = 4
const MAX_FRAME_BYTES = FRAME_HEAD_BYTES + 0xffff
/** Descriptions of real cameras are below 4 KiB. */
const MAX_HEAD_BYTES = 16_384
const MAX_BODY_BYTES = 32_768
const MAX_HEADERS = 64
const END_OF_HEAD = Buffer.from('\r\n\r\n')

const broken = (what: string) => new LatchkeyError('ENCODING_INVALID', `the camera's RTSP answer ${what}`)

function parseHeaders(lines: readonly string[]): Map<string, string[]> {
  if (lines.length > MAX_HEADERS) throw broken('has too many headers')
  const headers = new Map<string, string[]>()
  for (const line of lines) {
    const colon = line.indexOf(':')
    if (colon < 1) throw broken('has a broken header')
    const name = line.slice(0, colon).trim().toLowerCase()
    headers.set(name, [...(headers.get(name) ?? []), line.slice(colon + 1).trim()])
  }
  return headers
}

function parseCount(text: string | undefined, most: number): number {
  if (text === undefined) return 0
  if (!/^\d{1,6}$/.test(text) || Number(text) > most) throw broken('claims an unacceptable length')
  return Number(text)
}

interface Head extends Omit<RtspResponse, 'body'> {
  readonly bodyBytes: number
}

/** A start line and headers. What is not an answer, a request of the camera's own, has status 0. */
function parseHead(text: string): Head {
  const [start = '', ...lines] = text.split('\r\n')
  const answer = /^RTSP\/1\.\d (\d{3})( |$)/.exec(start)
  if (answer === null && !/^[A-Z_]{3,20} \S+ RTSP\/1\.\d$/.test(start)) throw broken('is not RTSP')
  const headers = parseHeaders(lines)
  const sequence = headers.get('cseq')?.[0] ?? ''
  return {
    status: Number(answer?.[1] ?? 0),
    sequence: /^\d{1,9}$/.test(sequence) ? Number(sequence) : -1,
    headers,
    bodyBytes: parseCount(headers.get('content-length')?.[0], MAX_BODY_BYTES),
  }
}

/**
 * Builds a reader of one connection's bytes, cut into pieces of any size; it holds at most one message.
 * The function it returns takes the next piece. Untrusted: the piece. It throws ENCODING_INVALID for what is not RTSP.
 * @see RFC 2326 §4, §6, §7, §10.12
 */
export function createRtspReader({ onResponse, onPacket }: RtspHandlers): (piece: Uint8Array) => void {
  /** The beginning of a message whose rest has not come. */
  const held = Buffer.alloc(Math.max(MAX_FRAME_BYTES, MAX_HEAD_BYTES + MAX_BODY_BYTES))
  let heldBytes = 0

  /** Takes one packet of media from the start of `bytes`; 0 when it is not whole. */
  function takePacket(bytes: Buffer): number {
    if (bytes.length < FRAME_HEAD_BYTES) return 0
    const end = FRAME_HEAD_BYTES + bytes.readUInt16BE(2)
    if (bytes.length < end) return 0
    onPacket(bytes[1]!, bytes.subarray(FRAME_HEAD_BYTES, end))
    return end
  }

  function takeResponse(bytes: Buffer): number {
    const headBytes = bytes.subarray(0, MAX_HEAD_BYTES).indexOf(END_OF_HEAD)
    if (headBytes < 0) {
      if (bytes.length >= MAX_HEAD_BYTES) throw broken('does not end')
      return 0
    }
    const { bodyBytes, ...head } = parseHead(bytes.toString('latin1', 0, headBytes))
    const bodyAt = headBytes + END_OF_HEAD.length
    if (bytes.length < bodyAt + bodyBytes) return 0
    if (head.status > 0) onResponse({ ...head, body: bytes.toString('latin1', bodyAt, bodyAt + bodyBytes) })
    return bodyAt + bodyBytes
  }

  /** Takes what is whole; says how many bytes that were. */
  function takeAll(bytes: Buffer): number {
    let at = 0
    for (let taken = -1; taken !== 0 && at < bytes.length; at += taken) {
      const rest = bytes.subarray(at)
      taken = rest[0] === DOLLAR ? takePacket(rest) : takeResponse(rest)
    }
    return at
  }

  function hold(rest: Uint8Array): void {
    held.set(rest, heldBytes)
    heldBytes += rest.length
  }

  return (piece) => {
    let rest = Buffer.from(piece.buffer, piece.byteOffset, piece.length)
    while (heldBytes > 0 && rest.length > 0) {
      const before = heldBytes
      const count = Math.min(rest.length, held.length - before)
      hold(rest.subarray(0, count))
      const taken = takeAll(held.subarray(0, heldBytes))
      if (taken === 0 && heldBytes === held.length) throw broken('is too long')
      // Nothing of what was held remains once a message that began with it is whole.
      heldBytes = taken === 0 ? heldBytes : 0
      rest = rest.subarray(taken === 0 ? count : taken - before)
    }
    if (rest.length > 0) hold(rest.subarray(takeAll(rest)))
  }
}

/** One request. `headers` hold no line breaks: the caller made or checked them. */
export function encodeRtspRequest(
  method: string,
  address: string,
  headers: Readonly<Record<string, string>>,
): Uint8Array {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  return Buffer.from(`${method} ${address} RTSP/1.0\r\n${lines.join('')}\r\n`, 'utf8')
}
