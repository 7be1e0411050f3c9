import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { AuditFinding } from '../src/audit/audit-finding.ts'
import { toHex, utf8 } from '../src/bytes/bytes.ts'
import { canonicalJson } from '../src/bytes/canonical-json.ts'
import { sha256 } from '../src/crypto/hash.ts'
import { exists, jsonText, readBytes, replaceFile, writeNewFile } from './disk-files.ts'
import { openLockedFolder } from './locked-folder.ts'

const MAX_NOTE_BYTES = 128 * 1024
const EVIDENCE = /^[0-9a-f]{12}\.[A-Z_]+-(?:\d+|log)-[0-9a-f]{12}\.json$/

const shortName = (text: string): string => toHex(sha256(utf8(text))).slice(0, 12)

/** What a monitor remembers of one relay's log: the newest checkpoint, and evidence. What was saved is on the disk. */
export interface MonitorFolder extends AsyncDisposable {
  load(): Promise<Uint8Array | null>
  save(raw: Uint8Array): Promise<void>
  /** Keeps a finding as a file of its own; the same finding again changes nothing. @returns the file */
  keep(finding: AuditFinding, found: { readonly checkpoint: string; readonly foundMs: number }): Promise<string>
  /** How many pieces of evidence of this log are kept. */
  countEvidence(): Promise<number>
}

/** Opens, or makes, the folder. @throws USAGE when another monitor uses it; STORAGE_FULL | STORAGE_FAILED */
export async function openMonitorFolder(path: string, origin: string): Promise<MonitorFolder> {
  const held = await openLockedFolder(path, 'monitor')
  const log = shortName(origin)
  const checkpoint = join(path, `${log}.checkpoint`)
  return {
    load: async () => ((await exists(checkpoint)) ? readBytes(checkpoint, MAX_NOTE_BYTES) : null),
    save: (raw) => replaceFile(checkpoint, raw),
    keep: async (finding, found) => {
      const what = shortName(canonicalJson(finding))
      const file = join(path, `${log}.${finding.code}-${finding.index ?? 'log'}-${what}.json`)
      if (!(await exists(file))) await writeNewFile(file, jsonText({ v: 1, relay: origin, ...found, ...finding }))
      return file
    },
    countEvidence: async () =>
      (await readdir(path)).filter((name) => name.startsWith(`${log}.`) && EVIDENCE.test(name)).length,
    [Symbol.asyncDispose]: () => held[Symbol.asyncDispose](),
  }
}

/** For who gave no folder: remembers while it runs. */
export function createForgetfulFolder(): MonitorFolder {
  let held: Uint8Array | null = null
  return {
    load: () => Promise.resolve(held),
    save: (raw) => {
      held = raw
      return Promise.resolve()
    },
    keep: () => Promise.resolve('-'),
    countEvidence: () => Promise.resolve(0),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  }
}
