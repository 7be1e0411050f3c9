import { Type, type Static } from 'typebox'
import { ERROR_CODES, type ErrorCode, LatchkeyError } from '../errors.ts'
import { createValidator } from './schema.ts'

const Finding = Type.Object(
  { code: Type.String(), message: Type.String(), field: Type.Optional(Type.String()) },
  { additionalProperties: false },
)

/** RFC 9457 problem details with our stable `code`. */
export const Problem = Type.Object(
  {
    type: Type.String(),
    title: Type.String(),
    status: Type.Integer(),
    code: Type.String(),
    detail: Type.Optional(Type.String()),
    /** Every finding of a check, where there is more than one to tell. */
    findings: Type.Optional(Type.Array(Finding)),
  },
  { additionalProperties: false },
)
export type Problem = Static<typeof Problem>
export const problem = createValidator(Problem)
export const PROBLEM_MEDIA_TYPE = 'application/problem+json'

/** One thing a check found wrong. */
export interface Finding {
  readonly code: ErrorCode
  readonly message: string
  /** The member it is about, where there is one. */
  readonly field?: string
}

/** Code → problem document. `detail` must hold no content and no secret. */
export function problemOf(code: ErrorCode, detail?: string, findings?: readonly Finding[]): Problem {
  const { status, title } = ERROR_CODES[code]
  return {
    type: `urn:latchkey:problem:${code}`,
    title,
    status,
    code,
    ...(detail === undefined ? {} : { detail }),
    ...(findings === undefined ? {} : { findings: [...findings] }),
  }
}

/** Problem document → error of ours. Untrusted: `value`; unknown codes become UNAVAILABLE. */
export function errorOfProblem(value: unknown, status: number): LatchkeyError {
  if (problem.check(value) && value.code in ERROR_CODES)
    return new LatchkeyError(value.code as ErrorCode, value.detail ?? value.title)
  return new LatchkeyError('UNAVAILABLE', `the server answered ${status} without a known code`)
}
