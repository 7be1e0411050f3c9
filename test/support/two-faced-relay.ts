/** What stands between readers and an honest relay, and shows them something else: another log, other documents. */
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import { readFile } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import {
  encodeEntries,
  encodeHashTile,
  encodeTilePath,
  hashLeaf,
  type NoteSigner,
  parseEntries,
  parseSkey,
  parseTilePath,
  parseCheckpoint,
  rootOfLeaves,
  rootOfTile,
  signCheckpoint,
  type Tile,
  TILE_WIDTH,
} from '@latchkey/shared'
import { findFreePort } from '../../infra/local/port.ts'
import { createRelayWorld, type OwnRelayWorld } from './relay-world.ts'

/** A status and a body, by path; what stands here is shown instead of the relay's own. */
export type Lies = Map<string, { readonly status?: number; readonly body: string | Uint8Array }>

/** A relay whose operator can lie to everyone. */
export interface TwoFacedRelay extends AsyncDisposable {
  readonly world: OwnRelayWorld
  readonly origin: string
  readonly lies: Lies
  /** Ends every lie. */
  beHonest(): void
  /** Answers nobody. */
  isAway: boolean
  /** The log's own key: whoever runs the relay has it. */
  readonly logKey: NoteSigner
  /** Entries of the true log. */
  entries(): Promise<Uint8Array[]>
  /** Shows this log, well signed, instead of the true one; its signed checkpoint. */
  showLog(entries: readonly Uint8Array[]): Promise<Uint8Array>
}

function forward(port: number, asked: IncomingMessage, answer: ServerResponse): void {
  const { method, url, headers } = asked
  const onward = request({ host: '127.0.0.1', port, method, path: url, headers }, (response) => {
    answer.writeHead(response.statusCode!, response.headers)
    response.pipe(answer)
  })
  onward.on('error', () => answer.destroy())
  asked.pipe(onward)
}

/** The bytes of a tile of these entries. */
function tileOf(entries: readonly Uint8Array[], { level, index, width }: Tile): Uint8Array {
  const start = index * TILE_WIDTH
  if (level === 'entries') return encodeEntries(entries.slice(start, start + width))
  let row = entries.map((entry) => hashLeaf(entry))
  for (let height = 0; height < level; height++)
    row = Array.from({ length: Math.floor(row.length / TILE_WIDTH) }, (_, i) =>
      rootOfTile(row.slice(i * TILE_WIDTH, (i + 1) * TILE_WIDTH)),
    )
  return encodeHashTile(row.slice(start, start + width))
}

/** @param options as `createRelayWorld` */
export async function createTwoFacedRelay(
  options: Parameters<typeof createRelayWorld>[0] = {},
): Promise<TwoFacedRelay> {
  await using stack = new AsyncDisposableStack()
  const port = await findFreePort()
  const lies: Lies = new Map()
  let shown: readonly Uint8Array[] | null = null
  const server = createServer((asked, answer) => {
    const path = asked.url!.split('?')[0]!
    const lie = lies.get(path)
    if (relay.isAway) answer.destroy()
    else if (lie) answer.writeHead(lie.status ?? 200).end(lie.body)
    else if (shown && path.startsWith('/log/tile/'))
      answer.end(tileOf(shown, parseTilePath(path.slice('/log/'.length))))
    else forward(port, asked, answer)
  })
  // Callers are told the relay's own, longer time: a connection that is closed before it resets the next call.
  server.keepAliveTimeout = 0
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  stack.defer(async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const config = { listen: { host: '127.0.0.1', port }, publicOrigin: origin, enrolment: 'open', ...options.config }
  const world = stack.use(await createRelayWorld({ ...options, config }))
  const skey = await readFile(join(world.folder, 'data', 'secrets', 'log-note.key'), 'utf8')
  const logKey = parseSkey(skey.trim())
  const kept = stack.move()
  const relay: TwoFacedRelay = {
    world,
    origin,
    lies,
    isAway: false,
    beHonest() {
      lies.clear()
      shown = null
      relay.isAway = false
    },
    logKey,
    entries: async () => {
      const { size } = parseCheckpoint(await world.anyone.bytes('GET', '/log/checkpoint'))
      const read: Uint8Array[] = []
      for (let index = 0; read.length < size; index++) {
        const tile: Tile = { level: 'entries', index, width: Math.min(TILE_WIDTH, size - read.length) }
        read.push(...parseEntries(tile, await world.anyone.bytes('GET', `/log/${encodeTilePath(tile)}`)))
      }
      return read
    },
    showLog: async (entries) => {
      shown = entries
      const root = rootOfLeaves(entries.map((entry) => hashLeaf(entry)))
      const raw = await signCheckpoint({ origin: logKey.key.name, size: entries.length, root }, logKey)
      lies.set('/log/checkpoint', { body: raw })
      return raw
    },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  }
  return relay
}
