/** Sealed items, fetched and opened on this phone: what is not exactly what the device recorded is never handed on. */
import {
  codeOf,
  decodeBase64url,
  digestOf,
  type HeaderOpener,
  type ItemDescriptor,
  LatchkeyError,
  openCommitted,
  PAYLOAD_NONCE_BYTES,
  splitAgeFile,
} from '@latchkey/shared'
import type { RelayClient } from '@latchkey/shared/client'
import type { Database } from '../../kernel/database.ts'
import { recoverFileKeyByAny } from '../keys/phone-keys.ts'

/** Opens items of clips whose papers were judged. */
export interface ItemOpener {
  /**
   * Plaintext of an item.
   * @throws ITEM_INVALID | COMMITMENT_MISMATCH | AGE_HEADER_INVALID | AGE_NO_MATCH | AGE_PAYLOAD_INVALID when it is not what the
   *   device committed to, or not for this phone; whatever the relay answers
   */
  open(clip: string, descriptor: ItemDescriptor, signal?: AbortSignal): Promise<Uint8Array>
  /** The same, its sealed bytes kept on this phone for the next time. */
  openKept(clip: string, descriptor: ItemDescriptor): Promise<Uint8Array>
  /** What was kept of it, as {@link ItemOpener.open} would open it; `null` when nothing was, or it does not open. Asks nobody. */
  openHeld(clip: string, descriptor: ItemDescriptor): Promise<Uint8Array | null>
  /** Forgets what was kept of other clips than these. */
  keepOnly(clips: ReadonlySet<string>): Promise<void>
  /** Forgets what was kept of these. */
  forget(clips: ReadonlySet<string>): Promise<void>
}

const KEPT = 'sealed/'
const keptName = (clip: string, index: number) => `${KEPT}${clip}/${index}`

/** @throws as {@link ItemOpener.open} */
export async function openSealedItem(
  body: Uint8Array,
  descriptor: ItemDescriptor,
  openers: readonly HeaderOpener[],
): Promise<Uint8Array> {
  const { header, payload } = splitAgeFile(body)
  if (payload.length !== descriptor.payloadBytes || digestOf(payload) !== descriptor.payloadSha256)
    throw new LatchkeyError('ITEM_INVALID', 'the relay sent another payload than the device recorded')
  const keyCommitment = decodeBase64url(descriptor.keyCommitment)
  const plaintextCommitment = decodeBase64url(descriptor.plaintextCommitment)
  const nonce = payload.subarray(0, PAYLOAD_NONCE_BYTES)
  const fileKey = await recoverFileKeyByAny(header, openers, { nonce, keyCommitment })
  try {
    return openCommitted(fileKey, payload, { keyCommitment, plaintextCommitment })
  } finally {
    fileKey.fill(0)
  }
}

/** @param parts.openers this phone's keys */
export function createItemOpener(parts: {
  client: RelayClient
  openers: readonly HeaderOpener[]
  database: Database
}): ItemOpener {
  const { client, openers, database } = parts
  const fetchItem = (clip: string, index: number, signal?: AbortSignal) =>
    client.bytes('GET', `/v1/clips/${clip}/items/${index}`, signal === undefined ? {} : { signal })

  async function openHeld(clip: string, descriptor: ItemDescriptor): Promise<Uint8Array | null> {
    const kept = await database.load(keptName(clip, descriptor.index))
    if (!(kept instanceof Uint8Array)) return null
    // What a disk lost is fetched anew.
    return openSealedItem(kept, descriptor, openers).catch(() => null)
  }

  async function deleteWhere(isOver: (clip: string) => boolean): Promise<void> {
    const names = await database.names(KEPT)
    await database.deleteAll(names.filter((name) => isOver(name.slice(KEPT.length).split('/')[0]!)))
  }

  return {
    openHeld,
    async open(clip, descriptor, signal) {
      return openSealedItem(await fetchItem(clip, descriptor.index, signal), descriptor, openers)
    },
    async openKept(clip, descriptor) {
      const kept = await openHeld(clip, descriptor)
      if (kept !== null) return kept
      const body = await fetchItem(clip, descriptor.index)
      const plaintext = await openSealedItem(body, descriptor, openers)
      // A full disk costs a fetch the next time, and nothing else.
      await database.save(keptName(clip, descriptor.index), body).catch(() => {})
      return plaintext
    },
    keepOnly: (clips) => deleteWhere((clip) => !clips.has(clip)),
    forget: (clips) => deleteWhere((clip) => clips.has(clip)),
  }
}

/** May the same be asked again with hope? Otherwise the answer stands. */
export const isPassing = (error: unknown): boolean =>
  (error instanceof LatchkeyError && error.kind === 'retry') || codeOf(error) === 'INTERNAL'
