import {
  codeOf,
  ERROR_CODES,
  type ErrorCode,
  type Finding,
  LatchkeyError,
  type Problem,
  PROBLEM_MEDIA_TYPE,
  problemOf,
} from '@latchkey/shared'
import type { Answer } from './route.ts'

/** Seconds after which a refusal for now may be tried again, where nothing better is known. */
const RETRY_AFTER_S: Partial<Record<ErrorCode, number>> = {
  RATE_LIMITED: 60,
  AGENCY_LIMIT: 3_600,
  UNAVAILABLE: 5,
  STORAGE_FAILED: 5,
  STORAGE_FULL: 300,
}

/** fastify's own refusals → our codes; anything else of theirs below 500 is a malformed request. */
const FASTIFY_CODES: Readonly<Record<string, ErrorCode>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: 'MESSAGE_TOO_LARGE',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'MEDIA_TYPE',
  FST_ERR_CTP_INVALID_JSON_BODY: 'JSON_INVALID',
  FST_ERR_CTP_EMPTY_JSON_BODY: 'JSON_INVALID',
  FST_ERR_NOT_FOUND: 'NOT_FOUND',
}

interface FrameworkError {
  readonly code?: unknown
  readonly statusCode?: unknown
  readonly validation?: readonly { instancePath?: string; message?: string }[]
  readonly validationContext?: string
}

/** Any thrown value → an error of ours, its message free of content. Untrusted: what a framework put into messages. */
export function errorOf(thrown: unknown): LatchkeyError {
  if (thrown instanceof LatchkeyError) return thrown
  const error = (thrown ?? {}) as FrameworkError
  if (error.validation) {
    const [first] = error.validation
    const place = `${error.validationContext ?? 'request'}${first?.instancePath ?? ''}`
    return new LatchkeyError('MESSAGE_INVALID', `${place} ${first?.message ?? 'does not match'}`, { cause: thrown })
  }
  const known = FASTIFY_CODES[String(error.code)]
  if (known) return new LatchkeyError(known, ERROR_CODES[known].title, { cause: thrown })
  if (typeof error.statusCode === 'number' && error.statusCode < 500)
    return new LatchkeyError('MESSAGE_INVALID', 'the request is malformed', { cause: thrown })
  return new LatchkeyError('INTERNAL', 'an invariant of the relay broke', { cause: thrown })
}

function problemHeaders(code: ErrorCode): Record<string, string> {
  const retry = RETRY_AFTER_S[code]
  return {
    'content-type': PROBLEM_MEDIA_TYPE,
    'cache-control': 'no-store',
    ...(retry === undefined ? {} : { 'retry-after': String(retry) }),
    ...(code === 'DPOP_NONCE' ? { 'www-authenticate': 'DPoP error="use_dpop_nonce", algs="Ed25519"' } : {}),
    ...(code === 'DPOP_INVALID' || code === 'DPOP_REPLAYED'
      ? { 'www-authenticate': 'DPoP error="invalid_dpop_proof", algs="Ed25519"' }
      : {}),
  }
}

/** A problem as an answer: what a refused check tells the caller, every finding of it. */
export function problemAnswer(
  code: ErrorCode,
  options: { detail?: string; findings?: readonly Finding[]; retryAfterS?: number } = {},
): Answer & { readonly json: Problem } {
  const { retryAfterS } = options
  return {
    status: ERROR_CODES[code].status,
    json: problemOf(code, options.detail, options.findings),
    headers: {
      ...problemHeaders(code),
      ...(retryAfterS === undefined ? {} : { 'retry-after': String(retryAfterS) }),
    },
  }
}

/** The first finding decides code and status, all are told. */
export function findingsAnswer(findings: readonly [Finding, ...Finding[]], retryAfterS?: number): Answer {
  const [first] = findings
  return problemAnswer(first.code, {
    detail: first.message,
    findings,
    ...(retryAfterS === undefined ? {} : { retryAfterS }),
  })
}

/** A thrown value as an answer. Faults tell nothing about themselves. */
export function answerOfError(thrown: unknown): Answer & { readonly json: Problem } {
  const error = errorOf(thrown)
  const code = codeOf(error)
  return ERROR_CODES[code].kind === 'fault' ? problemAnswer(code) : problemAnswer(code, { detail: error.message })
}
