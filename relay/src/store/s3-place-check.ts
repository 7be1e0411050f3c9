import {
  DeleteObjectCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3'
import { LatchkeyError, randomBytes, toHex, utf8 } from '@latchkey/shared'
import type { Clock } from '../kernel/clock.ts'
import { md5Of } from './item-receiver.ts'
import { type S3Place, withinTime } from './s3-calls.ts'
import { isAnswer, s3Error } from './s3-error.ts'

type Parts = S3Place & { readonly clock: Pick<Clock, 'sleep'> }

const BODY = utf8('latchkey')
const OTHER_MD5 = md5Of(utf8('another body'))

function unusable(message: string, cause?: unknown): LatchkeyError {
  return new LatchkeyError('CONFIG_INVALID', `store: ${message}`, { cause })
}

/** What is wrong, by the key of the configuration that says so. */
function explained(cause: unknown): LatchkeyError {
  if (isAnswer(cause, 'NoSuchBucket'))
    return unusable('there is no such bucket: make it, or change store.bucket', cause)
  if (isAnswer(cause, 301, 307, 'AuthorizationHeaderMalformed'))
    return unusable('the bucket is in another region: change store.region or store.endpoint', cause)
  if (isAnswer(cause, 401, 403))
    return unusable(
      'the server refuses what store.credentialsFile holds, or does not let it write, read, list and delete in the bucket',
      cause,
    )
  return s3Error(cause)
}

/** Did the server refuse the deed as it must? Any other failure is an error. */
async function isRefused(deed: Promise<unknown>, ...answers: readonly number[]): Promise<boolean> {
  try {
    await deed
    return false
  } catch (error) {
    if (isAnswer(error, ...answers)) return true
    // 501: it knows the header, and cannot do what it asks.
    if (isAnswer(error, 501)) return false
    throw error
  }
}

async function tryPlace(client: S3Client, parts: Parts, place: { Bucket: string; Key: string }): Promise<void> {
  const { bucket, prefix } = parts
  const put = (more: { ContentMD5: string; IfNoneMatch?: '*' }) =>
    withinTime(parts, (abortSignal) =>
      client.send(new PutObjectCommand({ ...place, Body: BODY, ...more }), { abortSignal }),
    )
  if (!(await isRefused(put({ ContentMD5: OTHER_MD5 }), 400)))
    throw unusable('the server does not check what it is sent (Content-MD5): an item could be stored broken')
  const { VersionId } = await put({ ContentMD5: md5Of(BODY) })
  if (VersionId !== undefined)
    throw unusable('the bucket keeps versions: what is deleted would stay. Use a bucket that never had them')
  if (!(await isRefused(put({ ContentMD5: md5Of(BODY), IfNoneMatch: '*' }), 412)))
    throw unusable('the server overwrites what is there (If-None-Match): an item could be replaced')
  const bytes = await withinTime(parts, async (abortSignal) => {
    const { Body } = await client.send(new GetObjectCommand(place), { abortSignal })
    return Body!.transformToByteArray()
  })
  if (toHex(bytes) !== toHex(BODY)) throw unusable('the server gives back other bytes than it was sent')
  await withinTime(parts, (abortSignal) =>
    client.send(new ListObjectsV2Command({ Bucket: bucket, Prefix: prefix, MaxKeys: 1 }), { abortSignal }),
  )
}

/**
 * Tries in the bucket everything that the item store stands on, with an object of its own that it removes again: its
 * name starts with a dot, as no item's does.
 * @throws CONFIG_INVALID with what to change | UNAVAILABLE | STORAGE_FAILED
 */
export async function assertS3Place(client: S3Client, parts: Parts): Promise<void> {
  const place = { Bucket: parts.bucket, Key: `${parts.prefix}.trial-${toHex(randomBytes(8))}` }
  const remove = () => withinTime(parts, (abortSignal) => client.send(new DeleteObjectCommand(place), { abortSignal }))
  try {
    await tryPlace(client, parts, place)
    await remove()
  } catch (error) {
    // What is wrong already is said; this is only so as to leave nothing.
    await remove().catch(() => {})
    throw explained(error)
  }
}
