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

/** The value now; the part is drawn again whenever it changes. */
export function useObservable<T>(observable: Observable<T>): T {
  const [, draw] = useState(0)
  useEffect(() => observable.listen(() => draw((count) => count + 1)), [observable])
  return observable.value
}
