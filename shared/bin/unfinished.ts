/** What must be undone when the program is interrupted: half-written output, running children. */
const undoing = new Set<() => void>()

/** Registers `undo`, which must be synchronous and may run at any time, until the returned function is called. */
export function whileUnfinished(undo: () => void): () => void {
  undoing.add(undo)
  return () => undoing.delete(undo)
}

/** Undoes everything that is not finished. For signal handlers. */
export function undoUnfinished(): void {
  for (const undo of undoing) undo()
  undoing.clear()
}
