import type { DpopProof, PublicJwk, Thumbprint } from '@latchkey/shared'
import type { Readable } from 'node:stream'
import type { Static, TObject, TSchema } from 'typebox'
import type { DeviceCaller, InvestigatorCaller, MemberCaller } from '../flow.ts'

/**
 * Who may speak on a route. `anyone`: no proof · `key`: any proven key, which must then be the one its own signed body
 * names · `root`: the root of a household · `member`: a phone of the keyset in force (or pending) · `device`: a paired Pi ·
 * `investigator`: the requester of an accepted request · `operator`: the configured key.
 */
export type CallerKind = 'anyone' | 'key' | 'root' | 'member' | 'device' | 'investigator' | 'operator'

/** A caller as its route sees it. */
export type Caller =
  | { readonly kind: 'anyone' }
  | { readonly kind: 'key'; readonly thumbprint: Thumbprint; readonly jwk: PublicJwk }
  | { readonly kind: 'root'; readonly thumbprint: Thumbprint; readonly root: string }
  | MemberCaller
  | DeviceCaller
  | InvestigatorCaller
  | { readonly kind: 'operator'; readonly thumbprint: Thumbprint }

type CallerOf<K extends CallerKind> = Extract<Caller, { kind: K }>

/** What a handler is given: everything checked against the route's schemas, the caller proven. */
export interface RouteRequest<P, Q, B, K extends CallerKind> {
  readonly params: P
  readonly query: Q
  readonly body: B
  readonly caller: CallerOf<K>
  /** The proof of an authenticated route, null on a public one. */
  readonly proof: DpopProof | null
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  /** The body's bytes as received; empty without one. Their digest is bound by the proof. */
  readonly bytes: Uint8Array
  /** Network address of the peer, for rate limits only; never stored or logged. */
  readonly address: string
}

/** What a handler answers. JSON is checked by the response schema; bytes and streams are sent as they are. */
export type Answer = {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
} & (
  { readonly json: unknown } | { readonly bytes: Uint8Array } | { readonly stream: Readable } | { readonly empty: true }
)

/** A response that is not JSON: its media type. */
export interface MediaAnswer {
  readonly mediaType: string
}

/** Schemas of one route. */
export interface RouteSchema<P, Q, B> {
  readonly summary: string
  readonly params?: P
  readonly query?: Q
  readonly body?: B
  /** Status → JSON schema, or the media type of bytes. Problems are added to every route. */
  readonly answers: Readonly<Record<number, TSchema | MediaAnswer>>
}

/** One route: its address, who may call it, its schemas, its handler over the services of its group. */
export interface Route<S> {
  readonly method: 'GET' | 'PUT' | 'POST' | 'DELETE'
  /** fastify pattern. */
  readonly url: string
  readonly callers: readonly CallerKind[]
  readonly schema: RouteSchema<TObject, TObject, TSchema>
  /** `bytes`: application/octet-stream, no JSON. */
  readonly bodyType: 'none' | 'json' | 'bytes'
  readonly maxBodyBytes: number
  /** Answers may be sent, and bodies taken, in gzip: only where neither mixes secrets with a caller's words. */
  readonly gzip: boolean
  handle(request: RouteRequest<unknown, unknown, unknown, CallerKind>, services: S): Promise<Answer>
}

interface RouteOptions<S, P extends TObject, Q extends TObject, B extends TSchema, K extends CallerKind> {
  readonly method: Route<S>['method']
  readonly url: string
  readonly callers: readonly K[]
  readonly schema: RouteSchema<P, Q, B>
  readonly bodyType?: Route<S>['bodyType']
  /** Default 64 KiB. */
  readonly maxBodyBytes?: number
  readonly gzip?: boolean
  readonly handle: (request: RouteRequest<Static<P>, Static<Q>, Static<B>, K>, services: S) => Promise<Answer>
}

const DEFAULT_BODY_BYTES = 65_536

/** Builds the routes of one group; `S` is all that their handlers may use. */
export function routeOf<S>() {
  return <
    P extends TObject = TObject,
    Q extends TObject = TObject,
    B extends TSchema = TSchema,
    const K extends CallerKind = CallerKind,
  >(
    options: RouteOptions<S, P, Q, B, K>,
  ): Route<S> => {
    const { handle, schema, bodyType, maxBodyBytes, gzip, ...address } = options
    return {
      ...address,
      schema: schema,
      bodyType: bodyType ?? (schema.body ? 'json' : 'none'),
      maxBodyBytes: maxBodyBytes ?? DEFAULT_BODY_BYTES,
      gzip: gzip ?? false,
      // The app calls a handler only after the schemas and the caller kinds of this very route were checked.
      handle: handle as unknown as Route<S>['handle'],
    }
  }
}

/** A JSON answer. */
export function json(status: number, value: unknown, headers?: Readonly<Record<string, string>>): Answer {
  return headers ? { status, json: value, headers } : { status, json: value }
}
