import { LatchkeyError } from '@latchkey/shared'
import { errnoOf } from '../kernel/errno.ts'

/** A file system's error → ours. @see errno(3) */
export function diskError(cause: unknown): LatchkeyError {
  if (cause instanceof LatchkeyError) return cause
  const code = errnoOf(cause) ?? 'unknown'
  if (code === 'ENOSPC' || code === 'EDQUOT' || code === 'EFBIG') {
    return new LatchkeyError('STORAGE_FULL', 'the disk is full', { cause })
  }
  return new LatchkeyError('STORAGE_FAILED', `the disk failed: ${code}`, { cause })
}

/** Runs `work`; whatever the file system throws leaves as our error. */
export async function translated<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw diskError(error)
  }
}
