import { useEffect, useState } from 'preact/hooks'

/** A value that changes, and tells who listens. */
export interface Observable<T> {
  readonly value: T
  /** @returns ends it */
  listen(listener: () => void): () => void
}

/** An observable that its maker changes. */
export interface Settable<T> extends Observable<T> {
  set(value: T): void
}

/** `value` until the first `set`. */
export function createObservable<T>(value: T): Settable<T> {
  const listeners = new Set<() => void>()
  return {
    get value() {
      return value
    },
    set(next) {
      value = next
      for (const listener of listeners) listener()
    },
    listen(listener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
  }
}

/** Resolves when `isSo`, which is asked whenever one of these changes; or when `signal` is aborted. */
export function until(
  changing: readonly Pick<Observable<unknown>, 'listen'>[],
  isSo: () => boolean,
  signal: AbortSignal,
): Promise<void> {
  return new Promise((resolve) => {
    const ends: (() => void)[] = []
    function look(): void {
      if (!isSo() && !signal.aborted) return
      ends.forEach((end) => end())
      resolve()
    }
    ends.push(...changing.map((one) => one.listen(look)))
    signal.addEventListener('abort', look, { once: true })
    look()
  })
}

/** The value now; the part is drawn again whenever it changes. */
export function useObservable<T>(observable: Observable<T>): T {
  const [, draw] = useState(0)
  useEffect(() => observable.listen(() => draw((count) => count + 1)), [observable])
  return observable.value
}
