import {
  codeOf,
  consistencyProofFromTiles,
  encodeAddCheckpoint,
  encodeNote,
  findCosignature,
  LatchkeyError,
  MAX_ADD_CHECKPOINT_BYTES,
  type NoteSignature,
  parseNote,
  type ReadTile,
  TLOG_SIZE_TYPE,
  type VerifierKey,
} from '@latchkey/shared'
import type { Log } from '../kernel/log.ts'
import type { StoredCheckpoint } from './log-store.ts'

/** Whoever follows the log elsewhere. */
export interface WitnessPlace {
  /** Of type 0x04. */
  readonly key: VerifierKey
  /** Its submission prefix. */
  readonly url: string
}

/** Those who cosign a checkpoint before it is published. */
export interface Witnesses {
  readonly keys: readonly VerifierKey[]
  readonly quorum: number
  /** @returns the checkpoint with the cosignatures that came. @throws UNAVAILABLE when they are fewer than the quorum */
  cosign(checkpoint: StoredCheckpoint): Promise<Uint8Array>
}

/** The log goes on without a witness that takes longer, where the quorum lets it. */
const TIMEOUT_MS = 5_000

async function readAnswer(response: Response): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  let size = 0
  const body: AsyncIterable<Uint8Array> | readonly Uint8Array[] = response.body ?? []
  for await (const chunk of body) {
    chunks.push(chunk)
    size += chunk.length
    if (size > MAX_ADD_CHECKPOINT_BYTES) throw new LatchkeyError('MESSAGE_TOO_LARGE', 'the answer is too large')
  }
  return Buffer.concat(chunks)
}

/** Size that a 409 tells of. Untrusted. */
function sizeOf(response: Response, body: Uint8Array): number {
  const size = Number(Buffer.from(body).toString('latin1').trim())
  const isSize = response.headers.get('content-type')?.split(';')[0] === TLOG_SIZE_TYPE && Number.isSafeInteger(size)
  if (!isSize || size < 0) throw new LatchkeyError('MESSAGE_INVALID', 'a 409 that names no size')
  return size
}

class WitnessClient {
  readonly #place: WitnessPlace
  readonly #readTile: ReadTile
  /** What it held when it was heard last; it corrects this itself. */
  #heldSize = 0

  constructor(place: WitnessPlace, readTile: ReadTile) {
    this.#place = place
    this.#readTile = readTile
  }

  async cosign(checkpoint: StoredCheckpoint, signal: AbortSignal): Promise<NoteSignature> {
    const first = await this.#ask(checkpoint, signal)
    if (first !== null) return first
    // It holds another checkpoint than was thought: once more from there.
    const second = await this.#ask(checkpoint, signal)
    if (second !== null) return second
    throw new LatchkeyError('LOG_PROOF_INVALID', `it holds another tree of ${this.#heldSize} leaves`)
  }

  /** @returns null when it told which size it holds */
  async #ask({ raw, size }: StoredCheckpoint, signal: AbortSignal): Promise<NoteSignature | null> {
    const oldSize = this.#heldSize
    if (oldSize > size) throw new LatchkeyError('LOG_RANGE', `it holds ${oldSize} leaves, the log has ${size}`)
    const isExtension = oldSize > 0 && oldSize < size
    const consistency = isExtension ? await consistencyProofFromTiles(oldSize, size, this.#readTile) : []
    const response = await fetch(`${this.#place.url}/add-checkpoint`, {
      method: 'POST',
      body: encodeAddCheckpoint({ oldSize, consistency, raw }) as Uint8Array<ArrayBuffer>,
      redirect: 'error',
      signal,
    })
    const body = await readAnswer(response)
    if (response.status === 409) {
      this.#heldSize = sizeOf(response, body)
      return null
    }
    if (response.status !== 200) throw new LatchkeyError('UNAVAILABLE', `it answered ${response.status}`)
    const signature = findCosignature(body, parseNote(raw).text, this.#place.key)
    this.#heldSize = size
    return signature
  }
}

/**
 * Asks every witness at once and goes on when enough have cosigned.
 * @param options.quorum at least 1, at most as many as there are witnesses
 * @see C2SP tlog-witness, and spec/log.md, "Witnesses"
 */
export function createWitnesses(options: {
  readonly places: readonly WitnessPlace[]
  readonly quorum: number
  readonly readTile: ReadTile
  readonly log: Log
}): Witnesses {
  const { places, quorum, readTile, log } = options
  const clients = places.map((place) => ({ name: place.key.name, client: new WitnessClient(place, readTile) }))
  return {
    keys: places.map(({ key }) => key),
    quorum,
    async cosign(checkpoint) {
      const signatures: NoteSignature[] = []
      const enough = Promise.withResolvers<null>()
      const asked = clients.map(async ({ name, client }) => {
        try {
          signatures.push(await client.cosign(checkpoint, AbortSignal.timeout(TIMEOUT_MS)))
          if (signatures.length >= quorum) enough.resolve(null)
        } catch (error) {
          log.warn({ witness: name, code: codeOf(error), err: error }, 'log.witness-failed')
        }
      })
      await Promise.race([enough.promise, Promise.all(asked)])
      if (signatures.length < quorum)
        throw new LatchkeyError('UNAVAILABLE', `${signatures.length} of ${quorum} witnesses cosigned the checkpoint`)
      const note = parseNote(checkpoint.raw)
      return encodeNote({ ...note, signatures: [...note.signatures, ...signatures] })
    },
  }
}
