import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { LatchkeyError } from '@latchkey/shared'
import { readFileOrNull, removeTemporaries } from '../kernel/atomic-file.ts'
import type { Disk } from '../kernel/disk.ts'
import { adoptRevision, createEntry, type SpoolEntry } from './spool-entry.ts'
import {
  itemFileName,
  parseClipDirectoryName,
  parseItemFileName,
  parseReceiptRecord,
  parseRevisionRecord,
  RECEIPT_FILE,
  REVISION_FILE,
  TOMBSTONE_PREFIX,
} from './spool-record.ts'

/** What a spool directory held at start. */
export interface RecoveredSpool {
  /** Sequence order. */
  readonly entries: SpoolEntry[]
  /** Directories whose records or items the disk lost: to be given up and counted. */
  readonly damaged: SpoolEntry[]
}

/** An item no durable revision names was still being recorded: its commitments are lost, so it goes. */
async function removeOrphans(disk: Disk, entry: SpoolEntry, names: readonly string[]): Promise<void> {
  const named = entry.newest?.record.descriptors.length ?? 0
  for (const name of names) {
    const index = parseItemFileName(name)
    if (index !== null && index >= named) await disk.remove(join(entry.directory, name))
  }
}

async function loadReceipts(entry: SpoolEntry): Promise<void> {
  const bytes = await readFileOrNull(join(entry.directory, RECEIPT_FILE))
  if (bytes === null) return
  const record = parseReceiptRecord(bytes)
  entry.receiptedRevision = record.revision
  entry.manifestReceipt = record.manifest
  for (const { index, receipt } of record.items) entry.receipts.set(index, receipt)
}

/** Every named item is there in its size, or the relay has signed for it. @throws ITEM_INVALID */
async function loadItems(entry: SpoolEntry, names: ReadonlySet<string>): Promise<void> {
  for (const [index, body] of entry.newest!.record.bodies.entries()) {
    const name = itemFileName(index)
    if (names.has(name)) {
      const { size } = await stat(join(entry.directory, name))
      if (size !== body.sizeBytes) throw new LatchkeyError('ITEM_INVALID', 'a spooled item has another size')
      entry.present.set(index, size)
    } else if (!entry.receipts.has(index)) {
      throw new LatchkeyError('ITEM_INVALID', 'a spooled item is missing')
    }
  }
}

/** `damaged` when what should be complete is not; null when nothing of the clip was ever durable. */
async function loadEntry(disk: Disk, entry: SpoolEntry): Promise<'complete' | 'damaged' | 'empty'> {
  await removeTemporaries(entry.directory, disk)
  const names = await readdir(entry.directory)
  const bytes = await readFileOrNull(join(entry.directory, REVISION_FILE))
  if (bytes === null) return 'empty'
  try {
    adoptRevision(entry, parseRevisionRecord(bytes))
    await loadReceipts(entry)
    await removeOrphans(disk, entry, names)
    await loadItems(entry, new Set(names))
    return 'complete'
  } catch (error) {
    if (error instanceof LatchkeyError) return 'damaged'
    throw error
  }
}

/**
 * Brings a spool directory from whatever a crash left to a state that a clean run could have reached: half-deleted
 * clips, temporary files, items that no revision names, and clips without any revision go; the rest is loaded.
 * Idempotent: may itself be interrupted anywhere.
 */
export async function recoverSpool(directory: string, disk: Disk): Promise<RecoveredSpool> {
  const recovered: RecoveredSpool = { entries: [], damaged: [] }
  await removeTemporaries(directory, disk)
  const names = (await readdir(directory)).sort()
  for (const name of names) {
    const path = join(directory, name)
    if (name.startsWith(TOMBSTONE_PREFIX)) await disk.remove(path)
    const parsed = parseClipDirectoryName(name)
    if (parsed === null) continue
    const entry = createEntry(parsed.clip, parsed.sequence, path)
    const state = await loadEntry(disk, entry)
    if (state === 'complete') recovered.entries.push(entry)
    if (state === 'damaged') recovered.damaged.push(entry)
    if (state === 'empty') await disk.remove(path)
  }
  await disk.syncDirectory(directory)
  return recovered
}
