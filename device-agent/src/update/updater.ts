import { digestOf, LatchkeyError } from '@latchkey/shared'
import {
  compareVersions,
  type PackageFile,
  type ReleaseKeys,
  type Update,
  UPDATE_PACKAGE,
  verifyUpdateManifest,
} from './update-manifest.ts'

/** What a package says it is. */
export interface PackageIdentity {
  readonly name: string
  readonly version: string
  readonly architecture: string
}

/** Where updates come from. What it gives is untrusted. */
export interface UpdateSource {
  readManifest(): Promise<Uint8Array>
  readPackage(file: string, maxBytes: number): Promise<Uint8Array>
}

/** The machine's packages. */
export interface PackageManager {
  installed(): Promise<PackageIdentity>
  describe(path: string): Promise<PackageIdentity>
  /** Packs what is installed, as it lies on the disk, into a package at `path`. */
  pack(path: string): Promise<void>
  /** Installs with new dependencies, or puts back what was there before; local configuration stays. @throws UNAVAILABLE */
  install(path: string): Promise<void>
  putBack(path: string): Promise<void>
}

/** Whether the doorbell lives. */
export interface Health {
  /** To be asked before anything is changed: what was dead before need not live afterwards. */
  observe(): Promise<void>
  /** Resolves to null when the new version has proved itself, else to what is wrong. */
  prove(): Promise<string | null>
}

/** A version that was tried here and put back. */
export interface RefusedVersion {
  readonly version: string
  readonly reason: string
}

/** What is kept of an update, so that a power cut in the middle of it ends with the version from before. */
export interface UpdateJournal {
  refused(): Promise<RefusedVersion | null>
  /** Stores the checked package. @returns its path */
  storeNext(bytes: Uint8Array): Promise<string>
  /** Where the version from before is kept. */
  readonly previousPath: string
  hasPrevious(): Promise<boolean>
  /** From here on a restart of the machine puts the kept package back. */
  begin(version: string): Promise<void>
  /** The new version stays. */
  settle(): Promise<void>
  /** The new version is gone, and is not tried again by itself. */
  refuse(refused: RefusedVersion): Promise<void>
}

/** Everything an updater works with. */
export interface UpdaterParts {
  readonly source: UpdateSource
  readonly packages: PackageManager
  readonly health: Health
  readonly journal: UpdateJournal
  readonly releaseKeys: ReleaseKeys
  readonly say: (line: string) => void
}

/** What a look at the source found. */
export interface UpdateOffer {
  readonly installed: PackageIdentity
  readonly update: Update
  /** For this machine; null when what is installed is as new. */
  readonly file: PackageFile | null
  readonly refused: RefusedVersion | null
}

/** Signed updates, proved by the doorbell's health. */
export interface Updater {
  /**
   * Looks, changes nothing.
   * @throws SIGNATURE_INVALID | KEY_INVALID | MESSAGE_INVALID | UNAVAILABLE, and CONFLICT for a version below the installed
   */
  check(): Promise<UpdateOffer>
  /**
   * Installs what is offered.
   * @returns the version that was installed, null when there was nothing newer
   * @throws as {@link check}; UNAVAILABLE when the new version was put back
   */
  apply(options: { readonly retry: boolean }): Promise<string | null>
  /** Puts back the version that was kept by the last update. @throws NOT_FOUND when none is kept */
  rollBack(): Promise<void>
}

function fileFor({ files, version }: Update, architecture: string): PackageFile {
  const file = files.find((entry) => entry.architecture === architecture)
  if (!file) throw new LatchkeyError('NOT_FOUND', `update ${version} has no package for ${architecture}`)
  return file
}

/** Builds an updater; `say` hears of each step. */
export function createUpdater({ source, packages, health, journal, releaseKeys, say }: UpdaterParts): Updater {
  async function check(): Promise<UpdateOffer> {
    const installed = await packages.installed()
    const update = verifyUpdateManifest(await source.readManifest(), releaseKeys)
    const order = compareVersions(update.version, installed.version)
    if (order < 0)
      throw new LatchkeyError(
        'CONFLICT',
        `the source offers ${update.version}, which is older than ${installed.version}`,
      )
    const file = order === 0 ? null : fileFor(update, installed.architecture)
    const refused = await journal.refused()
    return { installed, update, file, refused: refused?.version === update.version ? refused : null }
  }

  /** The announced bytes, stored; the package inside must be the announced one too. */
  async function fetchPackage({ update, installed }: UpdateOffer, file: PackageFile): Promise<string> {
    const bytes = await source.readPackage(file.file, file.sizeBytes)
    if (bytes.length !== file.sizeBytes || digestOf(bytes) !== file.sha256)
      throw new LatchkeyError('ITEM_INVALID', `${file.file} is not the package that was signed`)
    const path = await journal.storeNext(bytes)
    const { name, version, architecture } = await packages.describe(path)
    if (name !== UPDATE_PACKAGE || version !== update.version || architecture !== installed.architecture)
      throw new LatchkeyError('ITEM_INVALID', `${file.file} holds another package than its manifest says`)
    return path
  }

  async function putBack(refused: RefusedVersion): Promise<void> {
    say(`Putting the version from before back: ${refused.reason}`)
    await packages.putBack(journal.previousPath)
    await journal.refuse(refused)
  }

  async function installAndProve(path: string): Promise<string | null> {
    try {
      await packages.install(path)
    } catch (error) {
      return `it could not be installed (${error instanceof LatchkeyError ? error.message : 'unexpected error'})`
    }
    say('Watching its health…')
    return health.prove()
  }

  async function apply({ retry }: { readonly retry: boolean }): Promise<string | null> {
    const offer = await check()
    const { file, refused, installed, update } = offer
    if (file === null) return null
    if (refused !== null && !retry)
      throw new LatchkeyError(
        'CONFLICT',
        `${refused.version} was put back on this device (${refused.reason}); --retry tries it once more`,
      )
    say(`Fetching ${file.file} (${(file.sizeBytes / 1e6).toFixed(1)} MB)…`)
    const next = await fetchPackage(offer, file)
    say(`Keeping ${installed.version}…`)
    await health.observe()
    await packages.pack(journal.previousPath)
    await journal.begin(update.version)
    say(`Installing ${update.version}…`)
    const reason = await installAndProve(next)
    if (reason === null) {
      await journal.settle()
      return update.version
    }
    await putBack({ version: update.version, reason })
    throw new LatchkeyError(
      'UNAVAILABLE',
      `${update.version} was put back, ${installed.version} is installed: ${reason}`,
    )
  }

  async function rollBack(): Promise<void> {
    if (!(await journal.hasPrevious()))
      throw new LatchkeyError('NOT_FOUND', 'no earlier version is kept: it is the first one, or was put back already')
    const { version } = await packages.installed()
    await putBack({ version, reason: 'somebody asked for it' })
  }

  return { check, apply, rollBack }
}
