import { Accepted, LatchkeyError } from '@latchkey/shared'
import { Type } from 'typebox'
import { assertOwner } from '../callers.ts'
import { json, type Route, routeOf } from '../route.ts'

/** What the settings routes use. */
export interface SettingsServices {
  findSettings(root: string): Promise<{ file: Uint8Array; digest: string }>
  putSettings(root: string, change: { file: Uint8Array; over: string | null }): Promise<string>
}

const route = routeOf<SettingsServices>()
const MEDIA_TYPE = 'application/octet-stream'
const ETAG = /^"([A-Za-z0-9_-]{43})"$/
type Headers = Readonly<Record<string, string | string[] | undefined>>

const etagOf = (digest: string): { etag: string } => ({ etag: `"${digest}"` })

/**
 * Digest of the version that a change replaces, null for the first. A change that names none would undo another phone's.
 * Untrusted: the headers.
 * @throws PRECONDITION_REQUIRED | MESSAGE_INVALID
 * @see RFC 9110 §13.1.1, §13.1.2
 */
function replacedBy(headers: Headers): string | null {
  const [match, none] = [headers['if-match'], headers['if-none-match']]
  if (match === undefined && none === undefined)
    throw new LatchkeyError('PRECONDITION_REQUIRED', 'a change needs If-Match, the first one If-None-Match: *')
  if (match === undefined && none === '*') return null
  const digest = none === undefined ? ETAG.exec(String(match))?.[1] : undefined
  if (digest === undefined)
    throw new LatchkeyError('MESSAGE_INVALID', 'If-Match takes one entity tag of ours, If-None-Match an asterisk')
  return digest
}

export const SETTINGS_ROUTES: readonly Route<SettingsServices>[] = [
  route({
    method: 'GET',
    url: '/v1/settings',
    callers: ['member'],
    schema: {
      summary: 'The household settings, an age file to its members',
      answers: { 200: { mediaType: MEDIA_TYPE }, 304: Type.Null() },
    },
    handle: async ({ caller, headers }, services) => {
      const { file, digest } = await services.findSettings(caller.root)
      const tag = etagOf(digest)
      if (headers['if-none-match'] === tag.etag) return { status: 304, empty: true, headers: tag }
      return { status: 200, bytes: file, headers: { ...tag, 'content-type': MEDIA_TYPE } }
    },
  }),
  route({
    method: 'PUT',
    url: '/v1/settings',
    callers: ['member'],
    bodyType: 'bytes',
    schema: {
      summary: 'Replace the household settings that were seen',
      answers: { 200: Accepted, 201: Accepted },
    },
    handle: async ({ caller, headers, bytes }, services) => {
      assertOwner(caller)
      const over = replacedBy(headers)
      const digest = await services.putSettings(caller.root, { file: bytes, over })
      return json(over === null ? 201 : 200, { digest }, etagOf(digest))
    },
  }),
]
