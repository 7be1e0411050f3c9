import { LatchkeyError } from '@latchkey/shared'

/** Where a test may stop the world: one call after every step of a durable write. */
export interface Failpoints {
  /** Does nothing in production. `name` is one of those that the module exports as its list. */
  hit(name: string): Promise<void>
}

/** The failpoints of production: none. */
export const noFailpoints: Failpoints = { hit: () => Promise.resolve() }

/** What an armed failpoint does: `throw` leaves everything as it stands, as a crash would; `kill` is SIGKILL to ourselves. */
export type FailpointAction = 'throw' | 'kill'

/**
 * Failpoints of which one is armed. After it has thrown, every later hit throws too: a process that died does not go
 * on writing.
 * @param skip hits of that name to let pass first
 */
export function armFailpoint(
  name: string,
  action: FailpointAction,
  skip = 0,
): Failpoints & { readonly reached: boolean } {
  let left = skip
  let reached = false
  return {
    get reached() {
      return reached
    },
    hit: (hitName) => {
      if (!reached && (hitName !== name || left-- > 0)) return Promise.resolve()
      reached = true
      if (action === 'kill') process.kill(process.pid, 'SIGKILL')
      return Promise.reject(new LatchkeyError('INTERNAL', `failpoint ${name}`))
    },
  }
}

/** The five names of one durable write, in the order of its steps. */
export function durableSteps(name: string): readonly string[] {
  return [1, 2, 3, 4, 5].map((step) => `${name}.${step}`)
}
