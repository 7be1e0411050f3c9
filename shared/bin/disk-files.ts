import { type BigIntStats, constants, rmSync, type Stats } from 'node:fs'
import { link, lstat, mkdir, open, rename, rm } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { fromUtf8, toHex, utf8 } from '../src/bytes/bytes.ts'
import { randomBytes } from '../src/crypto/hash.ts'
import { LatchkeyError } from '../src/errors.ts'
import { inFile } from './failure.ts'
import { whileUnfinished } from './unfinished.ts'

/** Keys, tokens and other small texts. */
export const MAX_TEXT_BYTES = 64 * 1024
/** Secrets and plaintext are for their owner alone. */
const PRIVATE_FILE = 0o600
const PRIVATE_FOLDER = 0o700

function worldError(error: unknown, doing: string): LatchkeyError {
  const { code } = error as NodeJS.ErrnoException
  if (code === 'ENOENT') return new LatchkeyError('USAGE', 'there is no such file or directory')
  if (code === 'EACCES' || code === 'EPERM') return new LatchkeyError('USAGE', `no permission for ${doing}`)
  if (code === 'EISDIR' || code === 'ENOTDIR') return new LatchkeyError('USAGE', 'not the right kind of file')
  if (code === 'ENOSPC' || code === 'EDQUOT') return new LatchkeyError('STORAGE_FULL', 'no space left')
  return new LatchkeyError('STORAGE_FAILED', `${doing} failed (${code ?? 'unknown'})`)
}

/** Does something stand at `path`, a dangling link included? */
export async function exists(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  )
}

/** Refuses to overwrite. @throws USAGE */
export async function assertAbsent(path: string): Promise<void> {
  await inFile(path, async () => {
    if (await exists(path)) throw new LatchkeyError('USAGE', 'exists already and is never overwritten: choose another')
  })
}

async function readWhole(path: string, maxBytes: number): Promise<Uint8Array> {
  await using file = await open(path, constants.O_RDONLY)
  const stats: Stats | BigIntStats = await file.stat()
  if (!stats.isFile()) throw new LatchkeyError('USAGE', 'not a regular file')
  if (stats.size > maxBytes)
    throw new LatchkeyError('MESSAGE_TOO_LARGE', `has ${stats.size} bytes, at most ${maxBytes} are read`)
  return new Uint8Array(await file.readFile())
}

/** A whole regular file. Untrusted: its content. @throws USAGE | MESSAGE_TOO_LARGE | STORAGE_FAILED */
export async function readBytes(path: string, maxBytes: number): Promise<Uint8Array> {
  return inFile(path, async () => {
    try {
      return await readWhole(path, maxBytes)
    } catch (error) {
      throw error instanceof LatchkeyError ? error : worldError(error, 'reading')
    }
  })
}

/** A small text file, surrounding white space removed. Untrusted. @throws as {@link readBytes}, ENCODING_INVALID */
export async function readText(path: string, maxBytes = MAX_TEXT_BYTES): Promise<string> {
  const bytes = await readBytes(path, maxBytes)
  return inFile(path, () => fromUtf8(bytes).trim())
}

/** A JSON file. Untrusted: still to be parsed by a schema. @throws as {@link readText}, JSON_INVALID */
export async function readJsonFile(path: string, maxBytes = MAX_TEXT_BYTES): Promise<unknown> {
  const text = await readText(path, maxBytes)
  return inFile(path, () => {
    try {
      return JSON.parse(text) as unknown
    } catch {
      throw new LatchkeyError('JSON_INVALID', 'not JSON')
    }
  })
}

/** Value → JSON text as we write it for people. */
export const jsonText = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`

function temporaryName(path: string): string {
  return join(dirname(resolve(path)), `.${basename(path)}.${toHex(randomBytes(6))}.tmp`)
}

/** What a file is written from; a stream is written as it comes. */
export type Content = string | Uint8Array | AsyncIterable<Uint8Array>

async function writeSynced(path: string, content: Content, mode: number): Promise<void> {
  await using file = await open(path, 'wx', mode)
  await file.writeFile(typeof content === 'string' ? utf8(content) : content)
  await file.sync()
}

/**
 * Writes a new file, whole or not at all; never overwrites.
 * @throws USAGE when it exists; STORAGE_FULL | STORAGE_FAILED
 */
export async function writeNewFile(path: string, content: Content, mode = PRIVATE_FILE): Promise<void> {
  const temporary = temporaryName(path)
  const finished = whileUnfinished(() => rmSync(temporary, { force: true }))
  await inFile(path, async () => {
    try {
      await writeSynced(temporary, content, mode)
      await link(temporary, path)
    } catch (error) {
      if (error instanceof LatchkeyError) throw error
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw worldError(error, 'writing')
      throw new LatchkeyError('USAGE', 'exists already and is never overwritten: choose another')
    } finally {
      await rm(temporary, { force: true })
      finished()
    }
  })
}

/**
 * Writes a file in place of an older one: after a crash one of the two is there, whole.
 * @throws STORAGE_FULL | STORAGE_FAILED
 */
export async function replaceFile(path: string, content: Content, mode = PRIVATE_FILE): Promise<void> {
  const temporary = temporaryName(path)
  await inFile(path, async () => {
    try {
      await writeSynced(temporary, content, mode)
      await rename(temporary, path)
      await using folder = await open(dirname(resolve(path)), constants.O_RDONLY | constants.O_DIRECTORY)
      await folder.sync()
    } catch (error) {
      throw worldError(error, 'writing')
    } finally {
      await rm(temporary, { force: true })
    }
  })
}

/** A folder that appears whole, when {@link OutputFolder.finish} is called, or not at all. */
export interface OutputFolder extends AsyncDisposable {
  /** Where it is being built: mode 0700. */
  readonly temporary: string
  /** Writes a file into it. `name` may hold one level of folders that were made before. */
  write(name: string, content: Content, mode?: number): Promise<void>
  /** Gives it its name. @throws USAGE when that exists by now */
  finish(): Promise<void>
}

/** Starts an output folder for `path`. @throws USAGE when it exists; STORAGE_FAILED */
export async function createOutputFolder(path: string): Promise<OutputFolder> {
  await assertAbsent(path)
  const temporary = temporaryName(path)
  const finished = whileUnfinished(() => rmSync(temporary, { recursive: true, force: true }))
  const attempt = (work: () => Promise<unknown>) =>
    inFile(path, async () => {
      await work().catch((error: unknown) => {
        throw error instanceof LatchkeyError ? error : worldError(error, 'writing')
      })
    })
  await attempt(() => mkdir(temporary, { mode: PRIVATE_FOLDER }))
  return {
    temporary,
    write: (name, content, mode = PRIVATE_FILE) => attempt(() => writeSynced(join(temporary, name), content, mode)),
    finish: async () => {
      await assertAbsent(path)
      await attempt(() => rename(temporary, path))
      finished()
    },
    [Symbol.asyncDispose]: async () => {
      await rm(temporary, { recursive: true, force: true })
      finished()
    },
  }
}
