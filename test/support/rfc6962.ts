/** RFC 6962 §2.1 as it is written, sentence by sentence, without a line of the project's code. Slow: it hashes all below. */
import { hash } from 'node:crypto'

const sha256 = (...parts: readonly Uint8Array[]): Buffer => hash('sha256', Buffer.concat(parts), 'buffer')
const node = (left: Buffer, right: Buffer): Buffer => sha256(Uint8Array.of(1), left, right)

/** d(i) → MTH({d(i)}). */
export const leafHash = (data: Uint8Array): Buffer => sha256(Uint8Array.of(0), data)

/** "Let k be the largest power of two smaller than n." */
function kOf(n: number): number {
  return n <= 2 ? 1 : 2 * kOf(Math.ceil(n / 2))
}

/** MTH of leaves whose hashes are given. */
export function mth(d: readonly Buffer[]): Buffer {
  if (d.length === 0) return sha256()
  if (d.length === 1) return d[0]!
  const k = kOf(d.length)
  return node(mth(d.slice(0, k)), mth(d.slice(k)))
}

/** PATH(m, D[n]): the Merkle audit path. */
export function path(m: number, d: readonly Buffer[]): Buffer[] {
  if (d.length <= 1) return []
  const k = kOf(d.length)
  if (m < k) return [...path(m, d.slice(0, k)), mth(d.slice(k))]
  return [...path(m - k, d.slice(k)), mth(d.slice(0, k))]
}

/** PROOF(m, D[n]): the Merkle consistency proof. */
export function proof(m: number, d: readonly Buffer[]): Buffer[] {
  return m === 0 || m === d.length ? [] : subproof(m, d, true)
}

function subproof(m: number, d: readonly Buffer[], isWhole: boolean): Buffer[] {
  if (m === d.length) return isWhole ? [] : [mth(d)]
  const k = kOf(d.length)
  if (m <= k) return [...subproof(m, d.slice(0, k), isWhole), mth(d.slice(k))]
  return [...subproof(m - k, d.slice(k), false), mth(d.slice(0, k))]
}
