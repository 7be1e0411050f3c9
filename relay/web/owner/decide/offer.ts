import type { ClipEntry, ItemDescriptor } from '@latchkey/shared'

/** A clip that answers, and which of its pieces do. */
export interface Offer {
  readonly clip: ClipEntry
  /** Media items inside the window that is asked about, index order, at least one. */
  readonly pieces: readonly ItemDescriptor[]
}
