import { LatchkeyError } from '@latchkey/shared'
import type { IncomingMessage } from 'node:http'

/** The JSON of a request, at most `maxBytes` long. Untrusted. @throws MEDIA_TYPE | MESSAGE_TOO_LARGE | JSON_INVALID */
export async function readJsonBody(request: IncomingMessage, maxBytes: number): Promise<unknown> {
  if (request.headers['content-type'] !== 'application/json')
    throw new LatchkeyError('MEDIA_TYPE', 'expected application/json')
  const chunks: Buffer[] = []
  let sizeBytes = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    sizeBytes += chunk.length
    if (sizeBytes > maxBytes) throw new LatchkeyError('MESSAGE_TOO_LARGE', `expected at most ${maxBytes} bytes`)
    chunks.push(chunk)
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8')) as unknown
  } catch {
    throw new LatchkeyError('JSON_INVALID', 'the body is not JSON')
  }
}
