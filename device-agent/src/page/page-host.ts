import type { DiffLine } from './region-document.ts'
import type { Region, RegionChange } from './region.ts'

/** What the page shows of the agent; JSON as it goes to the browser. */
export interface PageStatus {
  readonly name: string
  readonly headline: string
  readonly level: string
  readonly lines: readonly {
    readonly label: string
    readonly text: string
    readonly level: string
    readonly advice?: string
  }[]
}

/** All regions, and the state of the file they are from. */
export interface RegionsView {
  readonly revision: string
  readonly regions: readonly Region[]
}

/** What a change would do to the file. */
export interface RegionPreview {
  readonly diff: readonly DiffLine[]
}

/** What became of a change. `applied`: the running agent has taken it up; otherwise `advice` says how it will. */
export interface RegionOutcome {
  readonly revision: string
  readonly applied: boolean
  readonly advice: string | null
}

/** What the page asks of the machine it runs on; the command builds it. Every call may throw the agent's own codes. */
export interface PageHost {
  status(): Promise<PageStatus>
  /** JPEG. */
  still(): Promise<Uint8Array>
  /** News of the agent as JSON values, until `signal` aborts. */
  news(signal: AbortSignal): AsyncIterable<unknown>
  regions(): Promise<RegionsView>
  /** @throws CONFIG_INVALID for what the agent would not accept, CONFLICT when the file changed meanwhile */
  preview(change: RegionChange): Promise<RegionPreview>
  /** The same, and writes the file whole. */
  save(change: RegionChange): Promise<RegionOutcome>
}
