import { digestOf, digestOfJws, storedAnswer } from '@latchkey/shared'
import type { RelayClient, RelayRequest } from '@latchkey/shared/client'
import { assertReceipt, type ExpectedReceipt, type ReceiptTrust } from './receipt.ts'
import type { UploadRelay } from './uploader.ts'

/** A slow home line at 1 Mbit/s still brings the largest item through. */
const ITEM_TIMEOUT_MS = 120_000

/**
 * The relay's upload routes over HTTP, each receipt checked. Idempotent: the same bytes again give another receipt.
 * @param client signs with the device key
 */
export function createRelayUploadClient(client: RelayClient, trust: ReceiptTrust): UploadRelay {
  async function put(path: string, request: RelayRequest, expected: ExpectedReceipt): Promise<string> {
    const { receipt } = await client.json('PUT', path, storedAnswer, request)
    assertReceipt(receipt, expected, trust)
    return receipt
  }
  return {
    putItem: (clip, { index, body, payloadSha256 }) =>
      put(
        `/v1/clips/${clip}/items/${index}`,
        { bytes: body, headers: { 'latchkey-payload-digest': payloadSha256 }, timeoutMs: ITEM_TIMEOUT_MS },
        { kind: 'item', clip, index, sha256: digestOf(body) },
      ),
    putManifest: ({ clip, manifest, descriptors, digest }) =>
      put(
        `/v1/clips/${clip}/manifest`,
        { json: { manifest, descriptors } },
        { kind: 'manifest', clip, index: null, sha256: digest },
      ),
    putDay: ({ digest, day, salt }) =>
      put(
        `/v1/days/${digest}`,
        { json: { day, salt } },
        { kind: 'day', clip: null, index: null, sha256: digestOfJws(day) },
      ),
  }
}
