import { LatchkeyError } from '@latchkey/shared'

/** Where a test may stop the world: one call between every two steps of a durable write. */
export interface Failpoints {
  /** Does nothing in production. `name` is one of the constants the calling module exports. */
  hit(name: string): Promise<void>
}

/** The failpoints of production: none. */
export const noFailpoints: Failpoints = { hit: () => Promise.resolve() }

/**
 * What an armed failpoint does: `throw` fails the operation and lets its cleanup run; `halt` leaves the operation hanging
 * for ever, as if power had gone for it alone; `kill` ends the whole process by SIGKILL.
 */
export type FailpointAction = 'throw' | 'halt' | 'kill'

/** Failpoints of which one is armed: its `skip`+1st hit (default the first) acts, and only once. */
export function armFailpoint(
  name: string,
  action: FailpointAction,
  skip = 0,
): Failpoints & { readonly reached: boolean } {
  let left = skip
  let reached = false
  const act = (): Promise<void> => {
    reached = true
    if (action === 'kill') process.kill(process.pid, 'SIGKILL')
    if (action === 'throw') throw new LatchkeyError('STORAGE_FAILED', `failpoint ${name}`)
    return new Promise(() => {})
  }
  return {
    get reached() {
      return reached
    },
    hit: async (hitName) => {
      if (hitName !== name || reached) return
      if (left-- > 0) return
      await act()
    },
  }
}
