/** Which app this is, by the list of files that it came with, and whether that list stands in the public log. */
import {
  APP_FILES_PATH,
  appDigestOf,
  appList,
  type Digest,
  findPublishedApp,
  isLeafOfApp,
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

/** Looks for it in the log, by this phone's own arithmetic. @throws UNAVAILABLE | LOG_RANGE when it cannot be read now */
export async function findPublication(home: Home, log: LogKeeper, { digest }: OwnVersion): Promise<Publication> {
  const { apps } = await anyoneClient(home).json('GET', '/v1/apps', appList)
  const app = { name: NAME, digest }
  const told = findPublishedApp(apps, app)
  if (told === null) return { kind: 'unpublished' }
  await log.look()
  const leaf = await log.leaf(told.index)
  if (leaf === null || !isLeafOfApp(leaf, app)) return { kind: 'contradicted' }
  return { kind: 'published', ...told, hourMs: leafHourStartMs(leaf.hour) }
}
