import {
  appendLeaf,
  EMPTY_FRONTIER,
  frontierRoot,
  hashLeaf,
  logTrustOf,
  openCheckpoint,
  parseLeaf,
  toHex,
} from '@latchkey/shared'
import { expect } from 'vitest'
import type { Queryable } from '../../relay/src/flow.ts'

/** A log as it lies in the database of its relay. */
export interface KeptLog {
  readonly leaves: readonly Uint8Array[]
  /** Data of each leaf → how often it is there. */
  readonly counts: ReadonlyMap<string, number>
}

/** Reads the whole log. */
export async function loadLog(db: Queryable): Promise<KeptLog> {
  const rows = await db.query<{ leaf_index: number; bytes: Uint8Array }>(
    'SELECT leaf_index, bytes FROM log_leaves ORDER BY leaf_index',
  )
  expect(rows.map(({ leaf_index: index }) => index)).toEqual(rows.map((_, i) => i))
  const counts = new Map<string, number>()
  for (const { bytes } of rows) {
    const data = JSON.stringify(parseLeaf(bytes).data)
    counts.set(data, (counts.get(data) ?? 0) + 1)
  }
  return { leaves: rows.map(({ bytes }) => bytes), counts }
}

/**
 * Every checkpoint that anyone saw, and every one that was ever signed, is one of this log: signed, and with the root of
 * its first leaves. So each is consistent with the next.
 */
export async function assertOneLog(db: Queryable, log: KeptLog, seen: readonly Uint8Array[], vkey: string) {
  const trust = logTrustOf({ logs: [vkey], witnesses: [], quorum: 0 })
  const signed = await db.query<{ raw: Uint8Array }>('SELECT raw FROM log_checkpoints')
  const bySize = new Map<number, Set<string>>()
  for (const raw of [...seen, ...signed.map((row) => row.raw)]) {
    const { size, root } = openCheckpoint(raw, trust)
    bySize.set(size, (bySize.get(size) ?? new Set()).add(toHex(root)))
  }
  expect(Math.max(...bySize.keys())).toBeLessThanOrEqual(log.leaves.length)
  let frontier = EMPTY_FRONTIER
  for (let size = 0; size <= log.leaves.length; size++) {
    const roots = bySize.get(size)
    if (roots) expect([size, ...roots]).toEqual([size, toHex(frontierRoot(frontier))])
    if (size < log.leaves.length) frontier = appendLeaf(frontier, hashLeaf(log.leaves[size]!))
  }
}
