import {
  ClipHeaders,
  decodeBase64url,
  DigestField,
  encodeBase64url,
  Exact,
  HeadersUpload,
  Id16,
} from '@latchkey/shared'
import { MAX_ITEMS } from '@latchkey/shared'
import { Type } from 'typebox'
import { assertOwner } from '../callers.ts'
import { json, type Route, routeOf } from '../route.ts'

interface Headers {
  readonly keyset: string | null
  readonly headers: readonly { readonly index: number; readonly header: Uint8Array; readonly nonce: Uint8Array }[]
}

/** What the routes of headers use. */
export interface HeaderServices {
  listHeaders(root: string, clip: string): Promise<Headers>
  listOriginalHeaders(root: string, clip: string): Promise<Headers>
  putHeaders(root: string, set: { clip: string; keyset: string; headers: readonly Uint8Array[] }): Promise<void>
}

/** Sixteen members and recovery: 17 stanzas of 98 bytes, version and MAC lines, as base64url in quotes. */
const MAX_HEADER_CHARACTERS = 2_320
const route = routeOf<HeaderServices>()
const ClipPath = Exact({ clip: Id16 })

const encodeSet = ({ keyset, headers }: Headers): ClipHeaders => ({
  keyset,
  headers: headers.map(({ index, header, nonce }) => ({
    index,
    header: encodeBase64url(header),
    nonce: encodeBase64url(nonce),
  })),
})

export const HEADER_ROUTES: readonly Route<HeaderServices>[] = [
  route({
    method: 'GET',
    url: '/v1/clips/:clip/headers',
    callers: ['member'],
    gzip: true,
    schema: {
      summary: 'Newest headers and payload nonces of a clip',
      params: ClipPath,
      answers: { 200: ClipHeaders },
    },
    handle: async ({ params, caller }, services) =>
      json(200, encodeSet(await services.listHeaders(caller.root, params.clip))),
  }),
  route({
    method: 'GET',
    url: '/v1/clips/:clip/headers/original',
    callers: ['member'],
    schema: {
      summary: 'The headers that the device sealed, whatever replaced them',
      params: ClipPath,
      answers: { 200: ClipHeaders },
    },
    handle: async ({ params, caller }, services) =>
      json(200, encodeSet(await services.listOriginalHeaders(caller.root, params.clip))),
  }),
  route({
    method: 'PUT',
    url: '/v1/clips/:clip/headers/:keyset',
    callers: ['member'],
    maxBodyBytes: MAX_ITEMS * MAX_HEADER_CHARACTERS,
    schema: {
      summary: 'Headers of a clip wrapped anew for the members of this keyset, idempotent',
      params: Exact({ clip: Id16, keyset: DigestField }),
      body: HeadersUpload,
      answers: { 204: Type.Null() },
    },
    handle: async ({ params, body, caller }, services) => {
      assertOwner(caller)
      await services.putHeaders(caller.root, { ...params, headers: body.headers.map(decodeBase64url) })
      return { status: 204, empty: true }
    },
  }),
]
