import { createRelayClient } from '../client/relay-client.ts'
import type { AuditDocuments } from '../src/audit/audit.ts'
import { fromUtf8 } from '../src/bytes/bytes.ts'
import { digestOfJson } from '../src/crypto/hash.ts'
import { codeOf, LatchkeyError } from '../src/errors.ts'
import type { ReadTile } from '../src/tlog/tile-reader.ts'
import { encodeTilePath } from '../src/tlog/tiles.ts'
import {
  type AgencyList,
  agencyList,
  type AppList,
  appList,
  type CellRequests,
  cellRequests,
} from '../src/wire/http.ts'
import { type Holdings, holdings } from '../src/wire/holdings.ts'
import { MAX_JWS_BYTES } from '../src/wire/jws.ts'

const MAX_CHECKPOINT_BYTES = 128 * 1024
/** 256 entries of 64 KiB. */
const MAX_TILE_BYTES = 17 * 1024 * 1024
const MAX_DOCUMENT_BYTES = 256 * 1024
/** A month's numbers of twenty thousand agencies. */
const MAX_ENTRY_BYTES = 4 * 1024 * 1024
/** Five hundred requests with their certificates. */
const MAX_CELL_BYTES = 17 * 1024 * 1024

/** A relay's log and what stands beside it, as anyone reads them. */
export interface PublicRelay {
  readonly documents: Omit<AuditDocuments, 'refusedRequest'>
  checkpoint(): Promise<Uint8Array>
  readonly readTile: ReadTile
  /** What is open in a cell; null where nobody can say, as in an export. */
  readonly cell: ((cell: string) => Promise<CellRequests>) | null
  lists(): Promise<{
    agencies: AgencyList
    apps: AppList
    policyDigest: string
    /** What it says that it holds; null where it says nothing, or not in the form that it must have. */
    holdings: Holdings | null
  }>
}

/** Untrusted: `value`. */
export const holdingsOf = (value: unknown): Holdings | null => (holdings.check(value) ? value : null)

/** Untrusted: everything that it answers. Each call throws when nobody answers. */
export function createPublicRelay(origin: string, nowMs: () => number): PublicRelay {
  const client = createRelayClient({ origin, nowMs })
  const headers = { 'cache-control': 'no-cache' }
  const read = (path: string, maxBytes: number) => client.bytes('GET', path, { maxBytes, headers })
  /** Null when the relay says that there is none: that is an answer. */
  async function shown(path: string, maxBytes: number): Promise<string | null> {
    try {
      return fromUtf8(await read(path, maxBytes))
    } catch (error) {
      if (codeOf(error) === 'NOT_FOUND') return null
      throw error
    }
  }
  const json = (text: string): unknown => {
    try {
      return JSON.parse(text)
    } catch {
      throw new LatchkeyError('JSON_INVALID', `what ${origin} shows is not JSON`)
    }
  }
  async function shownJson(path: string, maxBytes = MAX_DOCUMENT_BYTES): Promise<unknown> {
    const text = await shown(path, maxBytes)
    return text === null ? null : json(text)
  }
  return {
    documents: {
      request: (digest) => shown(`/v1/requests/${digest}`, MAX_JWS_BYTES),
      certificate: (digest) => shown(`/v1/requests/${digest}/certificate`, MAX_JWS_BYTES),
      policy: (digest) => shownJson(`/v1/policies/${digest}`),
      entry: (digest) => shownJson(`/v1/register/${digest}`, MAX_ENTRY_BYTES),
    },
    checkpoint: () => read('/log/checkpoint', MAX_CHECKPOINT_BYTES),
    readTile: (tile) => read(`/log/${encodeTilePath(tile)}`, MAX_TILE_BYTES),
    cell: (cell) =>
      client.json('GET', `/v1/cells/${cell}/requests`, cellRequests, { headers, maxBytes: MAX_CELL_BYTES }),
    lists: async () => ({
      agencies: await client.json('GET', '/v1/agencies', agencyList, { headers }),
      apps: await client.json('GET', '/v1/apps', appList, { headers }),
      policyDigest: digestOfJson(json(fromUtf8(await read('/v1/policy.json', MAX_DOCUMENT_BYTES)))),
      holdings: holdingsOf(await shownJson('/v1/holdings')),
    }),
  }
}
