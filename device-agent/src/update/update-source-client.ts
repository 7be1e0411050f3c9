import { LatchkeyError } from '@latchkey/shared'
import { open } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { connectionFailure } from '../kernel/connection-failure.ts'
import { MAX_MANIFEST_BYTES } from './update-manifest.ts'
import type { UpdateSource } from './updater.ts'

/** A 40 MB package over a slow home line. */
const FETCH_TIMEOUT_MS = 20 * 60_000

const tooLong = (what: string) => new LatchkeyError('MESSAGE_TOO_LARGE', `${what} is longer than it may be`)

/** At most `maxBytes` of a file; one byte more is an error. */
async function readLocal(path: string, maxBytes: number): Promise<Uint8Array> {
  const handle = await open(path, 'r').catch((cause: unknown) => {
    throw new LatchkeyError('UNAVAILABLE', `${path} cannot be read`, { cause })
  })
  try {
    const { size } = await handle.stat()
    if (size > maxBytes) throw tooLong(path)
    return new Uint8Array(await handle.readFile())
  } finally {
    await handle.close()
  }
}

/** Why nothing came, and what to do about it where that is known. */
function unreachable({ host }: URL, cause: unknown): LatchkeyError {
  const failure = connectionFailure(cause)
  const why = failure === null ? 'it did not answer' : `${failure.text} (${failure.fix})`
  return new LatchkeyError('UNAVAILABLE', `${host} cannot be used: ${why}`, { cause })
}

/** An answer with a body. Nobody else is asked than who was configured, and over nothing else than https. */
async function ask(url: URL): Promise<ReadableStream<Uint8Array>> {
  const signal = AbortSignal.timeout(FETCH_TIMEOUT_MS)
  const response = await fetch(url, { signal, redirect: 'manual', credentials: 'omit' }).catch((cause: unknown) => {
    throw unreachable(url, cause)
  })
  if (response.ok && response.body !== null) return response.body
  await response.body?.cancel()
  if (response.status >= 300 && response.status < 400)
    throw new LatchkeyError(
      'UNAVAILABLE',
      `${url.host} points to another address, which is not followed: update.source must name the place itself`,
    )
  throw new LatchkeyError('UNAVAILABLE', `${url.host} answered ${response.status} for ${url.pathname}`)
}

async function readRemote(url: URL, maxBytes: number): Promise<Uint8Array> {
  const body = await ask(url)
  const chunks: Uint8Array[] = []
  let sizeBytes = 0
  try {
    for await (const chunk of body as AsyncIterable<Uint8Array>) {
      sizeBytes += chunk.length
      if (sizeBytes > maxBytes) throw tooLong(url.pathname)
      chunks.push(chunk)
    }
  } catch (cause) {
    if (cause instanceof LatchkeyError) throw cause
    throw new LatchkeyError('UNAVAILABLE', `${url.host} broke off after ${sizeBytes} bytes: try again`, { cause })
  }
  return new Uint8Array(Buffer.concat(chunks))
}

/**
 * Updates from an `https` address of a manifest, or from a file; packages lie beside it. What comes is untrusted.
 * @throws USAGE for another kind of address
 */
export function openUpdateSource(source: string): UpdateSource {
  if (source.startsWith('/'))
    return {
      readManifest: () => readLocal(source, MAX_MANIFEST_BYTES),
      readPackage: (file, maxBytes) => readLocal(join(dirname(source), file), maxBytes),
    }
  if (!URL.canParse(source) || new URL(source).protocol !== 'https:')
    throw new LatchkeyError('USAGE', 'the source of updates must be an https address or an absolute path of a manifest')
  const manifest = new URL(source)
  return {
    readManifest: () => readRemote(manifest, MAX_MANIFEST_BYTES),
    readPackage: (file, maxBytes) => readRemote(new URL(file, manifest), maxBytes),
  }
}
