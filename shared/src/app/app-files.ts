/** What a published web app consists of, as a list whose digest stands in the log. @see spec/apps.md */
import { fromUtf8, toHex, utf8 } from '../bytes/bytes.ts'
import { type Digest, digestOf, sha256 } from '../crypto/hash.ts'
import { LatchkeyError } from '../errors.ts'
import type { Leaf } from '../tlog/leaf.ts'
import type { AppList } from '../wire/http.ts'

/** Where an app serves the list of its own files; it does not name itself. */
export const APP_FILES_PATH = '/app-files.txt'
/** Some hundred files. */
export const MAX_APP_FILES_BYTES = 65_536
/** More than an app ever is. */
export const MAX_APP_FILE_BYTES = 16 * 1024 * 1024

/** One file of an app. */
export interface AppFile {
  /** As a browser asks for it; the page itself is `/`. */
  readonly path: string
  /** Lower-case hexadecimal, as `sha256sum` writes it. */
  readonly sha256: string
}

const LINE = /^([0-9a-f]{64}) {2}(\/[A-Za-z0-9._/-]{0,199})$/

const byPath = (a: AppFile, b: AppFile): number => (a.path < b.path ? -1 : 1)

/** Files by path → the list. @param files bytes by path */
export function encodeAppFiles(files: ReadonlyMap<string, Uint8Array>): Uint8Array {
  const listed = [...files].map(([path, bytes]) => ({ path, sha256: toHex(sha256(bytes)) })).sort(byPath)
  const list = utf8(listed.map(({ path, sha256: hash }) => `${hash}  ${path}\n`).join(''))
  parseAppFiles(list)
  return list
}

/**
 * The list → files, sorted by path.
 * Untrusted: `list`.
 * @throws MESSAGE_TOO_LARGE | ENCODING_INVALID | APP_INVALID for a line too many, a path twice or out of order, or no page
 */
export function parseAppFiles(list: Uint8Array): readonly AppFile[] {
  if (list.length > MAX_APP_FILES_BYTES)
    throw new LatchkeyError('MESSAGE_TOO_LARGE', `a list of files has at most ${MAX_APP_FILES_BYTES} bytes`)
  const lines = fromUtf8(list).split('\n')
  if (lines.pop() !== '') throw new LatchkeyError('APP_INVALID', 'the list of files does not end with a line’s end')
  const files = lines.map((line, at) => {
    const [, hash, path] = LINE.exec(line) ?? []
    if (hash === undefined || path === undefined || /\/\.|\/\//.test(path) || path === APP_FILES_PATH)
      throw new LatchkeyError('APP_INVALID', `line ${at + 1} of the list of files is none`)
    return { path, sha256: hash }
  })
  if (files.some(({ path }, at) => at > 0 && path <= files[at - 1]!.path))
    throw new LatchkeyError('APP_INVALID', 'the list of files is not sorted by path, each once')
  if (!files.some(({ path }) => path === '/')) throw new LatchkeyError('APP_INVALID', 'the list of files has no page')
  return files
}

/** What an `app` leaf names: the digest of the list as it is served. */
export const appDigestOf = (list: Uint8Array): Digest => digestOf(list)

/** An app by the name under which it was published. */
export interface NamedApp {
  readonly name: string
  readonly digest: string
}

/** Where an app stands by the relay's word; null when that names it nowhere. Untrusted: `apps`. */
export function findPublishedApp(
  apps: AppList['apps'],
  { name, digest }: NamedApp,
): { readonly index: number; readonly isNewest: boolean } | null {
  const own = apps.filter((app) => app.name === name)
  const told = own.findLast((app) => app.digest === digest)
  return told === undefined ? null : { index: told.index, isNewest: own.at(-1) === told }
}

/** Does this leaf publish exactly this app? */
export const isLeafOfApp = (leaf: Leaf, { name, digest }: NamedApp): boolean =>
  leaf.type === 'app' && leaf.data.name === name && leaf.data.digest === digest
