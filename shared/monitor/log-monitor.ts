import { type Audit, createAudit } from '../src/audit/audit.ts'
import { auditFinding, type AuditCode, type AuditFinding } from '../src/audit/audit-finding.ts'
import { readProvenEntries } from '../src/audit/log-entries.ts'
import { removedBy } from '../src/audit/removed-by.ts'
import { checkToldCell, openCells } from '../src/audit/told-cells.ts'
import { checkToldLists } from '../src/audit/told-lists.ts'
import { codeOf } from '../src/errors.ts'
import { type LogTrust, openCheckpoint, type VerifiedCheckpoint } from '../src/tlog/checkpoint.ts'
import { EMPTY_FRONTIER, type Frontier } from '../src/tlog/frontier.ts'
import type { LogFindingReason } from '../src/tlog/log-view.ts'
import { followLog } from '../src/tlog/log-watch.ts'
import type { PublicRelay } from './public-relay.ts'

/** How far one look came. */
export interface Look {
  /** The checkpoint that is believed; null when there never was one. */
  readonly held: VerifiedCheckpoint | null
  /** Everything up to there was read and judged. */
  readonly isWhole: boolean
}

/** Follows one log. */
export interface LogMonitor {
  readonly audit: Audit
  /** One look: the newest checkpoint, every new leaf, the relay's lists. @throws when the relay does not answer */
  look(progress: (text: string) => void): Promise<Look>
}

const REASONS: Record<LogFindingReason, AuditCode> = {
  unsigned: 'CHECKPOINT_UNSIGNED',
  'other-log': 'CHECKPOINT_OTHER_LOG',
  smaller: 'LOG_ROLLED_BACK',
  unproven: 'LOG_UNPROVEN',
  forked: 'LOG_FORKED',
}
/** Lists and checkpoint are fetched one after the other; what changed between is looked at again. */
const MAX_TURNS = 3
const MALFORMED: ReadonlySet<string> = new Set(['LOG_PROOF_INVALID', 'LOG_RANGE', 'NOT_FOUND', 'MESSAGE_TOO_LARGE'])

const textOf = (bytes: Uint8Array | null): string => (bytes === null ? '' : new TextDecoder().decode(bytes))

/** Where the newest checkpoint is kept. What was saved outlives the monitor, as far as its keeper does. */
export interface CheckpointMemory {
  load(): Promise<Uint8Array | null>
  save(raw: Uint8Array): Promise<void>
}

/** What a monitor works with. */
export interface LogMonitorParts {
  readonly origin: string
  readonly relay: PublicRelay
  readonly trust: LogTrust
  readonly folder: CheckpointMemory
  /** Texts of refused requests by digest. */
  readonly refused: ReadonlyMap<string, string>
  readonly nowMs: () => number
  /** Told of each finding as soon as it is made; what it does is done before the next leaf. */
  readonly report: (finding: AuditFinding) => Promise<void>
  /** Told of each entry when it is judged, in log order. */
  readonly judged?: (index: number, bytes: Uint8Array) => void
}

/** Follows a log as anyone could. What it held is read from the folder; every leaf is read and judged anew. */
export async function createLogMonitor(parts: LogMonitorParts): Promise<LogMonitor> {
  const { relay, trust, folder, refused, report } = parts
  const remembered = await folder.load()
  // Our own file: without it being as it was, nothing that it should protect is protected.
  let held = remembered === null ? null : openCheckpoint(remembered, { logs: trust.logs })
  let frontier: Frontier = EMPTY_FRONTIER
  const documents = { ...relay.documents, refusedRequest: (digest: string) => refused.get(digest) ?? null }
  const audit = createAudit({ origin: parts.origin, documents, nowMs: parts.nowMs })
  /** Proved, and not yet judged. */
  let waiting: Iterator<Uint8Array> | null = null
  let next: Uint8Array | null = null

  /** The newest checkpoint takes the place of the held one, on the disk first. */
  async function follow(): Promise<void> {
    const step = await followLog(held, await relay.checkpoint(), { trust, readTile: relay.readTile })
    if (step.kind === 'finding') {
      const evidence = { held: textOf(step.held), refused: textOf(step.refused) }
      return report(auditFinding(REASONS[step.reason], null, step.message, { evidence }))
    }
    if (step.kind === 'accepted') await folder.save(step.checkpoint.raw)
    held = step.checkpoint
  }

  async function readNew(checkpoint: VerifiedCheckpoint, progress: (text: string) => void): Promise<void> {
    if (waiting !== null || frontier.size >= checkpoint.size) return
    const { size } = checkpoint
    try {
      const read = (entries: number) => progress(`read ${entries} of ${size} entries`)
      const proven = await readProvenEntries(frontier, checkpoint, { readTile: relay.readTile, read })
      for (const bytes of proven.entries()) {
        const removed = removedBy(bytes)
        if (removed !== null) audit.expectRemoved(removed)
      }
      frontier = proven.frontier
      waiting = proven.entries()[Symbol.iterator]()
    } catch (error) {
      if (!MALFORMED.has(codeOf(error))) throw error
      const message = `the entries from ${frontier.size} to ${size} cannot be had as they were signed: ${(error as Error).message}`
      await report(auditFinding('ENTRIES_WRONG', frontier.size, message))
    }
  }

  /** A leaf whose documents nobody answered for is judged at the next look. */
  async function judgeNew(progress: (text: string) => void): Promise<void> {
    while (waiting !== null) {
      next ??= waiting.next().value ?? null
      if (next === null) break
      const index = audit.state.size
      for (const finding of await audit.add(next)) await report(finding)
      parts.judged?.(index, next)
      next = null
      if (audit.state.size % 100 === 0) progress(`judged ${audit.state.size} of ${frontier.size} entries`)
    }
    waiting = null
  }

  /** What the relay tells beside its log, against it. */
  async function checkTold(): Promise<AuditFinding[]> {
    const nowMs = parts.nowMs()
    const findings = checkToldLists(await relay.lists(), audit.state)
    if (relay.cell === null) return findings
    for (const cell of openCells(audit.state, nowMs))
      findings.push(...checkToldCell(await relay.cell(cell), audit.state, nowMs))
    return findings
  }

  async function readAndJudge(progress: (text: string) => void): Promise<boolean> {
    if (held === null) return false
    await readNew(held, progress)
    await judgeNew(progress)
    return audit.state.size === held.size
  }

  return {
    audit,
    look: async (progress) => {
      await follow()
      for (let turn = 1; ; turn++) {
        const isWhole = await readAndJudge(progress)
        if (!isWhole) return { held, isWhole }
        const told = await checkTold()
        if (told.length === 0) return { held, isWhole }
        const before = audit.state.size
        await follow()
        // Said twice: what is being written at this moment is not yet told.
        if (turn === 1 || (turn < MAX_TURNS && held !== null && held.size > before)) continue
        for (const finding of told) await report(finding)
        return { held, isWhole }
      }
    },
  }
}
