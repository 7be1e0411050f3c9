import { parseTilePath, type Tile, TILE_WIDTH } from '@latchkey/shared'
import { Type } from 'typebox'
import { type Route, routeOf } from '../route.ts'

/** What the log routes use. */
export interface LogServices {
  checkpoint(): Promise<Uint8Array>
  readTile(tile: Tile): Promise<Uint8Array>
}

const route = routeOf<LogServices>()
const BYTES = 'application/octet-stream'
/** Full tiles never change; a partial one is the beginning of a wider one and may disappear. */
const FULL_TILE = 'public, max-age=604800, immutable'
const PARTIAL_TILE = 'public, max-age=60'

/** The log as static resources. @see C2SP tlog-tiles, "APIs" */
export const LOG_ROUTES: readonly Route<LogServices>[] = [
  route({
    method: 'GET',
    url: '/log/checkpoint',
    callers: ['anyone'],
    schema: { summary: 'Newest published checkpoint, a signed note', answers: { 200: { mediaType: 'text/plain' } } },
    handle: async (_request, services) => ({
      status: 200,
      bytes: await services.checkpoint(),
      headers: { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-cache' },
    }),
  }),
  route({
    method: 'GET',
    url: '/log/tile/*',
    callers: ['anyone'],
    schema: {
      summary: 'A tile of hashes, or of entries',
      params: Type.Object({ '*': Type.String() }),
      answers: { 200: { mediaType: BYTES } },
    },
    handle: async ({ params }, services) => {
      const tile = parseTilePath(`tile/${params['*']}`)
      const caching = tile.width === TILE_WIDTH ? FULL_TILE : PARTIAL_TILE
      const bytes = await services.readTile(tile)
      return { status: 200, bytes, headers: { 'content-type': BYTES, 'cache-control': caching } }
    },
  }),
]
