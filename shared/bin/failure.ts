import type { AuditCode } from '../src/audit/audit-finding.ts'
import { codeOf, type ErrorCode, LatchkeyError } from '../src/errors.ts'
import type { Finding } from '../src/wire/problem.ts'

/** One line that a refused or failed command prints: `CODE file message`. */
export interface Failure {
  readonly code: ErrorCode | AuditCode
  /** The file it is about, `-` where there is none. */
  readonly file: string
  readonly message: string
  /** It was printed when it was found. */
  readonly isSaid?: true
}

const files = new WeakMap<object, string>()

/** Runs `work`; an error of ours that leaves it is remembered to be about `file`. The innermost file counts. */
export async function inFile<T>(file: string, work: () => T | Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof LatchkeyError && !files.has(error)) files.set(error, file)
    throw error
  }
}

/** Any thrown value as the line to print. What we did not foresee is named by its kind only: it may quote content. */
export function failureOf(error: unknown): Failure {
  if (error instanceof LatchkeyError) return { code: error.code, file: files.get(error) ?? '-', message: error.message }
  return { code: codeOf(error), file: '-', message: `unexpected failure (${describe(error)})` }
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return typeof error
  const { code } = error as NodeJS.ErrnoException
  return code === undefined ? error.name : `${error.name} ${code}`
}

/** Findings of a check as failures about `file`; the member stands in the message. */
export function failuresOf(file: string, findings: readonly Finding[]): Failure[] {
  return findings.map(({ code, message, field }) => ({ code, file, message: field ? `${field}: ${message}` : message }))
}

/** Throws the first finding. @throws its code */
export function assertNone(findings: readonly Finding[]): void {
  const [first] = findings
  if (first) throw new LatchkeyError(first.code, first.field ? `${first.field}: ${first.message}` : first.message)
}
