import { S3Client } from '@aws-sdk/client-s3'
import { LatchkeyError } from '@latchkey/shared'
import { Readable } from 'node:stream'
import type { Clock } from '../kernel/clock.ts'
import { translatedS3 } from './s3-error.ts'

/** Where items lie, and who we are there. */
export interface S3Place {
  readonly endpoint: string
  readonly region: string
  readonly bucket: string
  /** Before every key: empty, or ending in `/`. */
  readonly prefix: string
  readonly forcePathStyle: boolean
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string }
  /** How long a call may go without an answer, and a body without another byte. */
  readonly timeoutMs: number
}

/** A slow reader holds a connection for as long as it reads: they must not run out before those of the HTTP side do. */
const MAX_CONNECTIONS = 1_024
/** Whoever asked asks again; once more here, for a kept connection that the server closed at that moment. */
const MAX_ATTEMPTS = 2

/** What it has to say, its errors say. It would write warnings where only the relay's own lines belong. */
const SILENT = { trace() {}, debug() {}, info() {}, warn() {}, error() {} }

/** A client that takes nothing from the machine's own AWS settings. */
export function createS3Client(place: S3Place): S3Client {
  return new S3Client({
    endpoint: place.endpoint,
    region: place.region,
    forcePathStyle: place.forcePathStyle,
    credentials: { ...place.credentials },
    maxAttempts: MAX_ATTEMPTS,
    retryMode: 'standard',
    logger: SILENT,
    // Streams with checksums that nobody asked for go out in chunks that many servers refuse, or store as content.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    requestHandler: {
      connectionTimeout: place.timeoutMs,
      httpAgent: { keepAlive: true, maxSockets: MAX_CONNECTIONS },
      httpsAgent: { keepAlive: true, maxSockets: MAX_CONNECTIONS },
    },
  })
}

/** Gives up `work` when it takes longer. @throws UNAVAILABLE */
export async function withinTime<T>(
  limit: { readonly clock: Pick<Clock, 'sleep'>; readonly timeoutMs: number },
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const [late, done] = [new AbortController(), new AbortController()]
  const deadline = limit.clock.sleep(limit.timeoutMs, done.signal).then((): never => {
    const error = new LatchkeyError('UNAVAILABLE', 'the object store did not answer in time')
    // It also ends when the work is done: then nobody waits for it, and a body may still be on its way.
    if (!done.signal.aborted) late.abort(error)
    throw error
  })
  deadline.catch(() => {})
  try {
    return await Promise.race([work(late.signal), deadline])
  } finally {
    done.abort()
  }
}

/** The bytes of `body`, exactly as many as were promised, none of them later than `timeoutMs` after it was asked for. */
export function steadyBody(
  body: Readable,
  promised: { readonly sizeBytes: number; readonly clock: Pick<Clock, 'sleep'>; readonly timeoutMs: number },
): Readable {
  async function* read(): AsyncGenerator<Uint8Array> {
    let left = promised.sizeBytes
    const chunks = body[Symbol.asyncIterator]() as AsyncIterator<Uint8Array>
    try {
      for (;;) {
        const next = await translatedS3(() => withinTime(promised, () => chunks.next()))
        if (next.done === true) break
        left -= next.value.length
        yield next.value
      }
      if (left !== 0) throw new LatchkeyError('UNAVAILABLE', 'the object store broke off')
    } finally {
      body.destroy()
    }
  }
  return Readable.from(read(), { objectMode: false })
}
