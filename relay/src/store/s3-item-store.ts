import {
  DeleteObjectCommand,
  GetObjectCommand,
  type GetObjectCommandOutput,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3'
import { LatchkeyError } from '@latchkey/shared'
import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import type { ByteRange, ItemEntry, ItemExpectation, ItemStore, StoredItem } from '../flow.ts'
import { createDirectory } from '../kernel/atomic-file.ts'
import type { Clock } from '../kernel/clock.ts'
import { translated } from './disk-error.ts'
import { parseItemKey } from './item-key.ts'
import { hasContent, type ReceivedItem, receiveItemAside } from './item-receiver.ts'
import { createS3Client, type S3Place, steadyBody, withinTime } from './s3-calls.ts'
import { isAnswer, s3Error, translatedS3 } from './s3-error.ts'
import { assertS3Place } from './s3-place-check.ts'

/**
 * Invariants, whatever breaks between us and the server:
 * 1. an object is a complete item: its SHA-256 was checked before the first byte went out, and the server refuses a body
 *    that has not the size and the MD5 that go with it, which {@link assertS3Place} tries at the start;
 * 2. an object never changes its content: each is written on condition that there is none;
 * 3. a `put` that got no answer may have stored the item. Nobody was told so, and putting it again says `already`.
 */

/** 512 kbit/s. An item of a megabyte gets 16 s more than a call without one. */
const SLOWEST_BYTES_PER_MS = 64

/** A store of items in a bucket. */
export interface S3ItemStoreOptions extends S3Place {
  /** Folder for bodies that come as streams, of this process alone: emptied at the start. */
  readonly spoolFolder: string
  readonly clock: Pick<Clock, 'sleep'>
}

function assertOrder({ first, last }: ByteRange): void {
  const whole = Number.isSafeInteger(first) && Number.isSafeInteger(last)
  if (!whole || first < 0 || first > last) throw new LatchkeyError('RANGE_INVALID', 'no such range')
}

/** Size of the whole object. @see RFC 9110 §14.4 */
function wholeSize({ ContentRange, ContentLength }: GetObjectCommandOutput): number {
  const size =
    ContentRange === undefined ? ContentLength : Number(/^bytes \d+-\d+\/(\d{1,15})$/.exec(ContentRange)?.[1])
  if (size === undefined || Number.isNaN(size))
    throw new LatchkeyError('STORAGE_FAILED', 'the object store does not say how long an item is')
  return size
}

class S3ItemStore implements ItemStore, Disposable {
  readonly #client: S3Client
  readonly #options: S3ItemStoreOptions

  constructor(client: S3Client, options: S3ItemStoreOptions) {
    this.#client = client
    this.#options = options
  }

  async put(
    key: string,
    body: Uint8Array | AsyncIterable<Uint8Array>,
    expected: ItemExpectation,
  ): Promise<'stored' | 'already'> {
    const place = this.#placeOf(key)
    await using item = await receiveItemAside(this.#options.spoolFolder, body, expected)
    return await translatedS3(async () => {
      if (await this.#write(place, item, expected)) return 'stored'
      if (await this.#holds(key, expected)) return 'already'
      throw new LatchkeyError('ITEM_CONFLICT', 'another content holds this key')
    })
  }

  async get(key: string, range?: ByteRange): Promise<StoredItem> {
    const place = this.#placeOf(key)
    if (range) assertOrder(range)
    const Range = range ? `bytes=${range.first}-${range.last}` : undefined
    return translatedS3(async () => {
      const answer = await withinTime(this.#options, (abortSignal) =>
        this.#client.send(new GetObjectCommand({ ...place, ...(Range ? { Range } : {}) }), { abortSignal }),
      ).catch(absent)
      const body = answer.Body as Readable
      try {
        const sizeBytes = wholeSize(answer)
        if (range && range.last >= sizeBytes)
          throw new LatchkeyError('RANGE_INVALID', `no such range in ${sizeBytes} bytes`)
        const promised = { ...this.#options, sizeBytes: range ? range.last - range.first + 1 : sizeBytes }
        return { stream: steadyBody(body, promised), sizeBytes }
      } catch (error) {
        body.destroy()
        throw error
      }
    })
  }

  async delete(key: string): Promise<'deleted' | 'absent'> {
    const place = this.#placeOf(key)
    return translatedS3(async () => {
      const isThere = await withinTime(this.#options, (abortSignal) =>
        this.#client.send(new HeadObjectCommand(place), { abortSignal }),
      ).then(
        () => true,
        (error: unknown) => {
          if (isAnswer(error, 404)) return false
          throw error
        },
      )
      // Also when it seemed absent: only this answer tells a missing object from a missing bucket.
      await withinTime(this.#options, (abortSignal) =>
        this.#client.send(new DeleteObjectCommand(place), { abortSignal }),
      )
      return isThere ? 'deleted' : 'absent'
    })
  }

  async *list(prefix: string): AsyncIterable<ItemEntry> {
    const { bucket, prefix: own } = this.#options
    let token: string | undefined
    do {
      const page = await translatedS3(() =>
        withinTime(this.#options, (abortSignal) =>
          this.#client.send(
            new ListObjectsV2Command({
              Bucket: bucket,
              Prefix: own + prefix,
              ...(token === undefined ? {} : { ContinuationToken: token }),
            }),
            { abortSignal },
          ),
        ),
      )
      for (const { Key, Size } of page.Contents ?? []) {
        const key = Key?.startsWith(own) ? Key.slice(own.length) : ''
        // Untrusted: whoever else has the bucket's keys may have put something there. It is none of ours to delete.
        if (isItemKey(key) && Size !== undefined) yield { key, sizeBytes: Size }
      }
      token = page.IsTruncated ? page.NextContinuationToken : undefined
    } while (token !== undefined)
  }

  [Symbol.dispose](): void {
    this.#client.destroy()
  }

  #placeOf(key: string): { Bucket: string; Key: string } {
    parseItemKey(key)
    return { Bucket: this.#options.bucket, Key: this.#options.prefix + key }
  }

  /** @returns false when the key is taken */
  async #write(
    place: { Bucket: string; Key: string },
    item: ReceivedItem,
    { sizeBytes, sha256B64u }: ItemExpectation,
  ): Promise<boolean> {
    const command = new PutObjectCommand({
      ...place,
      Body: item.body,
      ContentLength: sizeBytes,
      ContentMD5: item.md5,
      ChecksumSHA256: Buffer.from(sha256B64u, 'base64url').toString('base64'),
      IfNoneMatch: '*',
    })
    const timeoutMs = this.#options.timeoutMs + sizeBytes / SLOWEST_BYTES_PER_MS
    const limit = { clock: this.#options.clock, timeoutMs }
    return withinTime(limit, (abortSignal) => this.#client.send(command, { abortSignal })).then(
      () => true,
      (error: unknown) => {
        if (isAnswer(error, 412)) return false
        throw error
      },
    )
  }

  /** Is exactly this content under the key? Read, not believed: what a server says of it may be of another writer. */
  async #holds(key: string, expected: ItemExpectation): Promise<boolean> {
    const { stream, sizeBytes } = await this.get(key).catch((cause: unknown) => {
      // Deleted between the two calls: whoever tries again finds the key free.
      throw new LatchkeyError('UNAVAILABLE', 'the item is being deleted', { cause })
    })
    if (sizeBytes === expected.sizeBytes) return hasContent(stream, expected)
    stream.destroy()
    return false
  }
}

function isItemKey(key: string): boolean {
  try {
    parseItemKey(key)
    return true
  } catch {
    return false
  }
}

/** What a read that found nothing means. */
function absent(cause: unknown): never {
  if (isAnswer(cause, 'NoSuchKey')) throw new LatchkeyError('NOT_FOUND', 'no such item', { cause })
  if (isAnswer(cause, 416)) throw new LatchkeyError('RANGE_INVALID', 'no such range', { cause })
  throw s3Error(cause)
}

/** Whatever lies there was never acknowledged. */
async function emptyFolder(folder: string): Promise<void> {
  await createDirectory(folder, 0o700)
  for (const name of await readdir(folder)) await rm(join(folder, name))
}

/**
 * Opens the item store in a bucket, after trying there what it stands on.
 * @throws CONFIG_INVALID for a place that cannot be used | UNAVAILABLE | STORAGE_FAILED | STORAGE_FULL
 */
export async function createS3ItemStore(options: S3ItemStoreOptions): Promise<ItemStore & Disposable> {
  await translated(() => emptyFolder(options.spoolFolder))
  const client = createS3Client(options)
  try {
    await assertS3Place(client, options)
  } catch (error) {
    client.destroy()
    throw error
  }
  return new S3ItemStore(client, options)
}
