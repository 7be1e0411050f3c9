import { createRelayClient } from '../client/relay-client.ts'
import {
  APP_FILES_PATH,
  appDigestOf,
  findPublishedApp,
  isLeafOfApp,
  type NamedApp,
  parseAppFiles,
} from '../src/app/app-files.ts'
import { LatchkeyError } from '../src/errors.ts'
import { leafHourStartMs } from '../src/tlog/leaf.ts'
import { logTrustOf, openCheckpoint } from '../src/tlog/checkpoint.ts'
import { readProvenLeaf } from '../src/tlog/log-watch.ts'
import { encodeTilePath, type Tile } from '../src/tlog/tiles.ts'
import { appList } from '../src/wire/http.ts'
import type { Trust } from '../src/wire/trust.ts'
import { checkServedFile, checkServedPage, fetchServed, type ServedApp } from './served-app.ts'
import type { Arguments } from './arguments.ts'
import type { World } from './command.ts'
import type { Failure } from './failure.ts'
import { parseOrigin } from './value-syntax.ts'

const MAX_CHECKPOINT_BYTES = 16_384
const MAX_TILE_BYTES = 4 * 1024 * 1024
/** What most phones say: a server that serves another page to programs than to people is not seen otherwise. */
const BROWSER =
  'Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/137.0.0.0 Mobile Safari/537.36'

/** Where an app's list of files stands in the log. */
interface Logged {
  readonly index: number
  readonly hour: number
  readonly isNewest: boolean
}

/** @throws APP_INVALID when no leaf names this digest; the codes of the log when it contradicts itself */
async function findLeaf(relay: string, trust: Trust, app: NamedApp, nowMs: () => number): Promise<Logged> {
  const client = createRelayClient({ origin: relay, nowMs })
  const raw = await client.bytes('GET', '/log/checkpoint', { maxBytes: MAX_CHECKPOINT_BYTES })
  const checkpoint = openCheckpoint(raw, logTrustOf(trust))
  const readTile = (tile: Tile) => client.bytes('GET', `/log/${encodeTilePath(tile)}`, { maxBytes: MAX_TILE_BYTES })
  const { apps } = await client.json('GET', '/v1/apps', appList)
  const told = findPublishedApp(apps, app)
  if (!told)
    throw new LatchkeyError('APP_INVALID', `this list of files was never published as '${app.name}' by ${relay}`)
  const leaf = await readProvenLeaf(told.index, checkpoint, readTile)
  if (!isLeafOfApp(leaf, app))
    throw new LatchkeyError('APP_INVALID', `entry ${told.index} of the log is another one than ${relay} says`)
  return { ...told, hour: leaf.hour }
}

async function checkFiles(app: ServedApp, files: readonly { path: string; sha256: string }[]): Promise<Failure[]> {
  const failures: Failure[] = []
  for (const file of files) failures.push(...(await checkServedFile(app, file)))
  return [...failures, ...(await checkServedPage(app))]
}

/** Compares an app as it is served with the log. @returns a line per difference */
export async function monitorApp(
  given: Arguments,
  { trust, relay }: { readonly trust: Trust; readonly relay: string },
  { nowMs, terminal }: World,
): Promise<Failure[]> {
  const app: ServedApp = {
    origin: parseOrigin(given.text('app').replace(/\/$/, '')),
    userAgent: given.optional('user-agent') ?? BROWSER,
  }
  const name = given.optional('name') ?? 'owner'
  const { bytes: list } = await fetchServed(app, APP_FILES_PATH)
  const [digest, files] = [appDigestOf(list), parseAppFiles(list)]
  const failures = await checkFiles(app, files)
  const logged = await findLeaf(relay, trust, { name, digest }, nowMs)
  const since = new Date(leafHourStartMs(logged.hour)).toISOString()
  terminal.print(`${name} ${digest}: ${files.length} files, entry ${logged.index} of the log, in the hour of ${since}`)
  if (!logged.isNewest) terminal.note('warning: a newer one was published since; this server still serves the older.')
  if (failures.length === 0) terminal.print('PASS')
  return failures
}
