import { setTimeout as delay } from 'node:timers/promises'
import { codeOf, LatchkeyError } from '@latchkey/shared'

/**
 * Asks again until there is an answer.
 * @param ask `null` means not yet; errors with code NOT_FOUND or UNAVAILABLE count as not yet
 * @throws UNAVAILABLE when the time is over
 */
export async function poll<T>(
  what: string,
  options: { everyMs: number; timeoutMs: number },
  ask: () => Promise<T | null>,
): Promise<T> {
  const deadline = performance.now() + options.timeoutMs
  while (performance.now() < deadline) {
    try {
      const answer = await ask()
      if (answer !== null) return answer
    } catch (error) {
      const code = codeOf(error)
      if (code !== 'NOT_FOUND' && code !== 'UNAVAILABLE') throw error
    }
    await delay(options.everyMs)
  }
  throw new LatchkeyError('UNAVAILABLE', `gave up waiting for ${what} after ${options.timeoutMs / 1000} s`)
}
