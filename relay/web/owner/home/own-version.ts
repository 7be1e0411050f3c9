/** Which app this is, by the list of files that it came with, and whether that list stands in the public log. */
import {
  APP_FILES_PATH,
  appDigestOf,
  appList,
  codeOf,
  type Digest,
  leafHourStartMs,
  MAX_APP_FILES_BYTES,
  parseAppFiles,
} from '@latchkey/shared'
import { errorOf, readBounded } from '@latchkey/shared/client'
import type { Home } from '../household/home.ts'
import { anyoneClient } from '../household/relay-clients.ts'
import type { LogKeeper } from '../log/log-keeper.ts'

/** What the app was called when it was published. */
const NAME = 'owner'

/** The app as it was sent. */
export interface OwnVersion {
  readonly digest: Digest
  readonly files: number
}

/** `unpublished`: no entry names it · `contradicted`: the relay names an entry that says something else. */
export type Publication =
  | { readonly kind: 'published'; readonly index: number; readonly hourMs: number; readonly isNewest: boolean }
  | { readonly kind: 'unpublished' }
  | { readonly kind: 'contradicted' }

/** Read from this phone's own copy of the app, when it has one. @throws UNAVAILABLE | APP_INVALID */
export async function loadOwnVersion(): Promise<OwnVersion> {
  const answer = await fetch(APP_FILES_PATH)
  if (!answer.ok) throw await errorOf(answer)
  const list = await readBounded(answer, MAX_APP_FILES_BYTES)
  return { digest: appDigestOf(list), files: parseAppFiles(list).length }
}

/** The codes of a log that cannot show the entry now. */
const NOT_NOW: ReadonlySet<string> = new Set(['UNAVAILABLE', 'LOG_RANGE'])

/** Looks for it in the log, by this phone's own arithmetic. @throws UNAVAILABLE | LOG_RANGE when it cannot be read now */
export async function findPublication(home: Home, log: LogKeeper, { digest }: OwnVersion): Promise<Publication> {
  const { apps } = await anyoneClient(home).json('GET', '/v1/apps', appList)
  const own = apps.filter(({ name }) => name === NAME)
  const told = own.findLast((app) => app.digest === digest)
  if (told === undefined) return { kind: 'unpublished' }
  await log.look()
  try {
    const leaf = await log.leaf(told.index)
    if (leaf.type !== 'app' || leaf.data.name !== NAME || leaf.data.digest !== digest) return { kind: 'contradicted' }
    const hourMs = leafHourStartMs(leaf.hour)
    return { kind: 'published', index: told.index, hourMs, isNewest: own.at(-1) === told }
  } catch (error) {
    if (NOT_NOW.has(codeOf(error))) throw error
    return { kind: 'contradicted' }
  }
}
