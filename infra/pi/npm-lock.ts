/** What the lock file says the agent needs at run time. */

/** One package of the registry, pinned by the hash of its archive. */
export interface PinnedPackage {
  readonly name: string
  readonly version: string
  /** Subresource integrity: `sha512-` and base64. */
  readonly integrity: string
}

/** A package and where it lies, such as `node_modules/bl/node_modules/readable-stream`. */
export interface PlacedPackage extends PinnedPackage {
  readonly path: string
}

interface LockEntry {
  readonly version?: string
  readonly integrity?: string
  readonly link?: boolean
  readonly resolved?: string
  readonly dependencies?: Readonly<Record<string, string>>
}

/** The part of `package-lock.json` that is read here. */
export interface Lock {
  readonly packages: Readonly<Record<string, LockEntry>>
}

/** Types are for the compiler; they come along because a library lists them as a dependency. */
const TYPES_ONLY = /^(?:@types\/|undici-types$)/

const MODULES = 'node_modules/'

/** The folders in which Node looks for what a package at `path` imports, nearest first. */
function* searchFolders(path: string): Generator<string> {
  for (let at = path; at !== ''; at = at.slice(0, Math.max(0, at.lastIndexOf('/'))))
    if (!at.endsWith('/node_modules') && at !== 'node_modules') yield `${at}/${MODULES}`
  yield MODULES
}

function placeOf(lock: Lock, importer: string, name: string): string {
  for (const folder of searchFolders(importer)) if (lock.packages[folder + name]) return folder + name
  throw new Error(`package-lock.json has no ${name} for ${importer}`)
}

/**
 * The packages that `workspace` needs, without optional and development ones, sorted by place. Other workspaces that it
 * needs are followed and not listed.
 * @throws when the lock file lacks one, or one has no hash
 */
export function productionPackages(lock: Lock, workspace: string): PlacedPackage[] {
  const seen = new Map<string, PlacedPackage | null>()
  function visit(importer: string): void {
    for (const name of Object.keys(lock.packages[importer]?.dependencies ?? {})) {
      if (TYPES_ONLY.test(name)) continue
      const place = placeOf(lock, importer, name)
      const entry = lock.packages[place]!
      const path = entry.link ? entry.resolved! : place
      if (seen.has(path)) continue
      const { version, integrity } = entry
      if (!entry.link && (!version || !integrity)) throw new Error(`package-lock.json has no hash for ${path}`)
      seen.set(path, entry.link ? null : { name, version: version!, integrity: integrity!, path })
      visit(path)
    }
  }
  visit(workspace)
  return [...seen.values()].filter((found) => found !== null).sort((a, b) => (a.path < b.path ? -1 : 1))
}
