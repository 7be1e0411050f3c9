import { LatchkeyError } from '../src/errors.ts'

/** A signal that fires when nobody touched it for `idleMs`. */
export function createIdleWatch(idleMs: number): { signal: AbortSignal; touch(): void } & Disposable {
  const controller = new AbortController()
  const fire = () => controller.abort(new LatchkeyError('UNAVAILABLE', `the stream was silent for ${idleMs} ms`))
  let timer = setTimeout(fire, idleMs)
  return {
    signal: controller.signal,
    touch: () => {
      clearTimeout(timer)
      timer = setTimeout(fire, idleMs)
    },
    [Symbol.dispose]: () => clearTimeout(timer),
  }
}
