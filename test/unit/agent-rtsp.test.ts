import { createHash } from 'node:crypto'
import { join } from 'node:path'
import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import { LatchkeyError } from '@latchkey/shared'
import { type TrackPart, createH264Track } from '../../device-agent/src/camera/h264-track.ts'
import { parseSequenceParameters } from '../../device-agent/src/camera/h264-parameter-sets.ts'
import { type AccessUnit, createAccessUnitAssembler } from '../../device-agent/src/camera/rtp-h264-assembler.ts'
import { parseRtpPacket } from '../../device-agent/src/camera/rtp-packet.ts'
import { controlAddress, parseRtspAddress } from '../../device-agent/src/camera/rtsp-address.ts'
import { encodeAuthorization, parseChallenges } from '../../device-agent/src/camera/rtsp-authorization.ts'
import { parseRtspDescription } from '../../device-agent/src/camera/rtsp-description.ts'
import { type RtspResponse, createRtspReader } from '../../device-agent/src/camera/rtsp-message.ts'
import { type CodedVideo, loadCodedVideo } from '../../infra/bench/camera/coded-video.ts'
import { createPacketizer, PAYLOAD_TYPE } from '../../infra/bench/camera/rtp-video.ts'
import { REORDERED, decodeComplaints, makeVideo, packetsOf } from '../support/media-files.ts'
import { createTemporaryFolder } from '../support/temporary-folder.ts'

/** `null` when it works, otherwise the code of the error; anything else than ours is told whole. */
function codeOf(work: () => unknown): string | null {
  try {
    work()
    return null
  } catch (error) {
    return error instanceof LatchkeyError ? error.code : `not ours: ${String(error)}`
  }
}

const OURS = [null, 'ENCODING_INVALID', 'SOURCE_UNSUPPORTED']

type Message = RtspResponse | readonly [channel: number, packet: string]

function readAll(bytes: Uint8Array, cuts: readonly number[] = []): Message[] {
  const messages: Message[] = []
  const read = createRtspReader({
    onResponse: (response) => messages.push(response),
    onPacket: (channel, packet) => messages.push([channel, Buffer.from(packet).toString('hex')]),
  })
  let at = 0
  for (const cut of [...cuts, bytes.length]) {
    read(bytes.subarray(at, cut))
    at = cut
  }
  return messages
}

const interleaved = (channel: number, sizeBytes: number) =>
  Buffer.concat([Buffer.from([0x24, channel, sizeBytes >> 8, sizeBytes & 255]), Buffer.alloc(sizeBytes, channel)])
const CONVERSATION = Buffer.concat([
  Buffer.from('RTSP/1.0 200 OK\r\nCSeq: 2\r\nContent-Length: 5\r\nX: a\r\nx: b\r\n\r\nhello'),
  interleaved(0, 3),
  interleaved(1, 0),
  Buffer.from('OPTIONS * RTSP/1.0\r\nCSeq: 9\r\n\r\nRTSP/1.0 401 Unauthorized\r\n\r\n'),
  interleaved(0, 65_535),
  interleaved(0, 1400),
])

describe('the reader of what a camera says', () => {
  test('takes answers and media apart, however the bytes are cut', () => {
    const whole = readAll(CONVERSATION)
    expect(whole).toMatchObject([
      { status: 200, sequence: 2, body: 'hello' },
      [0, '000000'],
      [1, ''],
      { status: 401, sequence: -1, body: '' },
      [0, '00'.repeat(65_535)],
      [0, '00'.repeat(1400)],
    ])
    expect((whole[0] as RtspResponse).headers.get('x')).toEqual(['a', 'b'])
    const cuts = fc.array(fc.nat(CONVERSATION.length), { maxLength: 40 }).map((list) => list.sort((a, b) => a - b))
    fc.assert(
      fc.property(cuts, (at) => {
        expect(readAll(CONVERSATION, at)).toEqual(whole)
      }),
      { numRuns: 30, seed: 1 },
    )
    const everyByte = Array.from({ length: 300 }, (_, i) => i)
    expect(readAll(CONVERSATION, everyByte)).toEqual(whole)
  })

  test.each([
    ['no RTSP', 'HTTP/1.1 200 OK\r\n\r\n'],
    ['no end', 'RTSP/1.0 200 OK\r\nX: '.padEnd(20_000, 'x')],
    ['no colon', 'RTSP/1.0 200 OK\r\nX\r\n\r\n'],
    ['a huge body', 'RTSP/1.0 200 OK\r\nContent-Length: 999999\r\n\r\n'],
    ['a body below nothing', 'RTSP/1.0 200 OK\r\nContent-Length: -1\r\n\r\n'],
    ['headers without end', `RTSP/1.0 200 OK\r\n${'a: b\r\n'.repeat(100)}\r\n`],
  ])('refuses an answer with %s', (_, text) => {
    expect(codeOf(() => readAll(Buffer.from(text)))).toBe('ENCODING_INVALID')
  })

  test('answers any bytes with a message, patience or a code of ours', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(CONVERSATION.length), (noise, at) => {
        const spoiled = Buffer.concat([CONVERSATION.subarray(0, at), noise, CONVERSATION.subarray(at)])
        expect(OURS).toContain(codeOf(() => readAll(spoiled)))
      }),
      { numRuns: 300, seed: 2 },
    )
  })
})

describe('the answer to a challenge', () => {
  // RFC 7616 §3.9.1
  const [nonce, clientNonce] = [
    '7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v',
    'f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ',
  ]
  const fields = `realm="http-auth@example.org", qop="auth, auth-int", nonce="${nonce}", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"`
  const MD5 = `Digest ${fields}, algorithm=MD5`
  const SHA = `Digest ${fields}, algorithm=SHA-256`
  const mufasa = { user: 'Mufasa', password: 'Circle of Life' }
  const asked = { method: 'GET', address: '/dir/index.html', clientNonce }

  test('is the one of the specification’s examples', () => {
    expect(encodeAuthorization(parseChallenges([MD5])!, mufasa, asked)).toContain(
      'response="8ca523f5e9506fed4657c9700eebdbec"',
    )
    const best = encodeAuthorization(parseChallenges(['Basic realm="x"', MD5, SHA])!, mufasa, asked)
    expect(best).toContain('response="753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"')
    expect(best).not.toContain('Circle')
    const basic = encodeAuthorization(parseChallenges(['Basic realm="WallyWorld"'])!, mufasa, asked)
    expect(basic).toBe(`Basic ${Buffer.from('Mufasa:Circle of Life').toString('base64')}`)
  })

  test('knows what it cannot answer', () => {
    const strange = ['Bearer x', 'Digest realm="a"', `${MD5}-sess`, 'Digest nonce="a", qop="auth-int"', '']
    for (const challenge of strange) expect(parseChallenges([challenge]), challenge).toBeUndefined()
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (noise) => {
        const text = Buffer.from(noise).toString('latin1')
        const challenge = parseChallenges([`Digest nonce="a", ${text}`])
        if (challenge === undefined) return
        expect(encodeAuthorization(challenge, mufasa, asked)).not.toMatch(/[\r\n]/)
      }),
      { numRuns: 300, seed: 3 },
    )
  })
})

describe('addresses', () => {
  test('lose their password, and nothing else', () => {
    expect(parseRtspAddress('rtsp://me%40home:a%2Fb%3A@cam.lan/Streaming/1?x=ü&y="')).toEqual({
      host: 'cam.lan',
      port: 554,
      address: 'rtsp://cam.lan:554/Streaming/1?x=%C3%BC&y=%22',
      credentials: { user: 'me@home', password: 'a/b:' },
    })
    expect(parseRtspAddress('rtsp://[::1]:8554/a')).toMatchObject({ host: '::1', port: 8554, credentials: undefined })
    for (const broken of ['rtsp://a%0d%0aX:b@cam/', 'rtsp://%zz:b@cam/'])
      expect(codeOf(() => parseRtspAddress(broken))).toBe('CONFIG_INVALID')
  })

  test('of parts are put behind the whole’s', () => {
    const base = 'rtsp://cam:554/live'
    expect(['', '*', 'track1', 'rtsp://cam/other'].map((control) => controlAddress(base, control))).toEqual([
      base,
      base,
      `${base}/track1`,
      'rtsp://cam/other',
    ])
    expect(controlAddress(`${base}/`, 'track1')).toBe(`${base}/track1`)
  })
})

const SDP = `v=0\r\na=control:*\r\nm=audio 0 RTP/AVP 8\r\na=control:sound\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000
a=fmtp:96 packetization-mode=1;profile-level-id=42e01e; sprop-parameter-sets=Z0LgHtoHgtE=,aM48gA==\r
a=control:trackID=2\r\nm=application 0 RTP/AVP 107\r\n`

describe('a camera’s description', () => {
  test('offers its first video', () => {
    expect(parseRtspDescription(SDP)).toMatchObject({
      payloadType: 96,
      control: 'trackID=2',
      together: '*',
      parameterSets: [{ length: 8 }, { length: 4 }],
    })
    expect(parseRtspDescription('m=video 0 RTP/AVP 97 98\na=rtpmap:97 h264/90000').parameterSets).toEqual([])
  })

  test.each([
    ['H.265', SDP.replace('H264', 'H265')],
    ['pictures coded one by one', 'm=video 0 RTP/AVP 26\r\n'],
    ['sound alone', 'm=audio 0 RTP/AVP 8\r\n'],
    ['interleaved pictures', SDP.replace('packetization-mode=1', 'packetization-mode=2')],
    ['encryption', SDP.replace('m=video 0 RTP/AVP', 'm=video 0 RTP/SAVP')],
    ['nothing', ''],
  ])('with %s is not for us', (_, text) => {
    expect(codeOf(() => parseRtspDescription(text))).toBe('SOURCE_UNSUPPORTED')
  })

  test('that is broken anywhere is read or refused, and brings no line break into a request', () => {
    fc.assert(
      fc.property(fc.nat(SDP.length), fc.uint8Array({ maxLength: 30 }), (at, bytes) => {
        const noise = Buffer.from(bytes).toString('latin1')
        const code = codeOf(() => {
          const { control, together } = parseRtspDescription(SDP.slice(0, at) + noise + SDP.slice(at + noise.length))
          expect(control + together).not.toMatch(/[\s"]/)
        })
        expect(OURS).toContain(code)
      }),
      { numRuns: 300, seed: 4 },
    )
  })
})

describe('an RTP packet', () => {
  test('is read behind its extras', () => {
    const fixed = [0xb1, 0xe0, 0, 7, 0, 0, 0, 9, 1, 2, 3, 4]
    const extras = [5, 5, 5, 5, 0xbe, 0xde, 0, 1, 6, 6, 6, 6]
    expect(parseRtpPacket(Uint8Array.from([...fixed, ...extras, 42, 43, 0, 2]))).toEqual({
      payloadType: 96,
      marker: true,
      sequence: 7,
      timestamp: 9,
      payload: Uint8Array.of(42, 43),
    })
  })

  test('of any bytes is read or refused', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        expect([null, 'ENCODING_INVALID']).toContain(codeOf(() => parseRtpPacket(bytes)))
      }),
      { numRuns: 500, seed: 5 },
    )
  })
})

let video: CodedVideo

beforeAll(async () => {
  const folder = await createTemporaryFolder()
  const coding = ['-c:v', 'libx264', '-g', '10', '-bf', '0', '-threads', '1']
  video = loadCodedVideo(makeVideo(join(folder.path, 'video.mp4'), coding, 3))
  return () => folder[Symbol.asyncDispose]()
})

/** The video's packets, each by itself, without the connection's framing. */
function packets(): Uint8Array[] {
  const packetize = createPacketizer()
  const all: Uint8Array[] = []
  const read = createRtspReader({ onResponse: () => {}, onPacket: (_, packet) => void all.push(packet.slice()) })
  for (const unit of video.units) read(packetize(unit, 'h264'))
  return all
}

function assemble(from: readonly Uint8Array[]): { units: AccessUnit[]; afterLoss: number[] } {
  const units: AccessUnit[] = []
  const assembler = createAccessUnitAssembler((unit) => units.push({ ...unit, data: unit.data.slice() }))
  for (const packet of from) assembler.push(parseRtpPacket(packet))
  return { units, afterLoss: units.flatMap((unit, i) => (unit.afterLoss ? [i] : [])) }
}

const joined = (nals: readonly Uint8Array[]) =>
  Buffer.concat(nals.flatMap((nal) => [Buffer.from([0, 0, nal.length >> 8, nal.length & 255]), nal]))
const sent = () => video.units.map(({ nalUnits }) => joined(nalUnits).toString('hex'))
const got = (units: readonly AccessUnit[]) => units.map(({ data }) => Buffer.from(data).toString('hex'))

/** Header of a packet by hand. */
const rtp = (sequence: number, ticks: number, payload: readonly number[], marker = false) =>
  Uint8Array.from([0x80, (marker ? 0x80 : 0) | PAYLOAD_TYPE, 0, sequence, 0, 0, 0, ticks, 0, 0, 0, 1, ...payload])

describe('pictures out of packets', () => {
  test('are bit for bit what was sent, each with its time', () => {
    const { units, afterLoss } = assemble(packets())
    expect(got(units)).toEqual(sent())
    expect(units.map(({ ticks }) => ticks)).toEqual(
      video.units.map(({ timestamp }) => timestamp - video.units[0]!.timestamp),
    )
    expect(afterLoss).toEqual([])
  })

  test('come whole or not at all when packets are missing, and the next one says so', () => {
    const all = packets()
    const whole = sent()
    for (let missing = 0; missing < all.length; missing++) {
      const { units, afterLoss } = assemble(all.filter((_, i) => i !== missing))
      // Neither the first nor the last packet has something on both sides that could tell.
      const seen = got(units)
      const place = seen.findIndex((unit, i) => !whole[i]!.endsWith(unit))
      if (place > 0) expect(afterLoss, `without packet ${missing}`).toEqual([place])
      else expect(afterLoss.length, `without packet ${missing}`).toBeLessThanOrEqual(1)
      expect(units.length, `without packet ${missing}`).toBeGreaterThanOrEqual(video.units.length - 2)
      // Parameter sets, in packets of their own, may be what is missing; the picture is whole without them.
      for (const unit of got(units))
        expect(
          whole.some((one) => one.endsWith(unit)),
          `without packet ${missing}`,
        ).toBe(true)
    }
  })

  test('hold several NAL units of one packet, and what was sent before them', () => {
    const [sequenceSet, pictureSet, slice] = [
      [0x67, 1, 2],
      [0x68, 3],
      [0x65, 0x88, 9],
    ]
    const { units } = assemble([
      rtp(1, 10, sequenceSet, true),
      rtp(2, 20, [0x78, 0, 2, ...pictureSet, 0, 3, ...slice]),
      rtp(3, 20, [0x65, 0x08, 7], true),
      rtp(4, 30, [0x7c, 0x81, 0x9a]),
      rtp(5, 30, [0x7c, 0x41, 0x55]),
      rtp(6, 40, [0x61, 0x9a, 1], true),
    ])
    expect(got(units)).toEqual(
      [[sequenceSet, pictureSet, slice, [0x65, 0x08, 7]], [[0x61, 0x9a, 0x55]], [[0x61, 0x9a, 1]]].map((nals) =>
        joined(nals.map((nal) => Uint8Array.from(nal))).toString('hex'),
      ),
    )
    expect(units.map(({ ticks }) => ticks)).toEqual([10, 20, 30])
  })

  test.each([
    ['a packing that interleaves', [rtp(1, 1, [25, 0, 0, 0])], 'SOURCE_UNSUPPORTED'],
    ['data partitions', [rtp(1, 1, [0x62, 0x88])], 'SOURCE_UNSUPPORTED'],
    ['what is no NAL unit', [rtp(1, 1, [0, 1])], 'SOURCE_UNSUPPORTED'],
    ['a piece of none', [rtp(1, 1, [0x7c, 0x80, 1])], 'SOURCE_UNSUPPORTED'],
    ['an empty piece', [rtp(1, 1, [0x7c, 0x85])], 'ENCODING_INVALID'],
    ['a broken aggregate', [rtp(1, 1, [0x78, 0, 9, 1])], 'ENCODING_INVALID'],
    [
      'more of a picture that was complete',
      [rtp(1, 1, [0x65, 0x88], true), rtp(2, 1, [0x65, 0x08])],
      'ENCODING_INVALID',
    ],
  ])('are refused with %s', (_, from, code) => {
    expect(codeOf(() => assemble(from))).toBe(code)
  })

  test('of packets broken anywhere are whole NAL units, or refused', () => {
    const all = packets().slice(0, 12)
    const change = fc.tuple(fc.nat(all.length - 1), fc.nat(30), fc.nat(255))
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 4 }), (changes) => {
        const spoiled = all.map((packet) => packet.slice())
        for (const [which, at, value] of changes) spoiled[which]![at] = value
        const code = codeOf(() => {
          const track = createH264Track(video.parameterSets)
          for (const unit of assemble(spoiled).units) track(unit)
        })
        expect(OURS).toContain(code)
      }),
      { numRuns: 300, seed: 6 },
    )
  })
})

describe('a recording of packets', () => {
  function record(units: readonly AccessUnit[], announced = video.parameterSets): TrackPart[] {
    const track = createH264Track(announced)
    return units.flatMap((unit) => track(unit))
  }
  const isParameterSet = (nal: Uint8Array) => [7, 8].includes(nal[0]! & 0x1f)
  const bytesOf = (parts: readonly TrackPart[]) =>
    Buffer.concat(parts.flatMap((part) => (part.kind === 'init' ? [part.init.format.init] : part.boxes)))

  test('is a file that ffmpeg reads like the camera’s own, frame by frame', () => {
    const parts = record(assemble(packets()).units)
    const file = bytesOf(parts)
    const hashes = video.units.map(({ nalUnits }) => createHash('md5').update(joined(nalUnits)).digest('hex'))
    expect(packetsOf(file).map(({ sizeAndHash }) => sizeAndHash.split(' ')[1])).toEqual(hashes)
    expect(decodeComplaints(file)).toBe('')
    expect(parts[0]).toMatchObject({ kind: 'init', init: { nalLengthBytes: 4, format: { width: 128, height: 96 } } })
  })

  test('begins at the first keyframe whose parameters are known', () => {
    const units = assemble(packets()).units
    expect(record(units.slice(3))).toHaveLength(1 + units.length - 10)
    expect(bytesOf(record(units, [])).equals(bytesOf(record(units)))).toBe(true)
    // A camera that tells its parameters once, beforehand, and never again.
    const bare = units.map(({ ticks }, i) => ({
      data: joined(video.units[i]!.nalUnits.filter((nal) => !isParameterSet(nal))),
      ticks,
      afterLoss: false,
    }))
    expect(record(bare, [])).toHaveLength(0)
    expect(record(bare)).toHaveLength(1 + units.length)
  })

  test.each([
    ['baseline', '130x98', 'yuv420p'],
    ['high422', '130x98', 'yuv422p'],
  ])('knows the size of %s %s', async (profile, size, format) => {
    await using folder = await createTemporaryFolder()
    const file = makeVideo(
      join(folder.path, 'size.mp4'),
      ['-vf', `scale=${size.replace('x', ':')}`, '-pix_fmt', format, '-c:v', 'libx264', '-profile:v', profile],
      0.1,
    )
    const { parameterSets } = loadCodedVideo(file)
    const { width, height } = parseSequenceParameters(parameterSets[0]!)
    expect(`${width}x${height}`).toBe(size)
  })

  test('is left to ffmpeg when pictures are not shown as they are sent', async () => {
    await using folder = await createTemporaryFolder()
    const reordered = loadCodedVideo(makeVideo(join(folder.path, 'reordered.mp4'), REORDERED))
    const first = { data: joined(reordered.units[0]!.nalUnits), ticks: 0, afterLoss: false }
    expect(codeOf(() => record([first], reordered.parameterSets))).toBe('SOURCE_UNSUPPORTED')
    const [one, two] = assemble(packets()).units
    expect(codeOf(() => record([one!, { ...two!, ticks: 0 }]))).toBe('ENCODING_INVALID')
  })
})
