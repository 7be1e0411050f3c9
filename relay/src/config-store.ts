/** Where items lie: a folder of this machine, or a bucket. */
import { createValidator, Exact } from '@latchkey/shared'
import { type Static, Type } from 'typebox'
import { invalid, parseJson, Path, readText } from './config-reading.ts'

/** Plain HTTP only on this machine: what is uploaded there is signed, and not secret from whoever carries it. */
const StoreEndpoint = Type.String({
  pattern: '^(https://[^\\s/?#@]+|http://(localhost|127\\.0\\.0\\.1|\\[::1\\])(:\\d+)?)/?$',
  maxLength: 300,
})
/** @see https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html */
const Bucket = Type.String({ pattern: '^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$' })
/** Keys of items are up to 300 characters of the 1,024 that a name may have. */
const StorePrefix = Type.String({ pattern: '^([A-Za-z0-9_-][A-Za-z0-9_.-]*/)+$', maxLength: 200 })

/** Keys of the configuration file. */
export const StoreKeys = {
  /** Where items lie: a bucket of an S3 server; without it in dataDir. */
  store: Type.Optional(
    Exact({
      kind: Type.Literal('s3'),
      endpoint: StoreEndpoint,
      region: Type.String({ pattern: '^[a-z0-9-]{1,64}$' }),
      bucket: Bucket,
      /** Before every name in the bucket; ends in a slash. */
      prefix: Type.Optional(StorePrefix),
      /** The bucket in the path, not in the host name; default true. */
      forcePathStyle: Type.Optional(Type.Boolean()),
      /** JSON: accessKeyId, secretAccessKey. */
      credentialsFile: Path,
      /** How long a call may go without an answer; default 20,000. */
      timeoutMs: Type.Optional(Type.Integer({ minimum: 100, maximum: 110_000 })),
    }),
  ),
}
type StoreFile = Static<ReturnType<typeof Exact<typeof StoreKeys>>>

const StoreKey = Type.String({ pattern: '^[!-~]{1,200}$' })
const storeCredentials = createValidator(Exact({ accessKeyId: StoreKey, secretAccessKey: StoreKey }))

/** A bucket, and who we are there. */
export interface StoreConfig {
  readonly endpoint: string
  readonly region: string
  readonly bucket: string
  /** Empty, or ending in a slash. */
  readonly prefix: string
  readonly forcePathStyle: boolean
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string }
  readonly timeoutMs: number
}
/** A device waits two minutes for the answer to an item: by then it is to have ours. */
const STORE_TIMEOUT_MS = 20_000

/** @param at a path of the file → a path · @throws CONFIG_INVALID without any of the credentials */
export async function loadStore({ store }: StoreFile, at: (path: string) => string): Promise<StoreConfig | null> {
  if (store === undefined) return null
  const key = 'store.credentialsFile'
  const credentials = parseJson(await readText(at(store.credentialsFile), key), key)
  if (!storeCredentials.check(credentials)) throw invalid(`${key}: ${storeCredentials.explain(credentials)}`)
  const { endpoint, region, bucket, prefix = '', forcePathStyle = true, timeoutMs = STORE_TIMEOUT_MS } = store
  return { endpoint, region, bucket, prefix, forcePathStyle, credentials, timeoutMs }
}
