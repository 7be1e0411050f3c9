import { LatchkeyError } from '@latchkey/shared'
import type { CodedFrame } from '../flow.ts'
import { NO_KEYFRAMES, type IngestEnd, type IngestOptions, type StreamEvent } from './ffmpeg-ingest.ts'
import { createFrameStamper } from './frame-stamper.ts'
import type { Sample } from './fmp4-fragment-parser.ts'
import { type TrackPart, createH264Track } from './h264-track.ts'
import { createAccessUnitAssembler } from './rtp-h264-assembler.ts'
import { parseRtpPacket } from './rtp-packet.ts'
import { type RtspConnection, openRtspConnection } from './rtsp-client.ts'
import { createStreamWatchdog, type StreamWatchdog } from './stream-watchdog.ts'

/** One connection to a camera. */
export interface RtspIngestOptions extends Pick<
  IngestOptions,
  'clock' | 'captureTime' | 'staleMs' | 'startMs' | 'signal' | 'restMs'
> {
  /** `rtsp://…`; a secret when it holds user and password. */
  readonly url: string
}

/** What was taken off the connection and waits to be told. */
interface Reading {
  readonly connection: RtspConnection
  readonly parts: TrackPart[]
  /** Has the camera play. */
  start(): Promise<void>
}

function createReading({ url, clock }: RtspIngestOptions): Reading {
  const parts: TrackPart[] = []
  let track: ReturnType<typeof createH264Track> | undefined
  let payloadType = -1
  const waiting: Uint8Array[] = []
  const assembler = createAccessUnitAssembler((unit) => parts.push(...track!(unit)))

  function take(bytes: Uint8Array): void {
    const packet = parseRtpPacket(bytes)
    if (packet.payloadType === payloadType) assembler.push(packet)
  }

  const connection = openRtspConnection({
    url,
    clock,
    // The first packets may come in one piece with the answer that tells what they are.
    onPacket: (packet) => (track === undefined ? void waiting.push(packet.slice()) : take(packet)),
  })
  return {
    connection,
    parts,
    async start() {
      const offered = await connection.play()
      payloadType = offered.payloadType
      track = createH264Track(offered.parameterSets)
      waiting.splice(0).forEach(take)
    },
  }
}

/** What went wrong, in the words of whoever looks for pictures. */
function reasonOf(error: unknown, watchdog: StreamWatchdog): unknown {
  if (watchdog.missing === 'keyframes') return new LatchkeyError('SOURCE_UNSUPPORTED', NO_KEYFRAMES)
  return watchdog.missing === undefined ? error : new LatchkeyError('UNAVAILABLE', 'the camera sends no pictures')
}

const isNotUnderstood = (error: unknown): error is LatchkeyError =>
  error instanceof LatchkeyError && (error.code === 'SOURCE_UNSUPPORTED' || error.code === 'ENCODING_INVALID')

/**
 * Plays a network camera's H.264 over one TCP connection, without a process for it, and yields its format and then its
 * frames until the stream ends, stalls or `signal` aborts. Taking them slowly holds the camera back. `not-understood`
 * before the first frame: ffmpeg, which knows more ways of sending, may do better.
 * Untrusted: everything that the camera sends.
 * @throws UNAVAILABLE when the camera is away, refuses, stalls, or changes its picture or codec; ENCODING_INVALID when it is
 * not understood any more; SOURCE_UNSUPPORTED when it has too few keyframes
 */
export async function* ingestRtsp(options: RtspIngestOptions): AsyncGenerator<StreamEvent, IngestEnd, undefined> {
  const { clock, restMs, signal } = options
  const isAborted = () => signal.aborted
  if (isAborted()) return 'ended'
  const { connection, parts, start } = createReading(options)
  await using held = new AsyncDisposableStack()
  held.use(connection)
  const onAbort = () => connection.hangUp()
  signal.addEventListener('abort', onAbort, { once: true })
  held.defer(() => signal.removeEventListener('abort', onAbort))
  const watchdog = createStreamWatchdog(options, () => connection.hangUp())
  let stamp: ((sample: Sample) => CodedFrame) | undefined
  let started = false

  async function readMore(): Promise<void> {
    const rest = restMs()
    if (rest > 0) await clock.sleep(rest, signal)
    await connection.read()
  }

  try {
    await watchdog.guard(start())
    for (;;) {
      for (const part of parts.splice(0)) {
        if (part.kind === 'init') {
          stamp = createFrameStamper(part.init, options)
          yield { kind: 'format', format: part.init.format }
          continue
        }
        const frame = stamp!(part.sample)
        watchdog.see(frame)
        started = true
        yield { kind: 'frame', frame, fragment: part.boxes }
      }
      await watchdog.guard(readMore())
    }
  } catch (error) {
    if (isAborted()) return 'ended'
    if (!started && isNotUnderstood(error)) return 'not-understood'
    if (isNotUnderstood(error) && error.code === 'SOURCE_UNSUPPORTED')
      throw new LatchkeyError('UNAVAILABLE', 'the camera changed its codec')
    throw reasonOf(error, watchdog)
  }
}
