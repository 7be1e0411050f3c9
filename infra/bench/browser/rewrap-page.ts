/** What a phone does between "Sign" and the signature, in a page: timed there, because its X25519 is the browser's. */
import {
  generateIdentity,
  recoverFileKeyWith,
  sealItem,
  type WebKeyPair,
  webOpenerOf,
  wrapHeader,
} from '@latchkey/shared'

/** Milliseconds of one round. */
export interface RewrapRound {
  readonly ours: number
  /** As many bare agreements with the same non-extractable key. */
  readonly agreements: number
}

const PLAINTEXT_BYTES = 1_024

async function timed(work: () => Promise<unknown>): Promise<number> {
  const startedMs = performance.now()
  await work()
  return performance.now() - startedMs
}

/** Opens `count` headers sealed to a phone and to the recovery key, checks each key's commitment, wraps it to a requester. */
async function measure(count: number, rounds: number): Promise<RewrapRound[]> {
  const pair = await crypto.subtle.generateKey('X25519', false, ['deriveBits'])
  const opener = await webOpenerOf(pair as WebKeyPair)
  const [recovery, requester] = [generateIdentity(), generateIdentity()]
  const items = Array.from({ length: count }, () =>
    sealItem(new Uint8Array(PLAINTEXT_BYTES), [opener.recipient, recovery.recipient]),
  )
  const rewrap = async () => {
    for (const { header, payload, keyCommitment } of items) {
      const fileKey = await recoverFileKeyWith(header, opener, { nonce: payload.subarray(0, 16), keyCommitment })
      wrapHeader(fileKey, [requester.recipient])
    }
  }
  const agree = async () => {
    for (let i = 0; i < count; i++) await opener.agree(requester.publicKey)
  }
  const results: RewrapRound[] = []
  for (let round = 0; round < rounds; round++)
    results.push({ ours: await timed(rewrap), agreements: await timed(agree) })
  return results
}

Object.assign(globalThis, { measure })
