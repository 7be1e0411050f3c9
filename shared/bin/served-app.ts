import { readBounded } from '../client/bounded-body.ts'
import { type AppFile, MAX_APP_FILE_BYTES } from '../src/app/app-files.ts'
import { equalBytes, toHex } from '../src/bytes/bytes.ts'
import { sha256 } from '../src/crypto/hash.ts'
import { codeOf, LatchkeyError } from '../src/errors.ts'
import type { Failure } from './failure.ts'

/** An app where it is served. */
export interface ServedApp {
  readonly origin: string
  readonly userAgent: string
}

const TIMEOUT_MS = 30_000
/** What a page must not be allowed: anything of these lets in what no list names. */
const LOOSE = /unsafe-(inline|eval|hashes)|(?:^|[\s;])(?:default|script|worker)-src[^;]*(?:\*|https?:|data:|blob:)/

/** One file as a browser would ask for it. Untrusted: the answer. @throws UNAVAILABLE | APP_INVALID | MESSAGE_TOO_LARGE */
export async function fetchServed(
  { origin, userAgent }: ServedApp,
  path: string,
): Promise<{ bytes: Uint8Array; headers: Headers }> {
  let answer: Response
  try {
    answer = await fetch(origin + path, {
      headers: { accept: path === '/' ? 'text/html,*/*;q=0.8' : '*/*', 'user-agent': userAgent },
      cache: 'no-store',
      redirect: 'manual',
      signal: AbortSignal.timeout(TIMEOUT_MS),
    })
  } catch (cause) {
    throw new LatchkeyError('UNAVAILABLE', `no answer from ${origin}`, { cause })
  }
  if (answer.status !== 200) throw new LatchkeyError('APP_INVALID', `answers ${answer.status} instead of the file`)
  return { bytes: await readBounded(answer, MAX_APP_FILE_BYTES), headers: answer.headers }
}

const failed = (path: string, error: unknown): Failure => ({
  code: codeOf(error),
  file: path,
  message: error instanceof Error ? error.message : 'cannot be fetched',
})

/** Is it the file that the list names? */
export async function checkServedFile(app: ServedApp, { path, sha256: listed }: AppFile): Promise<Failure[]> {
  try {
    const { bytes } = await fetchServed(app, path)
    if (toHex(sha256(bytes)) === listed) return []
    return [{ code: 'APP_INVALID', file: path, message: 'is not the file that stands in the log' }]
  } catch (error) {
    return [failed(path, error)]
  }
}

/** Every address that shows the page shows the same one, and its policy lets nothing in beside the listed files. */
export async function checkServedPage(app: ServedApp): Promise<Failure[]> {
  try {
    const [page, pairing] = [await fetchServed(app, '/'), await fetchServed(app, '/pair')]
    const policy = page.headers.get('content-security-policy') ?? ''
    const findings: [boolean, string, string][] = [
      [equalBytes(page.bytes, pairing.bytes), '/pair', 'is not the page that stands in the log'],
      [/(?:^|[\s;])script-src 'self'/.test(policy), '/', 'has no content security policy that names its scripts'],
      [!LOOSE.test(policy), '/', 'has a content security policy that lets in what no list names'],
    ]
    return findings.flatMap(([holds, file, message]) => (holds ? [] : [{ code: 'APP_INVALID', file, message }]))
  } catch (error) {
    return [failed('/', error)]
  }
}
