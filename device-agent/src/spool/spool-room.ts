import { LatchkeyError } from '@latchkey/shared'
import { isFullError } from '../kernel/atomic-file.ts'

/** What room is made of. */
export interface SpoolRoomOptions {
  readonly maximumBytes: number
  readonly minimumFreeBytes: number
  /** Free bytes of the file system now. */
  readonly freeBytes: () => Promise<number>
  /** Bytes of the items in the spool. */
  readonly heldBytes: () => number
  /** Lets go of something that the relay has; false when there is nothing of that kind. */
  readonly letGo: () => Promise<boolean>
  /** Gives up the oldest finished clip; false when there is none. */
  readonly giveUp: () => Promise<boolean>
  /** Something had to be given up, or could not be kept; later: there is room again. */
  readonly onFull: (full: boolean) => void
}

/** Makes room. */
export interface SpoolRoom {
  /**
   * Runs a write, making room before it and whenever the disk says it is full. Records (`sizeBytes` 0) may use the
   * reserve that items may not. @throws STORAGE_FULL
   */
  withRoom(sizeBytes: number, write: () => Promise<void>): Promise<void>
  /** Frees something for others who share the disk. @throws STORAGE_FULL when nothing may go */
  makeRoom(): Promise<void>
  /** Looks whether a full disk has room again. */
  review(): Promise<void>
}

/** Not full any more: room for some clips, so that the word does not change with every one of them. */
const ROOM_AGAIN_BYTES = 32 * 1024 ** 2

/** Builds the spool's way with room: what the relay has goes first, then the oldest finished clip. */
export function createSpoolRoom(options: SpoolRoomOptions): SpoolRoom {
  let full = false

  function enter(next: boolean): void {
    if (next === full) return
    full = next
    options.onFull(next)
  }

  async function hasRoom(sizeBytes: number): Promise<boolean> {
    if (options.heldBytes() + sizeBytes > options.maximumBytes) return false
    return (await options.freeBytes()) - sizeBytes >= options.minimumFreeBytes
  }

  /** @throws STORAGE_FULL when nothing may go */
  async function makeRoom(): Promise<void> {
    if (await options.letGo()) return
    enter(true)
    if (!(await options.giveUp())) throw new LatchkeyError('STORAGE_FULL', 'the spool is full and nothing in it may go')
  }

  return {
    async withRoom(sizeBytes, write) {
      while (sizeBytes > 0 && !(await hasRoom(sizeBytes))) await makeRoom()
      for (;;) {
        try {
          await write()
          return
        } catch (error) {
          if (!isFullError(error)) throw error
          await makeRoom()
        }
      }
    },
    makeRoom,
    async review() {
      if (full && (await hasRoom(Math.min(ROOM_AGAIN_BYTES, options.maximumBytes / 8)))) enter(false)
    },
  }
}
