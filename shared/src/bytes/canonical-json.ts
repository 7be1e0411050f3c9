import { LatchkeyError } from '../errors.ts'
import { fromUtf8, utf8 } from './bytes.ts'

/** A JSON value. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json }

/** Deeper nesting is refused: no message of ours is deeper than 8, and recursion must be bounded. */
export const MAX_JSON_DEPTH = 32

function write(value: unknown, depth: number): string {
  if (depth > MAX_JSON_DEPTH) throw new LatchkeyError('JSON_INVALID', `JSON nests deeper than ${MAX_JSON_DEPTH}`)
  if (value === null || typeof value === 'boolean') return String(value)
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw new LatchkeyError('JSON_INVALID', 'JSON has no such number')
    return JSON.stringify(value)
  }
  if (typeof value === 'string') {
    if (!value.isWellFormed()) throw new LatchkeyError('JSON_INVALID', 'text has a lone surrogate')
    return JSON.stringify(value)
  }
  if (Array.isArray(value)) return `[${value.map((element) => write(element, depth + 1)).join(',')}]`
  if (typeof value === 'object') {
    const members = Object.entries(value).filter(([, member]) => member !== undefined)
    // Default sort order is by UTF-16 code units, which is what RFC 8785 §3.2.3 asks for.
    members.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
    return `{${members.map(([name, member]) => `${write(name, depth + 1)}:${write(member, depth + 1)}`).join(',')}}`
  }
  throw new LatchkeyError('JSON_INVALID', `JSON has no ${typeof value}`)
}

/**
 * A value → its one RFC 8785 (JCS) text. Members that are `undefined` are left out.
 * @throws JSON_INVALID for numbers, text or types that JSON does not have
 * @see RFC 8785 §3.2
 */
export function canonicalJson(value: unknown): string {
  return write(value, 0)
}

/** {@link canonicalJson} as UTF-8 bytes. */
export function canonicalBytes(value: unknown): Uint8Array {
  return utf8(canonicalJson(value))
}

/**
 * Bytes → value, only when they are exactly the JCS form of that value. Duplicate members, other orders, white space
 * and other spellings of numbers are thereby refused.
 * Untrusted: `bytes`. The caller bounds their length.
 * @throws JSON_INVALID | JSON_NOT_CANONICAL | ENCODING_INVALID
 */
export function parseCanonicalJson(bytes: Uint8Array): Json {
  const text = fromUtf8(bytes)
  let value: Json
  try {
    value = JSON.parse(text) as Json
  } catch (cause) {
    throw new LatchkeyError('JSON_INVALID', 'not JSON', { cause })
  }
  if (canonicalJson(value) !== text) throw new LatchkeyError('JSON_NOT_CANONICAL', 'JSON is not in RFC 8785 form')
  return value
}
