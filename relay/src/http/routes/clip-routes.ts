import {
  B64u32,
  ClipList,
  DayList,
  DayUpload,
  DigestField,
  Exact,
  Id16,
  LatchkeyError,
  MAX_ITEM_BYTES,
  ManifestUpload,
  StoredAnswer,
} from '@latchkey/shared'
import { Type } from 'typebox'
import { Check } from 'typebox/value'
import type { DeviceCaller, SealedFile } from '../../flow.ts'
import { assertOwner } from '../callers.ts'
import { cursorOf, IndexText, indexOfText, WholeText } from '../path-fields.ts'
import { json, type Route, routeOf } from '../route.ts'
import { sealedAnswer } from '../sealed-answer.ts'

/** What the clip routes use. */
export interface ClipServices {
  putItem(
    caller: DeviceCaller,
    upload: { clip: string; index: number; body: Uint8Array; payloadDigest: string },
  ): Promise<string>
  putManifest(caller: DeviceCaller, clip: string, upload: ManifestUpload): Promise<string>
  putDay(caller: DeviceCaller, upload: { digest: string; day: string; salt: string }): Promise<string>
  listDays(root: string): Promise<DayList['days']>
  listClips(root: string, after: number): Promise<ClipList>
  openItem(root: string, clip: string, index: number): Promise<SealedFile>
  keepClip(root: string, keep: { readonly clip: string; readonly kept: boolean }): Promise<void>
  deleteClip(root: string, clip: string): Promise<unknown>
}

/** 4,096 descriptors of at most 400 bytes, and the token. */
const MAX_MANIFEST_BYTES = 2 * 1024 * 1024

const route = routeOf<ClipServices>()
const ClipPath = Exact({ clip: Id16 })
const ItemPath = Exact({ clip: Id16, index: IndexText })

function payloadDigestOf(header: string | string[] | undefined): string {
  if (header === undefined) throw new LatchkeyError('PRECONDITION_REQUIRED', 'an item needs Latchkey-Payload-Digest')
  if (!Check(B64u32, header)) throw new LatchkeyError('MESSAGE_INVALID', 'Latchkey-Payload-Digest is not a digest')
  return header
}

const uploads: readonly Route<ClipServices>[] = [
  route({
    method: 'PUT',
    url: '/v1/clips/:clip/items/:index',
    callers: ['device'],
    bodyType: 'bytes',
    maxBodyBytes: MAX_ITEM_BYTES,
    schema: { summary: 'Upload one sealed item, idempotent', params: ItemPath, answers: { 201: StoredAnswer } },
    handle: async ({ params, headers, caller, bytes }, services) => {
      const payloadDigest = payloadDigestOf(headers['latchkey-payload-digest'])
      const { clip } = params
      const upload = { clip, index: indexOfText(params.index), body: bytes, payloadDigest }
      return json(201, { receipt: await services.putItem(caller, upload) })
    },
  }),
  route({
    method: 'PUT',
    url: '/v1/clips/:clip/manifest',
    callers: ['device'],
    maxBodyBytes: MAX_MANIFEST_BYTES,
    schema: {
      summary: 'Upload a revision of a clip manifest whose items are stored, idempotent',
      params: ClipPath,
      body: ManifestUpload,
      answers: { 201: StoredAnswer },
    },
    handle: async ({ params, body, caller }, services) =>
      json(201, { receipt: await services.putManifest(caller, params.clip, body) }),
  }),
  route({
    method: 'PUT',
    url: '/v1/days/:digest',
    callers: ['device'],
    schema: {
      summary: 'Upload a day record, idempotent',
      params: Exact({ digest: DigestField }),
      body: DayUpload,
      answers: { 201: StoredAnswer },
    },
    handle: async ({ params, body, caller }, services) =>
      json(201, { receipt: await services.putDay(caller, { digest: params.digest, ...body }) }),
  }),
]

const readings: readonly Route<ClipServices>[] = [
  route({
    method: 'GET',
    url: '/v1/days',
    callers: ['member'],
    schema: { summary: 'Day records of the household’s doorbells, newest first', answers: { 200: DayList } },
    handle: async ({ caller }, services) => json(200, { days: await services.listDays(caller.root) }),
  }),
  route({
    method: 'GET',
    url: '/v1/clips',
    callers: ['member'],
    schema: {
      summary: 'Clips that changed behind a cursor',
      query: Exact({ after: Type.Optional(WholeText) }),
      answers: { 200: ClipList },
    },
    handle: async ({ query, caller }, services) =>
      json(200, await services.listClips(caller.root, cursorOf(query.after))),
  }),
  route({
    method: 'GET',
    url: '/v1/clips/:clip/items/:index',
    callers: ['member'],
    schema: {
      summary: 'One sealed item, or a range of it',
      params: ItemPath,
      answers: { 200: { mediaType: 'application/octet-stream' }, 206: { mediaType: 'application/octet-stream' } },
    },
    handle: async ({ params, caller, headers }, services) =>
      sealedAnswer(await services.openItem(caller.root, params.clip, indexOfText(params.index)), headers['range']),
  }),
  route({
    method: 'DELETE',
    url: '/v1/clips/:clip',
    callers: ['member'],
    schema: { summary: 'Delete a clip, its headers first', params: ClipPath, answers: { 204: Type.Null() } },
    handle: async ({ params, caller }, services) => {
      assertOwner(caller)
      await services.deleteClip(caller.root, params.clip)
      return { status: 204, empty: true }
    },
  }),
]

const keepings: readonly Route<ClipServices>[] = (
  [
    ['PUT', true, 'Keep a clip for as long as the policy allows, idempotent'],
    ['DELETE', false, 'Keep a clip no longer than others, idempotent'],
  ] as const
).map(([method, kept, summary]) =>
  route({
    method,
    url: '/v1/clips/:clip/kept',
    callers: ['member'],
    schema: { summary, params: ClipPath, answers: { 204: Type.Null() } },
    handle: async ({ params, caller }, services) => {
      assertOwner(caller)
      await services.keepClip(caller.root, { clip: params.clip, kept })
      return { status: 204, empty: true }
    },
  }),
)

export const CLIP_ROUTES: readonly Route<ClipServices>[] = [...uploads, ...readings, ...keepings]
