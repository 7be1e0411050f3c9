/** Reads what a program says of a contact, chunk by chunk. */
export interface PressReader {
  /** Untrusted: `chunk`; cut anywhere. What does not parse is passed over. */
  take(chunk: Uint8Array): void
  /** Forgets what was begun; no press is told after it. */
  stop(): void
}

/** Somebody pressed; `agoMs` says how long ago by the kernel's own stamp, 0 when it has none that makes sense. */
export type OnPress = (agoMs: number) => void

/** A program whose output tells presses. */
export interface PressProgram {
  /** Absolute path. */
  readonly command: string
  readonly args: readonly string[]
  createReader(onPress: OnPress): PressReader
}

/** A stamp that is further back was not made by the clock we compare it with. */
const OLDEST_MS = 5_000

/** How long ago `stampMs` was on the clock that says `nowMs`; 0 when that cannot be. */
export function ageOf(stampMs: number, nowMs: number): number {
  const age = nowMs - stampMs
  return age >= 0 && age <= OLDEST_MS ? age : 0
}
