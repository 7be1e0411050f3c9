import { LatchkeyError } from '@latchkey/shared'
import { errnoOf } from '../kernel/errno.ts'

const FULL = ['QuotaExceeded', 'XMinioStorageFull', 'InsufficientStorage']
/** Statuses and names that promise another answer later. */
const LATER_STATUS = [408, 409, 429]
const LATER = ['RequestTimeout', 'SlowDown', 'ServiceUnavailable']

/** What an S3 server answered, or null when none did. Untrusted: the name. */
function answerOf(cause: unknown): { name: string; status: number } | null {
  const { name, $metadata } = cause as { name?: unknown; $metadata?: { httpStatusCode?: number } }
  const status = $metadata?.httpStatusCode
  if (status === undefined) return null
  return { name: typeof name === 'string' && /^[A-Za-z0-9.]{1,64}$/.test(name) ? name : 'unknown', status }
}

/** Does an answer of this status, or of one of these names, stand behind the error? */
export function isAnswer(cause: unknown, ...expected: readonly (number | string)[]): boolean {
  const answer = answerOf(cause)
  return answer !== null && (expected.includes(answer.status) || expected.includes(answer.name))
}

/** Anything that a call of an S3 server throws → our error: full, later, or for somebody to mend. */
export function s3Error(cause: unknown): LatchkeyError {
  if (cause instanceof LatchkeyError) return cause
  const answer = answerOf(cause)
  if (answer === null) {
    const code = errnoOf(cause) ?? (cause instanceof Error ? cause.name : 'unknown')
    return new LatchkeyError('UNAVAILABLE', `the object store cannot be reached: ${code}`, { cause })
  }
  const { name, status } = answer
  const words = `the object store answered ${name} (${status})`
  if (status === 507 || FULL.includes(name)) return new LatchkeyError('STORAGE_FULL', words, { cause })
  const isLater = status >= 500 || LATER_STATUS.includes(status) || LATER.includes(name)
  return new LatchkeyError(isLater ? 'UNAVAILABLE' : 'STORAGE_FAILED', words, { cause })
}

/** Runs `work`; whatever a call of the store throws leaves as our error. */
export async function translatedS3<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw s3Error(error)
  }
}
