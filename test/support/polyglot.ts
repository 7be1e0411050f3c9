/**
 * One age payload that two file keys open to two different texts: what key commitments are there to refuse.
 * ChaCha20-Poly1305 does not commit to its key: with one free block the tag equation of two keys can be solved.
 * @see Len, Grubbs, Ristenpart, "Partitioning Oracle Attacks" (2021) §3
 */
import { createCipheriv } from 'node:crypto'
import { concatBytes, hkdfSha256, openPayload } from '@latchkey/shared'
import { seededBytes } from './synthetic-case.ts'

const P = 2n ** 130n - 5n
const TWO_128 = 2n ** 128n
const BLOCK_BYTES = 16
const CLAMP = 0x0ffffffc0ffffffc0ffffffc0fffffffn
/** Nonce of the first and last chunk: counter 0, last flag 1. */
const CHUNK_NONCE = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1)

/** A payload with two meanings. */
export interface Polyglot {
  /** nonce ‖ one chunk. */
  readonly payload: Uint8Array
  readonly fileKeys: readonly [Uint8Array, Uint8Array]
  /** What each key opens it to. */
  readonly plaintexts: readonly [Uint8Array, Uint8Array]
}

function littleEndian(bytes: Uint8Array): bigint {
  return bytes.reduceRight((value, byte) => (value << 8n) | BigInt(byte), 0n)
}

function toLittleEndian(value: bigint, size: number): Uint8Array {
  return Uint8Array.from({ length: size }, (_, i) => Number((value >> BigInt(8 * i)) & 0xffn))
}

const mod = (value: bigint) => ((value % P) + P) % P

function power(base: bigint, exponent: bigint): bigint {
  let [result, factor] = [1n, mod(base)]
  for (let rest = exponent; rest > 0n; rest >>= 1n) {
    if (rest & 1n) result = mod(result * factor)
    factor = mod(factor * factor)
  }
  return result
}

/** Key stream, r and s of one chunk under one file key. */
function chunkSecrets(fileKey: Uint8Array, nonce: Uint8Array, sizeBytes: number) {
  const key = hkdfSha256(fileKey, nonce, 'payload')
  const iv = concatBytes(new Uint8Array(4), CHUNK_NONCE)
  const stream = createCipheriv('chacha20', key, iv).update(new Uint8Array(64 + sizeBytes))
  return {
    r: littleEndian(stream.subarray(0, 16)) & CLAMP,
    s: littleEndian(stream.subarray(16, 32)),
    keyStream: new Uint8Array(stream.subarray(64)),
  }
}
type ChunkSecrets = ReturnType<typeof chunkSecrets>

/** Poly1305 before `+ s`, over ciphertext and lengths. @see RFC 8439 §2.8 */
function accumulate({ r }: ChunkSecrets, ciphertext: Uint8Array): bigint {
  const lengths = concatBytes(new Uint8Array(8), toLittleEndian(BigInt(ciphertext.length), 8))
  const input = concatBytes(ciphertext, lengths)
  let sum = 0n
  for (let at = 0; at < input.length; at += BLOCK_BYTES)
    sum = mod((sum + littleEndian(input.subarray(at, at + BLOCK_BYTES)) + TWO_128) * r)
  return sum
}

const xor = (a: Uint8Array, b: Uint8Array) => a.map((byte, i) => byte ^ b[i]!)

/** The last ciphertext block for which both keys have one tag, or null when this try has none. */
function solveLastBlock(ciphertext: Uint8Array, [one, two]: readonly [ChunkSecrets, ChunkSecrets]): Uint8Array | null {
  // The free block and the length block after it: its coefficient is r².
  const inverse = power(mod(one.r ** 2n - two.r ** 2n), P - 2n)
  const difference = accumulate(one, ciphertext) - accumulate(two, ciphertext)
  for (let carry = -4n; carry <= 4n; carry++) {
    const block = mod((two.s - one.s + carry * TWO_128 - difference) * inverse)
    if (block >= TWO_128) continue
    const solved = concatBytes(ciphertext.subarray(0, -BLOCK_BYTES), toLittleEndian(block, BLOCK_BYTES))
    const [a, b] = [one, two].map((key) => (accumulate(key, solved) + key.s) % TWO_128)
    if (a === b) return concatBytes(solved, toLittleEndian(a!, BLOCK_BYTES))
  }
  return null
}

/**
 * Two stories in one payload: the first 16·k bytes read `stories[0]` under the first key, the next `stories[1]` under the
 * second. Both stories are padded to one length.
 */
export function createPolyglot(stories: readonly [Uint8Array, Uint8Array]): Polyglot {
  const half = Math.ceil(Math.max(stories[0].length, stories[1].length) / BLOCK_BYTES) * BLOCK_BYTES
  const sizeBytes = 2 * half + BLOCK_BYTES
  for (let attempt = 0; ; attempt++) {
    const nonce = seededBytes(`polyglot nonce ${attempt}`, 16)
    const fileKeys = [seededBytes('polyglot key 1', 16), seededBytes('polyglot key 2', 16)] as const
    const secrets = fileKeys.map((key) => chunkSecrets(key, nonce, sizeBytes)) as [ChunkSecrets, ChunkSecrets]
    const pad = (story: Uint8Array) => concatBytes(story, new Uint8Array(half - story.length))
    const ciphertext = concatBytes(
      xor(pad(stories[0]), secrets[0].keyStream.subarray(0, half)),
      xor(pad(stories[1]), secrets[1].keyStream.subarray(half, 2 * half)),
      new Uint8Array(BLOCK_BYTES),
    )
    const chunk = solveLastBlock(ciphertext, secrets)
    if (chunk === null) continue
    const payload = concatBytes(nonce, chunk)
    return { payload, fileKeys, plaintexts: [openPayload(fileKeys[0], payload), openPayload(fileKeys[1], payload)] }
  }
}
