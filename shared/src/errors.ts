/**
 * Every failure that can leave a function of ours: one class, one closed list of codes, one kind per code.
 * The human list is `spec/errors.md`; a structure test keeps both equal.
 */

/** `retry`: may work later · `refuse`: same input, same answer · `fault`: one of our own invariants broke. */
export type ErrorKind = 'retry' | 'refuse' | 'fault'

interface CodeEntry {
  readonly kind: ErrorKind
  /** HTTP status when this code leaves the relay (RFC 9110 §15). */
  readonly status: number
  /** RFC 9457 `title`: short, fixed, never holds request data. */
  readonly title: string
}

const refuse = (status: number, title: string): CodeEntry => ({ kind: 'refuse', status, title })
const retry = (status: number, title: string): CodeEntry => ({ kind: 'retry', status, title })
const fault = (status: number, title: string): CodeEntry => ({ kind: 'fault', status, title })

/** The closed list. Order: form, keys and signatures, sealing, log, consent, request, release, relay, agent. */
export const ERROR_CODES = {
  // Form of bytes and messages
  ENCODING_INVALID: refuse(400, 'Encoding is not the canonical one'),
  JSON_INVALID: refuse(400, 'Not JSON'),
  JSON_NOT_CANONICAL: refuse(400, 'JSON is not in RFC 8785 form'),
  MESSAGE_INVALID: refuse(400, 'Message does not match its schema'),
  MESSAGE_TOO_LARGE: refuse(413, 'Message is too large'),
  TEXT_INVALID: refuse(400, 'Text holds forbidden characters'),
  // Keys and signatures
  KEY_INVALID: refuse(400, 'Key is not acceptable'),
  JWS_INVALID: refuse(400, 'Not a JWS this system accepts'),
  SIGNATURE_INVALID: refuse(400, 'Signature does not verify'),
  // Sealing
  AGE_HEADER_INVALID: refuse(400, 'age header is malformed'),
  AGE_NO_MATCH: refuse(400, 'No identity matches this age file'),
  AGE_PAYLOAD_INVALID: refuse(400, 'age payload does not authenticate'),
  COMMITMENT_MISMATCH: refuse(400, 'Commitment does not match'),
  // Log
  LOG_PROOF_INVALID: refuse(400, 'Log proof does not verify'),
  CHECKPOINT_INVALID: refuse(400, 'Checkpoint does not verify'),
  LOG_RANGE: refuse(404, 'No such part of the log'),
  // Keysets, devices, clips
  KEYSET_INVALID: refuse(422, 'Keyset is not acceptable'),
  KEYSET_SUPERSEDED: refuse(409, 'A newer keyset is in force'),
  KEYSET_FORK: refuse(409, 'Another keyset holds this version'),
  DEVICE_INVALID: refuse(422, 'Device certificate is not acceptable'),
  DEVICE_REVOKED: refuse(403, 'Device certificate is revoked'),
  PAIRING_FAILED: refuse(403, 'Pairing failed'),
  MANIFEST_INVALID: refuse(422, 'Clip manifest is not acceptable'),
  MANIFEST_CONFLICT: refuse(409, 'Another manifest holds this revision'),
  ITEM_INVALID: refuse(422, 'Sealed item is not acceptable'),
  ITEM_CONFLICT: refuse(409, 'Another item holds this index'),
  DAY_INVALID: refuse(422, 'Day record is not acceptable'),
  // Requests
  REQUEST_INVALID: refuse(422, 'Request is not acceptable'),
  REQUEST_EXPIRED: refuse(422, 'Request has expired'),
  FIELD_MISSING: refuse(422, 'A required field is missing'),
  CASE_NUMBER_INVALID: refuse(422, 'Case number is a placeholder'),
  AREA_INVALID: refuse(422, 'Area is not a simple polygon'),
  AREA_TOO_SMALL: refuse(422, 'Area is too small'),
  AREA_TOO_LARGE: refuse(422, 'Area is too large'),
  WINDOW_TOO_SHORT: refuse(422, 'Window is too short'),
  WINDOW_TOO_LONG: refuse(422, 'Window is too long'),
  WINDOW_IN_FUTURE: refuse(422, 'Window ends in the future'),
  WINDOW_TOO_OLD: refuse(422, 'Window starts too long ago'),
  AREA_TIME_BUDGET: refuse(422, 'Area times time is too much'),
  PURPOSE_REFUSED: refuse(422, 'Incident type is refused'),
  POLICY_UNKNOWN: refuse(422, 'Policy digest is not the one in force'),
  CASE_LIMIT: refuse(429, 'This case has used its requests'),
  AGENCY_LIMIT: retry(429, 'This agency has used its requests'),
  OUTCOME_DUE: refuse(403, 'The report of an earlier request is overdue'),
  OUTCOME_INVALID: refuse(422, 'Outcome report is not acceptable'),
  AGENCY_UNKNOWN: refuse(403, 'Agency is not enrolled'),
  AGENCY_NOTICE: refuse(403, 'Agency notice period is not over'),
  AGENCY_SUSPENDED: refuse(403, 'Agency is suspended'),
  INVESTIGATOR_INVALID: refuse(403, 'Investigator certificate is not acceptable'),
  // Consents
  CONSENT_INVALID: refuse(422, 'Consent is not acceptable'),
  CONSENT_STALE: refuse(422, 'Consent leaves too little time to undo'),
  CONSENT_OUTSIDE_WINDOW: refuse(422, 'Consent names items outside the requested window'),
  CONSENT_INIT_MISSING: refuse(422, 'Consent names media without its init item'),
  CONSENT_PURPOSE: refuse(422, 'Consent purpose is not on the closed list'),
  CONSENT_RETENTION: refuse(422, 'Consent retention exceeds the request'),
  CONSENT_NOTICE: refuse(422, 'Consent notice does not match its text'),
  CONSENT_HEADERS: refuse(422, 'Release headers do not match the consent'),
  CONSENT_REQUESTER: refuse(422, 'Consent names another requester'),
  CONSENT_REQUEST: refuse(422, 'Consent names another request'),
  CONSENT_ISSUER: refuse(422, 'Consent is not from the household of this clip'),
  CONSENT_REPLAYED: refuse(409, 'Consent id was used by another consent'),
  CONSENT_QUORUM: refuse(422, 'Approval is not acceptable'),
  CONSENT_EXPIRED: refuse(410, 'Consent has expired'),
  CONSENT_USED: refuse(410, 'Consent has no downloads left'),
  CONSENT_REVOKED: refuse(410, 'Consent is revoked'),
  CONSENT_REQUIRED: refuse(403, 'No consent allows this'),
  REVOCATION_INVALID: refuse(422, 'Revocation is not acceptable'),
  RECEIPT_INVALID: refuse(422, 'Receipt is not acceptable'),
  SHARED_ON_INVALID: refuse(422, 'Entry of who got it next is not acceptable'),
  // Evidence bundle
  BUNDLE_INVALID: refuse(422, 'Evidence bundle is not acceptable'),
  TRUST_INVALID: refuse(422, 'Trust file is not acceptable'),
  // Web apps
  APP_INVALID: refuse(422, 'Web app is not the one in the log'),
  // HTTP and callers
  DPOP_INVALID: refuse(401, 'DPoP proof is not acceptable'),
  DPOP_NONCE: retry(401, 'Use the DPoP nonce of this answer'),
  DPOP_REPLAYED: refuse(401, 'DPoP proof was used before'),
  CALLER_REFUSED: refuse(403, 'This caller may not do this'),
  ENROLMENT_CLOSED: refuse(403, 'New households need an invitation'),
  NOT_FOUND: refuse(404, 'Not found'),
  METHOD_NOT_ALLOWED: refuse(405, 'Method not allowed'),
  CONFLICT: refuse(409, 'Conflicts with what is stored'),
  PRECONDITION_FAILED: refuse(412, 'What is stored is another version'),
  PRECONDITION_REQUIRED: refuse(428, 'A required header is missing'),
  MEDIA_TYPE: refuse(415, 'Media type is not accepted'),
  RANGE_INVALID: refuse(416, 'Range cannot be served'),
  RATE_LIMITED: retry(429, 'Too many requests'),
  // The world outside
  CONFIG_INVALID: refuse(500, 'Configuration is not acceptable'),
  USAGE: refuse(400, 'Wrong usage'),
  DEPENDENCY_MISSING: refuse(500, 'A needed program is missing'),
  STORAGE_FULL: retry(507, 'Storage is full'),
  STORAGE_FAILED: retry(503, 'Storage failed'),
  UNAVAILABLE: retry(503, 'Not available right now'),
  SOURCE_UNSUPPORTED: refuse(422, 'Video source cannot be used'),
  INTERNAL: fault(500, 'Internal error'),
} as const satisfies Record<string, CodeEntry>

/** A stable error code. */
export type ErrorCode = keyof typeof ERROR_CODES

/** The one error class. Messages say what was expected and what came, never secrets or content. */
export class LatchkeyError extends Error {
  override readonly name = 'LatchkeyError'
  readonly code: ErrorCode

  constructor(code: ErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.code = code
  }

  get kind(): ErrorKind {
    return ERROR_CODES[this.code].kind
  }
}

/** The code of any thrown value: ours, or `INTERNAL` for what we did not foresee. */
export function codeOf(error: unknown): ErrorCode {
  return error instanceof LatchkeyError ? error.code : 'INTERNAL'
}

/** Exhaustiveness: reached only when a union grew and a switch did not. @throws INTERNAL */
export function assertNever(value: never): never {
  throw new LatchkeyError('INTERNAL', `unexpected variant ${JSON.stringify(value)}`)
}
