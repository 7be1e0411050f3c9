import { createRelayClient } from '../../client/relay-client.ts'
import {
  APP_FILES_PATH,
  appDigestOf,
  findPublishedApp,
  isLeafOfApp,
  type NamedApp,
  parseAppFiles,
} from '../../src/app/app-files.ts'
import { LatchkeyError } from '../../src/errors.ts'
import { leafHourStartMs } from '../../src/tlog/leaf.ts'
import { logTrustOf, openCheckpoint } from '../../src/tlog/checkpoint.ts'
import { readProvenLeaf } from '../../src/tlog/log-watch.ts'
import { encodeTilePath, type Tile } from '../../src/tlog/tiles.ts'
import { appList } from '../../src/wire/http.ts'
import type { Trust } from '../../src/wire/trust.ts'
import { checkServedFile, checkServedPage, fetchServed, type ServedApp } from '../served-app.ts'
import type { Command } from '../command.ts'
import type { Failure } from '../failure.ts'
import { loadTrust } from '../trust-file.ts'
import { parseOrigin } from '../value-syntax.ts'

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

/** `latchkey monitor`: of the log, so far only what it says of web apps. */
export const monitor: Command = {
  name: 'monitor',
  summary: 'Fetches a web app as a browser does and compares every file with the public log.',
  operands: [],
  options: {
    app: { value: 'URL', required: true, help: 'where the app is served' },
    trust: { value: 'F', required: true, help: 'trust file: its logs are the only ones believed' },
    relay: { value: 'ORIGIN', help: 'whose log it is; the trust file’s first relay unless told' },
    name: { value: 'NAME', help: 'what the app is called in the log (default owner, the phone app)' },
    'user-agent': { value: 'TEXT', help: 'what the fetcher calls itself (default: a phone’s browser)' },
  },
  notes: [
    'It proves what this server gave to this computer just now, not what it gives to anybody else: run it from several places, and often.',
    'It watches web apps only; the rest of the log it does not watch yet.',
  ],
  run: async (given, { nowMs, terminal }) => {
    const trust = await loadTrust(given.text('trust'))
    const named = given.optional('relay') ?? trust.relays[0]?.origin
    if (named === undefined) throw new LatchkeyError('USAGE', 'the trust file names no relay: give --relay ORIGIN')
    const app: ServedApp = {
      origin: parseOrigin(given.text('app').replace(/\/$/, '')),
      userAgent: given.optional('user-agent') ?? BROWSER,
    }
    const name = given.optional('name') ?? 'owner'
    const { bytes: list } = await fetchServed(app, APP_FILES_PATH)
    const [digest, files] = [appDigestOf(list), parseAppFiles(list)]
    const failures = await checkFiles(app, files)
    const logged = await findLeaf(parseOrigin(named), trust, { name, digest }, nowMs)
    const since = new Date(leafHourStartMs(logged.hour)).toISOString()
    terminal.print(
      `${name} ${digest}: ${files.length} files, entry ${logged.index} of the log, in the hour of ${since}`,
    )
    if (!logged.isNewest) terminal.note('warning: a newer one was published since; this server still serves the older.')
    if (failures.length === 0) terminal.print('PASS')
    return failures
  },
}
