import { utf8 } from '@latchkey/shared'
import { dirname, join } from 'node:path'
import { readFileOrNull, writeFileAtomic } from '../kernel/atomic-file.ts'
import type { Disk } from '../kernel/disk.ts'
import { durableSteps, type Failpoints } from '../kernel/failpoint.ts'
import { type DayState, parseDayState } from './day-state.ts'

/** Every place at which day records can be interrupted. */
export const DAY_FAILPOINTS: readonly string[] = [...durableSteps('day.state'), ...durableSteps('day.alive')]

/** What day records need of the disk. */
export interface DayStore {
  /** As it was when the store was opened; null before the first start. */
  readonly stored: DayState | null
  /** Writes `day.json` whole, with every record that waits. */
  writeState(state: DayState): Promise<void>
  /** Writes the last sign of life alone: one small file, however many records wait. */
  writeAlive(atMs: number): Promise<void>
}

/** A file that is not there or that the disk damaged says nothing that `day.json` does not say too. */
async function readAlive(path: string): Promise<number> {
  const bytes = await readFileOrNull(path)
  const [digits] = /^\d{1,15}$/.exec(Buffer.from(bytes ?? []).toString('latin1')) ?? ['0']
  return Number(digits)
}

/**
 * Opens `day.json` and, beside it, `alive`.
 * @param path absolute, of the first; its directory exists
 * @throws CONFIG_INVALID when it is damaged
 */
export async function openDayStore(path: string, failpoints: Failpoints, disk: Disk): Promise<DayStore> {
  const bytes = await readFileOrNull(path)
  const parsed = bytes === null ? null : parseDayState(bytes)
  const alivePath = join(dirname(path), 'alive')
  const aliveMs = await readAlive(alivePath)
  return {
    stored: parsed === null ? null : { ...parsed, aliveMs: Math.max(parsed.aliveMs, aliveMs) },
    writeState: (state) => writeFileAtomic(path, utf8(JSON.stringify(state)), { failpoints, disk, name: 'day.state' }),
    writeAlive: (atMs) => writeFileAtomic(alivePath, utf8(String(atMs)), { failpoints, disk, name: 'day.alive' }),
  }
}
