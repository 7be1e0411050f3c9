import { constants } from 'node:fs'
import { type FileHandle, link, mkdir, open, rename, rm } from 'node:fs/promises'

/** A file open for writing. */
export interface DiskFile {
  /** All of `bytes`, from `position` on. */
  write(bytes: Uint8Array, position: number): Promise<void>
  truncate(sizeBytes: number): Promise<void>
  /** What was written survives power loss once this resolves; the file's name is its directory's business. */
  sync(): Promise<void>
  close(): Promise<void>
}

/**
 * Everything that changes a file system, and nothing else: the one door through which the agent's stages write, so that
 * writes can be counted, refused when the data disk is not there, and cut off at any point. Paths are absolute.
 * Every call throws node's file system errors.
 */
export interface Disk {
  /** A new, empty file. `EEXIST` when there is one. */
  create(path: string, mode: number): Promise<DiskFile>
  /** A file that exists. */
  edit(path: string): Promise<DiskFile>
  /** One directory, mode 0700. `EEXIST` when there is one. */
  createDirectory(path: string): Promise<void>
  rename(from: string, to: string): Promise<void>
  /** A second name. `EEXIST` when the name is taken. */
  link(from: string, to: string): Promise<void>
  /** A file, or a directory with all that is in it; nothing there is fine. */
  remove(path: string): Promise<void>
  /** Makes the names inside `directory` durable: without it a finished file may be gone after power loss. */
  syncDirectory(directory: string): Promise<void>
}

async function writeAll(handle: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    const { bytesWritten } = await handle.write(bytes, done, bytes.length - done, position + done)
    done += bytesWritten
  }
}

function fileOf(handle: FileHandle): DiskFile {
  return {
    write: (bytes, position) => writeAll(handle, bytes, position),
    truncate: (sizeBytes) => handle.truncate(sizeBytes),
    sync: () => handle.sync(),
    close: () => handle.close(),
  }
}

async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, constants.O_RDONLY | constants.O_DIRECTORY)
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** The machine's file systems as they are. */
export const plainDisk: Disk = {
  create: async (path, mode) => fileOf(await open(path, 'wx', mode)),
  edit: async (path) => fileOf(await open(path, 'r+')),
  createDirectory: (path) => mkdir(path, { mode: 0o700 }),
  rename,
  link,
  remove: (path) => rm(path, { recursive: true, force: true }),
  syncDirectory,
}
