import { LatchkeyError } from '@latchkey/shared'

/** The stream of H.264 pictures that a camera offers. */
export interface OfferedVideo {
  readonly payloadType: number
  /** Where it is set up: a whole address, or one relative to the description's. */
  readonly control: string
  /** The same of everything together: where it is played. */
  readonly together: string
  /** Parameter sets as NAL units; empty when they come with the pictures alone. */
  readonly parameterSets: readonly Uint8Array[]
}

const CLOCK_RATE = '90000'
const MAX_LINES = 512
const MAX_PARAMETER_SETS = 16
/** What may stand in a request, and in the quotes of an authorization. */
const ADDRESS = /^[\x21\x23-\x7e]{0,1024}$/

const attribute = (lines: readonly string[], name: string) =>
  lines.find((line) => line.startsWith(`a=${name}:`))?.slice(name.length + 3)

/** Lines of the first section of moving pictures. */
function videoLines(lines: readonly string[]): string[] {
  const from = lines.findIndex((line) => line.startsWith('m=video '))
  if (from < 0) throw new LatchkeyError('SOURCE_UNSUPPORTED', 'the camera offers no video')
  const length = lines.slice(from + 1).findIndex((line) => line.startsWith('m='))
  return lines.slice(from, length < 0 ? lines.length : from + 1 + length)
}

function parseControl(lines: readonly string[]): string {
  const control = attribute(lines, 'control')?.trim() ?? ''
  if (!ADDRESS.test(control)) throw new LatchkeyError('ENCODING_INVALID', 'a broken control address')
  return control
}

function parseParameterSets(text: string): Uint8Array[] {
  const list = /(?:^|[;\s])sprop-parameter-sets=([A-Za-z0-9+/=,]+)/i.exec(text)?.[1]?.split(',') ?? []
  if (list.length > MAX_PARAMETER_SETS) throw new LatchkeyError('ENCODING_INVALID', 'too many parameter sets')
  return list.map((set) => new Uint8Array(Buffer.from(set, 'base64'))).filter(({ length }) => length > 0)
}

/**
 * A camera's description of what it sends → its first video. Untrusted: `text`, SDP.
 * @throws SOURCE_UNSUPPORTED when that is not H.264 in the usual packing; ENCODING_INVALID
 * @see RFC 8866 §5, RFC 6184 §8.1, RFC 2326 §C.1.1
 */
export function parseRtspDescription(text: string): OfferedVideo {
  const all = text.split(/\r?\n/, MAX_LINES)
  const lines = videoLines(all)
  const payloadType = /^m=video \d+(?:\/\d+)? RTP\/AVP (\d{1,3})(?: |$)/.exec(lines[0]!)?.[1]
  const map = attribute(lines, 'rtpmap')
  const [type, coding = ''] = map?.trim().split(/\s+/) ?? []
  if (payloadType === undefined || type !== payloadType || coding.toUpperCase() !== `H264/${CLOCK_RATE}`)
    throw new LatchkeyError('SOURCE_UNSUPPORTED', 'the camera offers no H.264')
  const format = attribute(lines, 'fmtp') ?? ''
  if (/packetization-mode=[^01]/i.test(format))
    throw new LatchkeyError('SOURCE_UNSUPPORTED', 'the camera interleaves its pictures')
  const session = all.slice(
    0,
    all.findIndex((line) => line.startsWith('m=')),
  )
  return {
    payloadType: Number(payloadType),
    control: parseControl(lines),
    together: parseControl(session),
    parameterSets: parseParameterSets(format),
  }
}
