import { LatchkeyError, randomBytes, toHex } from '@latchkey/shared'
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { open, type FileHandle, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import type { ItemExpectation } from '../flow.ts'
import { translated } from './disk-error.ts'

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
  const isSame = await hasContent(file.createReadStream({ autoClose: false }), expected)
  await file.sync()
  return isSame
}

/** Is this, read to its end, exactly the content? */
export async function hasContent(bytes: AsyncIterable<Uint8Array>, expected: ItemExpectation): Promise<boolean> {
  const hash = createHash('sha256')
  for await (const chunk of bytes) hash.update(chunk)
  return hash.digest('base64url') === expected.sha256B64u
}

/** As `Content-MD5` has it: a server compares it with what it received. Against accidents, not against anybody. @see RFC 1864 */
export const md5Of = (bytes: Uint8Array): string => createHash('md5').update(bytes).digest('base64')

/** A whole item that is what was announced, before anybody else has a byte of it. */
export interface ReceivedItem extends AsyncDisposable {
  readonly body: Uint8Array | Readable
  /** As {@link md5Of} has it. */
  readonly md5: string
}

/**
 * Takes `body` and refuses it when it is not exactly what was announced: a stream aside into a file of `folder`, which is
 * gone when the item is disposed of, so that memory does not grow with it.
 * Untrusted: `body`.
 * @throws ITEM_INVALID | STORAGE_FULL | STORAGE_FAILED
 */
export async function receiveItemAside(
  folder: string,
  body: Uint8Array | AsyncIterable<Uint8Array>,
  expected: ItemExpectation,
): Promise<ReceivedItem> {
  if (body instanceof Uint8Array) {
    assertExpectation(expected)
    if (body.length !== expected.sizeBytes || !(await hasContent(once(body), expected)))
      throw new LatchkeyError('ITEM_INVALID', 'the item does not have the announced size and SHA-256')
    return { body, md5: md5Of(body), [Symbol.asyncDispose]: async () => {} }
  }
  return translated(() => receiveStreamAside(join(folder, toHex(randomBytes(16))), body, expected))
}

async function receiveStreamAside(
  path: string,
  body: AsyncIterable<Uint8Array>,
  expected: ItemExpectation,
): Promise<ReceivedItem> {
  await using stack = new AsyncDisposableStack()
  stack.defer(() => rm(path, { force: true }))
  {
    await using file = await open(path, 'wx', 0o600)
    await receiveItem(file, body, expected)
  }
  const hash = createHash('md5')
  for await (const chunk of createReadStream(path)) hash.update(chunk as Uint8Array)
  const stream = createReadStream(path)
  // It may never be read: opening fails then, once the file is gone.
  stream.on('error', () => {})
  stack.defer(() => void stream.destroy())
  const kept = stack.move()
  return { body: stream, md5: hash.digest('base64'), [Symbol.asyncDispose]: () => kept.disposeAsync() }
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}
