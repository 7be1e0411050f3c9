import { codeOf, LatchkeyError, type Validator } from '@latchkey/shared'
import type { RelayClient } from '@latchkey/shared/client'
import { nowMs, sleep } from '../../kernel/clock.ts'

/**
 * Waits until somebody puts a letter into a mailbox of the relay.
 * @param given.late what to say when nobody does in time, or `signal` ends the waiting
 * @throws UNAVAILABLE then; what the relay refuses, at once
 */
export async function awaitLetter<T>(
  client: RelayClient,
  path: string,
  given: {
    readonly validator: Validator<T>
    readonly patienceMs: number
    readonly pollMs: number
    readonly late: string
    readonly signal?: AbortSignal
  },
): Promise<T> {
  const { validator, patienceMs, pollMs, late, signal } = given
  const deadline = nowMs() + patienceMs
  for (;;) {
    try {
      return await client.json('GET', path, validator)
    } catch (cause) {
      const code = codeOf(cause)
      if (code !== 'NOT_FOUND' && code !== 'UNAVAILABLE') throw cause
      if (signal?.aborted || nowMs() > deadline) throw new LatchkeyError('UNAVAILABLE', late, { cause })
    }
    await sleep(pollMs, signal)
  }
}
