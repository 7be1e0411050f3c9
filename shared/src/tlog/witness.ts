/** The witness protocol: a log asks, a witness that follows only one history of it cosigns. @see C2SP tlog-witness */
import { concatBytes, fromUtf8, utf8 } from '../bytes/bytes.ts'
import { type ErrorCode, LatchkeyError } from '../errors.ts'
import { encodeBase64 } from './base64.ts'
import { decodeTreeHash, openCheckpoint, parseCheckpoint, type VerifiedCheckpoint } from './checkpoint.ts'
import { cosignText, verifyCosignature } from './cosignature.ts'
import { emptyTreeHash, type TreeHash, type TreeHead, verifyConsistency } from './merkle.ts'
import { encodeSignatureLine, type NoteSignature, parseSignatureLine } from './note.ts'
import type { NoteSigner, VerifierKey } from './note-key.ts'

/** What a log sends to `add-checkpoint`. */
export interface AddCheckpoint {
  /** Size of the newest checkpoint that the log believes the witness to hold; 0 for none. */
  readonly oldSize: number
  /** From `oldSize` to the checkpoint's size. */
  readonly consistency: readonly TreeHash[]
  /** The signed checkpoint. */
  readonly raw: Uint8Array
}

/** The largest request: 63 hashes and the largest note. */
export const MAX_ADD_CHECKPOINT_BYTES = 144 * 1024
const MAX_HASHES = 63
/** Of a 409: the size that the witness holds. */
export const TLOG_SIZE_TYPE = 'text/x.tlog.size'

const invalid = (message: string, cause?: unknown) => new LatchkeyError('CHECKPOINT_INVALID', message, { cause })

/** Request → body. @see C2SP tlog-witness, "add-checkpoint" */
export function encodeAddCheckpoint({ oldSize, consistency, raw }: AddCheckpoint): Uint8Array {
  const lines = [`old ${oldSize}`, ...consistency.map((hash) => encodeBase64(hash)), '', '']
  return concatBytes(utf8(lines.join('\n')), raw)
}

/** Body → request, nothing verified. Untrusted: `body`. @throws CHECKPOINT_INVALID */
export function parseAddCheckpoint(body: Uint8Array): AddCheckpoint {
  if (body.length > MAX_ADD_CHECKPOINT_BYTES) throw invalid('the request is too large')
  let text: string
  try {
    text = fromUtf8(body)
  } catch (cause) {
    throw invalid('the request is not UTF-8', cause)
  }
  const end = text.indexOf('\n\n')
  const [first, ...hashes] = text.slice(0, end < 0 ? 0 : end).split('\n')
  const [, size] = /^old (0|[1-9]\d{0,15})$/.exec(first ?? '') ?? []
  if (size === undefined || !Number.isSafeInteger(Number(size))) throw invalid('the request does not begin with a size')
  if (hashes.length > MAX_HASHES) throw invalid(`the consistency proof has more than ${MAX_HASHES} hashes`)
  return {
    oldSize: Number(size),
    consistency: hashes.map((line) => decodeTreeHash(line, 'a line of the consistency proof')),
    raw: utf8(text.slice(end + 2)),
  }
}

/** What is kept of a signed checkpoint that contradicts the one held: shown to anyone, the two prove that the log lied. */
export interface WitnessEvidence {
  readonly reason: 'forked' | 'unproven'
  /** Signed bytes that this witness cosigned. */
  readonly held: Uint8Array
  /** Signed bytes that it did not. */
  readonly refused: Uint8Array
}

/** Where a witness remembers. What is saved is on the disk when the promise resolves. */
export interface WitnessMemory {
  /** The newest checkpoint that it cosigned for this log, as signed by the log. */
  load(origin: string): Promise<Uint8Array | null>
  save(origin: string, raw: Uint8Array): Promise<void>
  keep(origin: string, evidence: WitnessEvidence): Promise<void>
}

/** An HTTP status and what goes with it. */
export type WitnessAnswer =
  | { readonly status: 200; readonly signature: NoteSignature }
  | { readonly status: 409; readonly size: number; readonly message: string }
  | { readonly status: 400 | 403 | 404 | 422; readonly code: ErrorCode; readonly message: string }

/** Cosigns one history of each log that it knows. */
export interface Witness {
  readonly key: VerifierKey
  /** Untrusted: `body`. Never throws for anything in it. @throws what its memory throws: then nothing was cosigned */
  add(body: Uint8Array): Promise<WitnessAnswer>
}

/** What a witness works with. */
export interface WitnessParts {
  /** Of type 0x04. */
  readonly signer: NoteSigner
  readonly logs: readonly VerifierKey[]
  readonly memory: WitnessMemory
  readonly nowMs: () => number
}

const refusal = (status: 400 | 403 | 404 | 422, message: string): WitnessAnswer => ({
  status,
  code: status === 422 ? 'LOG_PROOF_INVALID' : 'CHECKPOINT_INVALID',
  message,
})

/** The request and its checkpoint, believed as far as the log's signature goes; or the refusal. */
function readOffer(
  body: Uint8Array,
  logs: readonly VerifierKey[],
): { readonly request: AddCheckpoint; readonly next: VerifiedCheckpoint } | { readonly refused: WitnessAnswer } {
  let request: AddCheckpoint
  let origin: string
  try {
    request = parseAddCheckpoint(body)
    origin = parseCheckpoint(request.raw).origin
  } catch (error) {
    if (error instanceof LatchkeyError) return { refused: refusal(400, error.message) }
    throw error
  }
  const keys = logs.filter(({ name }) => name === origin)
  if (keys.length === 0) return { refused: refusal(404, 'this log is not followed here') }
  try {
    return { request, next: openCheckpoint(request.raw, { logs: keys }) }
  } catch (error) {
    if (error instanceof LatchkeyError) return { refused: refusal(403, error.message) }
    throw error
  }
}

/** Does `next` follow what is held? Null: it does. */
function judge(held: TreeHead, next: TreeHead, { oldSize, consistency }: AddCheckpoint): WitnessAnswer | null {
  if (oldSize > next.size) return refusal(400, 'the old size is larger than the checkpoint’s')
  if (oldSize !== held.size)
    return { status: 409, size: held.size, message: `the newest checkpoint held here has ${held.size} leaves` }
  if (verifyConsistency(held, next, consistency)) return null
  if (next.size === held.size && consistency.length === 0)
    return { status: 409, size: held.size, message: `another tree of ${held.size} leaves is held here` }
  return refusal(422, `no proof that ${next.size} leaves extend the ${held.size} held`)
}

/** An honest witness: it remembers before it answers, and what contradicts its memory it keeps. @see spec/log.md, "Witnesses" */
export function createWitness({ signer, logs, memory, nowMs }: WitnessParts): Witness {
  async function consider(body: Uint8Array): Promise<WitnessAnswer> {
    const offer = readOffer(body, logs)
    if ('refused' in offer) return offer.refused
    const { request, next } = offer
    const raw = await memory.load(next.origin)
    const held: TreeHead = raw === null ? { size: 0, root: emptyTreeHash() } : parseCheckpoint(raw)
    const refused = judge(held, next, request)
    if (refused !== null) {
      // A proof that fails may be anyone's mistake; a second tree of one size is the log's own word against itself.
      const reason = next.size === held.size ? 'forked' : 'unproven'
      const isContradiction = refused.status === 422 || (refused.status === 409 && request.oldSize === held.size)
      if (raw !== null && isContradiction) await memory.keep(next.origin, { reason, held: raw, refused: next.raw })
      return refused
    }
    if (next.size > held.size) await memory.save(next.origin, next.raw)
    const { text } = parseCheckpoint(next.raw).note
    const signature = await cosignText(text, signer, Math.floor(nowMs() / 1000))
    return { status: 200, signature: { name: signer.key.name, keyId: signer.key.keyId, signature } }
  }
  // One after the other: what was remembered must not change between looking and saving.
  let last: Promise<unknown> = Promise.resolve()
  return {
    key: signer.key,
    add(body) {
      const answer = last.then(() => consider(body))
      last = answer.catch(() => {})
      return answer
    },
  }
}

/** Cosignatures → body of a 200. */
export const encodeCosignatures = (signatures: readonly NoteSignature[]): Uint8Array =>
  utf8(signatures.map((signature) => encodeSignatureLine(signature)).join(''))

/**
 * The cosignature of `key` over a checkpoint's text, among the lines of a 200.
 * Untrusted: `body`. @throws CHECKPOINT_INVALID when there is none that verifies
 */
export function findCosignature(body: Uint8Array, text: string, key: VerifierKey): NoteSignature {
  const lines = body.length > MAX_ADD_CHECKPOINT_BYTES ? [] : fromUtf8(body).split('\n').filter(Boolean)
  const found = lines
    .map((line) => parseSignatureLine(line))
    .find(
      (line) =>
        line.name === key.name && line.keyId === key.keyId && verifyCosignature(key, text, line.signature) !== null,
    )
  if (found === undefined) throw invalid(`no cosignature of ${key.name} that verifies`)
  return found
}
