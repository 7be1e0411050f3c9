import { LatchkeyError, type ErrorCode } from '../errors.ts'
import type { Finding } from '../wire/problem.ts'

/** One thing a check found wrong in a bundle. */
export interface BundleFinding {
  readonly code: ErrorCode
  readonly message: string
  /** The file of the bundle that it is about. */
  readonly file: string
}

/** One finding. */
export function bundleFinding(code: ErrorCode, file: string, message: string): BundleFinding {
  return { code, message, file }
}

/** Findings of a check that knows no files, about `file`. */
export function findingsIn(file: string, findings: readonly Finding[]): BundleFinding[] {
  return findings.map(({ code, message, field }) => ({
    code,
    message: field === undefined ? message : `${field}: ${message}`,
    file,
  }))
}

/**
 * What `work` throws as one of ours becomes a finding about `file`; anything else is our own fault and flies on.
 * @returns its answer; null when there is a finding
 */
export function catchFinding<T>(findings: BundleFinding[], file: string, work: () => T): T | null {
  try {
    return work()
  } catch (error) {
    if (!(error instanceof LatchkeyError)) throw error
    findings.push(bundleFinding(error.code, file, error.message))
    return null
  }
}
