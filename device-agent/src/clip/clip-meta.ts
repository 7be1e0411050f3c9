import { canonicalBytes } from '@latchkey/shared'
import type { Box, FindingReason, Masks, MotionFinding, Trigger, VideoFormat } from '../flow.ts'

/** What was seen during one clip, gathered as it is recorded. */
export interface FindingLog {
  /** Notes a finding that falls into the clip. */
  add(finding: MotionFinding): void
  readonly summary: FindingSummary
}

/** Why there is a clip, in numbers. */
export interface FindingSummary {
  readonly pictures: number
  readonly movingPictures: number
  /** Largest share of the picture that changed, 0…1, and the least share that counts. */
  readonly maxChangedShare: number
  readonly threshold: number
  /** How many pictures had which reason. */
  readonly reasons: Readonly<Partial<Record<FindingReason, number>>>
  /** Names of the zones in which something moved, in the order in which it did. */
  readonly zones: readonly string[]
  /** Where, at most once per second. */
  readonly boxes: readonly { readonly atMs: number; readonly boxes: readonly Box[] }[]
}

const BOX_INTERVAL_MS = 1000

/** Builds an empty log; a clip of a minute holds 60 entries at most. */
export function createFindingLog(): FindingLog {
  const summary = { pictures: 0, movingPictures: 0, maxChangedShare: 0, threshold: 0 }
  const reasons: Partial<Record<FindingReason, number>> = {}
  const zones = new Set<string>()
  const boxes: { atMs: number; boxes: readonly Box[] }[] = []
  return {
    add(finding) {
      summary.pictures++
      summary.threshold = finding.threshold
      reasons[finding.reason] = (reasons[finding.reason] ?? 0) + 1
      if (!finding.moving) return
      for (const zone of finding.zones) zones.add(zone)
      summary.movingPictures++
      summary.maxChangedShare = Math.max(summary.maxChangedShare, Math.round(finding.changedShare * 1000) / 1000)
      const lastMs = boxes.at(-1)?.atMs ?? -Infinity
      if (finding.captureMs - lastMs >= BOX_INTERVAL_MS) boxes.push({ atMs: finding.captureMs, boxes: finding.boxes })
    },
    get summary() {
      return { ...summary, reasons: { ...reasons }, zones: [...zones], boxes }
    },
  }
}

/** What goes into a clip's `meta` item. */
export interface ClipMeta {
  readonly camera: string
  readonly trigger: Trigger
  readonly triggerMs: number
  readonly format: VideoFormat
  /** What the digest in the manifest is of. */
  readonly masks: Masks
  readonly findings: FindingSummary
}

/** The `meta` item: RFC 8785 JSON. @see spec/sealed-items.md */
export function encodeClipMeta({ camera, trigger, triggerMs, format, masks, findings }: ClipMeta): Uint8Array {
  const { boxes, zones, ...motion } = findings
  const video = { codec: format.codec, width: format.width, height: format.height }
  return canonicalBytes({ v: 1, camera, trigger, triggerMs, video, masks, zones, boxes, motion })
}
