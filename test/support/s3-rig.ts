import { CreateBucketCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type BadLine, createBadLine } from './bad-line.ts'
import { createRgw, type Rgw } from './rgw.ts'
import { createTemporaryFolder } from './temporary-folder.ts'

const REGION = 'us-east-1'
const BUCKET = 'latchkey-items'

/** A bucket of a real S3 server, and a line to it that can be bad. */
export interface S3Rig extends AsyncDisposable {
  readonly rgw: Rgw
  readonly line: BadLine
  /** Talks to the server past the line. */
  readonly client: S3Client
  /** Everything that the item store asks for, over the line. */
  place(prefix: string): {
    endpoint: string
    region: string
    bucket: string
    prefix: string
    forcePathStyle: true
    credentials: Rgw['credentials']
    timeoutMs: number
  }
  /** The same as a relay's configuration says it. */
  configuration(prefix: string): object
}

/** Starts a server and makes a bucket. */
export async function createS3Rig(): Promise<S3Rig> {
  await using stack = new AsyncDisposableStack()
  const rgw = stack.use(await createRgw())
  const line = stack.use(await createBadLine(rgw.port))
  const folder = stack.use(await createTemporaryFolder()).path
  const credentialsFile = join(folder, 'credentials.json')
  await writeFile(credentialsFile, JSON.stringify(rgw.credentials), { mode: 0o600 })
  const client = new S3Client({
    endpoint: rgw.endpoint,
    region: REGION,
    forcePathStyle: true,
    credentials: rgw.credentials,
    requestChecksumCalculation: 'WHEN_REQUIRED',
  })
  stack.defer(() => client.destroy())
  await client.send(new CreateBucketCommand({ Bucket: BUCKET }))
  // The first object of a cluster makes it create where objects lie, which takes it two seconds.
  await client.send(new PutObjectCommand({ Bucket: BUCKET, Key: 'first', Body: 'first' }))
  const common = { endpoint: `http://127.0.0.1:${line.port}`, region: REGION, bucket: BUCKET }
  const kept = stack.move()
  return {
    rgw,
    line,
    client,
    place: (prefix) => ({
      ...common,
      prefix,
      forcePathStyle: true,
      credentials: rgw.credentials,
      timeoutMs: 2_000,
    }),
    configuration: (prefix) => ({ kind: 's3', ...common, prefix, credentialsFile, timeoutMs: 2_000 }),
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  }
}
