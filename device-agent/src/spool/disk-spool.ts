import { digestOf, LatchkeyError } from '@latchkey/shared'
import { readFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import type { ChainHead, ClipRevision, ClipSpool, SpooledClip, UploadQueue } from '../flow.ts'
import { createDirectory, isFullError, readFileOrNull, writeFileAtomic } from '../kernel/atomic-file.ts'
import { type Disk, plainDisk } from '../kernel/disk.ts'
import { durableSteps, type Failpoints, noFailpoints } from '../kernel/failpoint.ts'
import {
  adoptRevision,
  createEntry,
  isFinal,
  isSettled,
  presentBytes,
  receiptRecordOf,
  releasable,
  type SpoolEntry,
  viewOf,
} from './spool-entry.ts'
import {
  CHAIN_FILE,
  clipDirectoryName,
  encodeRecord,
  itemFileName,
  parseChainRecord,
  RECEIPT_FILE,
  REVISION_FILE,
  type RevisionRecord,
  TOMBSTONE_PREFIX,
} from './spool-record.ts'
import { recoverSpool } from './spool-recovery.ts'
import { createSpoolRoom } from './spool-room.ts'

/** Every place at which the spool can be interrupted. */
export const SPOOL_FAILPOINTS: readonly string[] = [
  'spool.open.1',
  'spool.open.2',
  ...durableSteps('spool.item'),
  ...durableSteps('spool.manifest'),
  ...durableSteps('spool.receipts'),
  'spool.release.1',
  ...durableSteps('spool.chain'),
  'spool.remove.1',
  'spool.remove.2',
  'spool.remove.3',
]

/** How much the spool may take, and whom it tells. */
export interface SpoolOptions {
  /** Absolute path of a directory of its own; created when missing. */
  readonly directory: string
  /** Bytes of sealed items kept at most. */
  readonly maximumBytes: number
  /** Bytes of the file system left free at least. */
  readonly minimumFreeBytes: number
  /** Free bytes of the file system now. */
  readonly freeBytes: () => Promise<number>
  /** Called after anything that gives upload new work. */
  readonly onChange?: () => void
  /** Called once per clip that was given up, by then durably counted. */
  readonly onDropped?: (clip: string, reason: 'disk-full' | 'damaged') => void
  /** Called when something had to go to make room, and when there is room again without that. */
  readonly onFull?: (full: boolean) => void
  readonly failpoints?: Failpoints
  readonly disk?: Disk
}

/** What the spool holds now. */
export interface SpoolStatus {
  readonly clips: number
  readonly items: number
  readonly bytes: number
  /** Clips given up since the device was set up. */
  readonly droppedClips: number
}

/** The durable queue between seal and upload. */
export interface DiskSpool extends ClipSpool, UploadQueue {
  status(): SpoolStatus
  /** To be called when the disk is back, and now and then: lets go what could not leave, and looks whether there is room again. */
  mend(): Promise<void>
  /** Frees something for the agent's other files. @throws STORAGE_FULL when nothing may go */
  makeRoom(): Promise<void>
}

/**
 * Opens the spool, first repairing whatever a crash left. All methods must be called one at a time per clip; different
 * clips may interleave. What it stores is ciphertext and signed records only: its callers have nothing else to give.
 * @throws node's file system errors when the directory cannot be used at all
 * @see device-agent/README.md, "Spool"
 */
export async function openDiskSpool(options: SpoolOptions): Promise<DiskSpool> {
  const { directory, failpoints = noFailpoints, disk = plainDisk } = options
  const { onChange = () => {}, onDropped = () => {}, onFull = () => {} } = options
  await createDirectory(directory)
  const recovered = await recoverSpool(directory, disk)
  const entries = new Map(recovered.entries.map((entry) => [entry.clip, entry]))
  const stored = await readFileOrNull(join(directory, CHAIN_FILE))
  let chain = stored === null ? { v: 1 as const, sequence: 0, digest: null, droppedClips: 0 } : parseChainRecord(stored)

  let tail: Promise<unknown> = Promise.resolve()
  /** One change at a time: seal may be making room while upload lets a clip go. */
  function exclusive<T>(change: () => Promise<T>): Promise<T> {
    const result = tail.then(change)
    tail = result.catch(() => {})
    return result
  }

  const inOrder = (): SpoolEntry[] => [...entries.values()].sort((a, b) => a.sequence - b.sequence)
  const views = (wanted: (entry: SpoolEntry) => boolean): SpooledClip[] =>
    inOrder()
      .filter(wanted)
      .map(viewOf)
      .filter((view) => view !== null)

  function entryOf(clip: string): SpoolEntry {
    const entry = entries.get(clip)
    if (entry === undefined) throw new LatchkeyError('NOT_FOUND', 'no such clip in the spool')
    return entry
  }

  function head(): ChainHead {
    const last = inOrder().findLast(isFinal)
    if (last === undefined || last.sequence <= chain.sequence) return { sequence: chain.sequence, digest: chain.digest }
    return { sequence: last.sequence, digest: last.newest!.signed.digest }
  }

  async function writeRecord(path: string, bytes: Uint8Array, name: string): Promise<void> {
    await writeFileAtomic(path, bytes, { failpoints, disk, name: `spool.${name}` })
  }

  async function keepChain(entry: SpoolEntry, dropped: number): Promise<void> {
    const last = entry.sequence > chain.sequence && (isFinal(entry) || dropped > 0)
    if (!last && dropped === 0) return
    const digest = isFinal(entry) ? entry.newest!.signed.digest : head().digest
    const next = {
      ...chain,
      ...(last ? { sequence: entry.sequence, digest } : {}),
      droppedClips: chain.droppedClips + dropped,
    }
    await writeRecord(join(directory, CHAIN_FILE), encodeRecord(next), 'chain')
    chain = next
  }

  /** Takes a clip's directory away; the chain's head, which may be in it, is kept first. */
  async function removeEntry(entry: SpoolEntry, dropped: number): Promise<void> {
    await keepChain(entry, dropped)
    const tombstone = join(dirname(entry.directory), TOMBSTONE_PREFIX + basename(entry.directory))
    await disk.rename(entry.directory, tombstone)
    entries.delete(entry.clip)
    await failpoints.hit('spool.remove.1')
    await disk.syncDirectory(directory)
    await failpoints.hit('spool.remove.2')
    await disk.remove(tombstone)
    await failpoints.hit('spool.remove.3')
  }

  async function drop(entry: SpoolEntry, reason: 'disk-full' | 'damaged'): Promise<void> {
    try {
      await removeEntry(entry, 1)
    } catch (error) {
      if (!isFullError(error)) throw error
      // Not even room for the count: one item of what goes anyway makes it. A crash in between leaves a damaged clip,
      // which the next start gives up and counts.
      const [index] = [...entry.present].toSorted((a, b) => b[1] - a[1])[0] ?? []
      if (index === undefined) throw error
      await disk.remove(join(entry.directory, itemFileName(index)))
      entry.present.delete(index)
      await removeEntry(entry, 1)
    }
    onDropped(entry.clip, reason)
  }

  async function settle(entry: SpoolEntry): Promise<void> {
    if (!isSettled(entry)) return
    await removeEntry(entry, 0)
    await room.review()
  }

  /** Deletes the bodies that the relay signed for; the receipts are on disk before the first one goes. */
  async function releaseItems(entry: SpoolEntry, indexes: readonly number[]): Promise<void> {
    await writeRecord(join(entry.directory, RECEIPT_FILE), encodeRecord(receiptRecordOf(entry)), 'receipts')
    for (const index of indexes) {
      await disk.remove(join(entry.directory, itemFileName(index)))
      entry.present.delete(index)
      await failpoints.hit('spool.release.1')
    }
  }

  /** Of what the relay has: whole clips before single items. */
  async function letGo(): Promise<boolean> {
    const settled = inOrder().find(isSettled)
    const uploaded = inOrder().find((entry) => releasable(entry).length > 0)
    if (settled === undefined && uploaded === undefined) return false
    try {
      await (settled ? removeEntry(settled, 0) : releaseItems(uploaded!, releasable(uploaded!)))
      return true
    } catch (error) {
      if (!isFullError(error)) throw error
      // Without room for the receipts nothing may go on their word.
      return false
    }
  }

  async function giveUpOldest(): Promise<boolean> {
    const oldest = inOrder().find((entry) => isFinal(entry) && !isSettled(entry))
    if (oldest) await drop(oldest, 'disk-full')
    return oldest !== undefined
  }

  const heldBytes = (): number => inOrder().reduce((sum, entry) => sum + presentBytes(entry), 0)
  const room = createSpoolRoom({ ...options, heldBytes, letGo, giveUp: giveUpOldest, onFull })

  async function open(clip: string, sequence: number): Promise<void> {
    const path = join(directory, clipDirectoryName(sequence, clip))
    await room.withRoom(0, () => disk.createDirectory(path))
    await failpoints.hit('spool.open.1')
    await disk.syncDirectory(directory)
    await failpoints.hit('spool.open.2')
    entries.set(clip, createEntry(clip, sequence, path))
  }

  async function keepRevision(clip: string, revision: ClipRevision): Promise<SpooledClip> {
    const entry = entryOf(clip)
    const { trigger, manifest, descriptors, bodies } = revision
    const record: RevisionRecord = { v: 1, trigger, manifest, descriptors: [...descriptors], bodies: [...bodies] }
    const path = join(entry.directory, REVISION_FILE)
    await room.withRoom(0, () => writeRecord(path, encodeRecord(record), 'manifest'))
    for (let index = entry.newest?.record.bodies.length ?? 0; index < bodies.length; index++)
      entry.present.set(index, bodies[index]!.sizeBytes)
    adoptRevision(entry, record)
    onChange()
    return viewOf(entry)!
  }

  async function keepReceipt(clip: string, revision: number, receipt: string): Promise<void> {
    const entry = entries.get(clip)
    if (entry === undefined) return
    const before = { receiptedRevision: entry.receiptedRevision, manifestReceipt: entry.manifestReceipt }
    Object.assign(entry, { receiptedRevision: revision, manifestReceipt: receipt })
    try {
      await releaseItems(entry, releasable(entry))
    } catch (error) {
      // Not kept is not receipted: upload asks again.
      Object.assign(entry, before)
      throw error
    }
    await settle(entry)
  }

  async function finishInterrupted(): Promise<void> {
    for (const entry of recovered.damaged) await drop(entry, 'damaged')
    for (const entry of recovered.entries) {
      // Receipts on disk mean that these were about to go.
      const left = releasable(entry)
      if (left.length > 0) await releaseItems(entry, left)
    }
  }
  await finishInterrupted()

  return {
    head,
    unfinished: () => views((entry) => !isFinal(entry)),
    unannounced: () => views((entry) => isFinal(entry) && !entry.announced),
    unnamed: () => inOrder().flatMap(({ clip, newest }) => (newest === null ? [clip] : [])),
    clips: () => views(() => true),

    openClip: (clip, sequence) => exclusive(() => open(clip, sequence)),
    abandonClip: (clip) => exclusive(() => removeEntry(entryOf(clip), 0)),
    missClip() {
      // Kept with the next record of the chain: what could not be kept now could not be counted durably either.
      chain = { ...chain, droppedClips: chain.droppedClips + 1 }
    },
    putItem: (clip, index, body) =>
      exclusive(() => {
        const path = join(entryOf(clip).directory, itemFileName(index))
        return room.withRoom(body.length, () => writeRecord(path, body, 'item'))
      }),
    putRevision: (clip, revision) => exclusive(() => keepRevision(clip, revision)),
    markAnnounced: (clip) =>
      exclusive(async () => {
        const entry = entries.get(clip)
        if (entry === undefined) return
        entry.announced = true
        await settle(entry)
      }),
    keepItemReceipt: (clip, index, receipt) => void entries.get(clip)?.receipts.set(index, receipt),
    forgetItemReceipts(clip) {
      const entry = entries.get(clip)
      const again = entry ? releasable(entry) : []
      for (const index of again) entry!.receipts.delete(index)
      return again.length > 0
    },
    keepManifestReceipt: (clip, revision, receipt) => exclusive(() => keepReceipt(clip, revision, receipt)),
    dropClip: (clip) =>
      exclusive(async () => {
        const entry = entries.get(clip)
        if (entry) await drop(entry, 'damaged')
      }),

    async readItem(clip, index) {
      const entry = entryOf(clip)
      const expected = entry.newest?.record.bodies[index]
      const body = await readFile(join(entry.directory, itemFileName(index))).catch(() => null)
      if (body !== null && expected !== undefined && digestOf(body) === expected.sha256) return body
      // A disk that is away has lost nothing: this fails then, with its reason.
      await disk.syncDirectory(directory)
      throw new LatchkeyError('ITEM_INVALID', 'a spooled item is not what was recorded')
    },
    makeRoom: () => exclusive(room.makeRoom),
    mend: () =>
      exclusive(async () => {
        for (const entry of inOrder()) await settle(entry)
        await room.review()
      }),

    status: () => ({
      clips: entries.size,
      items: inOrder().reduce((sum, entry) => sum + entry.present.size, 0),
      bytes: heldBytes(),
      droppedClips: chain.droppedClips,
    }),
  }
}
