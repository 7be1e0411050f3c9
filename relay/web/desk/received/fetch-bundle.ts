/** Fetches a bundle: one counted download, however often the connection breaks. */
import {
  concatBytes,
  consent as consentMessage,
  downloadAnswer,
  encodeBase64url,
  LatchkeyError,
  randomBytes,
} from '@latchkey/shared'
import { createIdleWatch, errorOf, piecesOf, readJson, type RelayClient } from '@latchkey/shared/client'
import type { Database } from '../../kernel/database.ts'
import { sleep } from '../../kernel/clock.ts'
import { keepReleased } from '../shared-on/released.ts'
import { type Download, loadPieces, saveDownload, savePiece } from './bundle-store.ts'

/** So much is kept at a time: what is lost when a connection or a page breaks off. */
const PIECE_BYTES = 1024 * 1024
/** A connection that brings nothing for so long is dead. */
const IDLE_MS = 30_000
const POLL_MS = 500
/** All items of a clip of a minute, many times over. */
const MAX_BUNDLE_BYTES = 512 * 1024 * 1024

/** What a fetch works with. */
export interface Fetching {
  readonly database: Database
  readonly client: RelayClient
  readonly signal: AbortSignal
  /** Told as bytes come; `of` is null while the relay still writes the release into the log. */
  onProgress(done: number, of: number | null): void
}

/** A download that nobody asked for yet. */
export function newDownload({ consent, request }: Pick<Download, 'consent' | 'request'>): Download {
  return {
    id: encodeBase64url(randomBytes(16)),
    consent,
    request,
    release: null,
    sizeBytes: null,
    isWhole: false,
    receiptMs: null,
  }
}

/** Takes the download, or finds it taken: the same id is counted once. @throws the codes of a consent */
async function take(fetching: Fetching, digest: string, download: Download): Promise<Download> {
  const { client, database, signal } = fetching
  // Before the relay is asked: an answer that never arrived must not cost another download.
  await saveDownload(database, digest, download)
  for (;;) {
    const path = `/v1/releases/${digest}/downloads`
    const response = await client.send('POST', path, { json: { download: download.id }, signal })
    if (response.status !== 202) {
      const { release } = await readJson(response, downloadAnswer)
      const taken = { ...download, release }
      await saveDownload(database, digest, taken)
      await keepReleased(database, taken)
      return taken
    }
    fetching.onProgress(0, null)
    await sleep(POLL_MS, signal)
    signal.throwIfAborted()
  }
}

/** Bytes of the whole, by what the relay says of this part. Untrusted: the answer. @throws MESSAGE_INVALID | MESSAGE_TOO_LARGE */
function wholeSizeOf(response: Response, from: number): number {
  const range = /^bytes (\d+)-\d+\/(\d+)$/.exec(response.headers.get('content-range') ?? '')
  const [start, size] =
    response.status === 206
      ? [Number(range?.[1]), Number(range?.[2])]
      : [0, Number(response.headers.get('content-length'))]
  if (start !== from || !Number.isSafeInteger(size) || size <= from)
    throw new LatchkeyError('MESSAGE_INVALID', 'the relay sent another part of the bundle than was asked for')
  if (size > MAX_BUNDLE_BYTES) throw new LatchkeyError('MESSAGE_TOO_LARGE', 'the bundle is larger than any clip')
  return size
}

/** Keeps what comes, piece by piece; what came before a break is kept too. */
async function receive(fetching: Fetching, download: Download, response: Response, from: number): Promise<number> {
  const { database, onProgress } = fetching
  let kept = from
  let waiting: Uint8Array[] = []
  let waitingBytes = 0
  const keep = async (): Promise<void> => {
    if (waitingBytes === 0) return
    await savePiece(database, download, kept, concatBytes(...waiting))
    kept += waitingBytes
    ;[waiting, waitingBytes] = [[], 0]
  }
  try {
    for await (const bytes of piecesOf(response)) {
      waiting.push(bytes)
      waitingBytes += bytes.length
      if (waitingBytes >= PIECE_BYTES) await keep()
      onProgress(kept + waitingBytes, download.sizeBytes)
    }
  } finally {
    await keep()
  }
  return kept
}

async function finish({ database }: Fetching, digest: string, download: Download): Promise<Download> {
  const whole = { ...download, isWhole: true }
  await saveDownload(database, digest, whole)
  return whole
}

async function fetchRest(fetching: Fetching, digest: string, download: Download): Promise<Download> {
  const { client, database, signal } = fetching
  const from = (await loadPieces(database, download)).reduce((sum, piece) => sum + piece.length, 0)
  if (from === download.sizeBytes) return finish(fetching, digest, download)
  using watch = createIdleWatch(IDLE_MS)
  const options = { signal: AbortSignal.any([signal, watch.signal]), timeoutMs: null }
  const headers = from === 0 ? {} : { range: `bytes=${from}-` }
  const response = await client.send('GET', `/v1/downloads/${download.id}/bundle.zip`, { ...options, headers })
  if (!response.ok) throw await errorOf(response)
  const known = { ...download, sizeBytes: wholeSizeOf(response, from) }
  await saveDownload(database, digest, known)
  const onProgress = (done: number, of: number | null): void => {
    watch.touch()
    fetching.onProgress(done, of)
  }
  try {
    const kept = await receive({ ...fetching, onProgress }, known, response, from)
    if (kept !== known.sizeBytes) throw new LatchkeyError('UNAVAILABLE', 'the answer broke off')
  } catch (cause) {
    if (cause instanceof LatchkeyError) throw cause
    throw new LatchkeyError('UNAVAILABLE', 'the connection broke', { cause })
  }
  return await finish(fetching, digest, known)
}

/**
 * Takes a download where none was taken, and fetches what of its bundle is not here yet.
 * @param known of an earlier try, or a new one
 * @throws UNAVAILABLE when the connection broke: what came is kept; the codes of a consent
 */
export async function fetchBundle(fetching: Fetching, known: Download): Promise<Download> {
  const { digest } = consentMessage.parse(known.consent)
  const taken = known.release === null ? await take(fetching, digest, known) : known
  return fetchRest(fetching, digest, taken)
}
