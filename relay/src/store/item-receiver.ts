import { LatchkeyError } from '@latchkey/shared'
import { createHash } from 'node:crypto'
import { open, type FileHandle } from 'node:fs/promises'
import type { ItemExpectation } from '../flow.ts'

function assertExpectation({ sizeBytes, sha256B64u }: ItemExpectation): void {
  if (!Number.isSafeInteger(sizeBytes) || sizeBytes < 0 || sha256B64u.length !== 43) {
    throw new LatchkeyError('ITEM_INVALID', 'an item needs its size and its SHA-256')
  }
}

/**
 * Writes `body` to `file`, and refuses it when it is not exactly what was announced. Never writes more than announced.
 * Untrusted: `body`.
 * @throws ITEM_INVALID
 */
export async function receiveItem(
  file: FileHandle,
  body: Uint8Array | AsyncIterable<Uint8Array>,
  expected: ItemExpectation,
): Promise<void> {
  assertExpectation(expected)
  const hash = createHash('sha256')
  let sizeBytes = 0
  for await (const chunk of body instanceof Uint8Array ? [body] : body) {
    sizeBytes += chunk.length
    if (sizeBytes > expected.sizeBytes) throw new LatchkeyError('ITEM_INVALID', 'the item is longer than announced')
    hash.update(chunk)
    await file.writeFile(chunk)
  }
  if (sizeBytes !== expected.sizeBytes) {
    throw new LatchkeyError('ITEM_INVALID', `the item has ${sizeBytes} of the announced ${expected.sizeBytes} bytes`)
  }
  if (hash.digest('base64url') !== expected.sha256B64u) {
    throw new LatchkeyError('ITEM_INVALID', 'the item does not have the announced SHA-256')
  }
}

/** Is the file exactly this content? Also makes it durable: its writer may have died before it could. */
export async function holdsItem(path: string, expected: ItemExpectation): Promise<boolean> {
  await using file = await open(path, 'r')
  if ((await file.stat()).size !== expected.sizeBytes) return false
  const hash = createHash('sha256')
  for await (const chunk of file.createReadStream({ autoClose: false })) hash.update(chunk as Uint8Array)
  await file.sync()
  return hash.digest('base64url') === expected.sha256B64u
}
