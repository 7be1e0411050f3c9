import type { Static, TSchema } from 'typebox'
import { Compile } from 'typebox/compile'
import { MAX_JSON_DEPTH } from '../bytes/canonical-json.ts'
import { LatchkeyError } from '../errors.ts'

/** One way to check a schema: a guard, and the first finding in words that hold no value. */
export interface Validator<T> {
  check(value: unknown): value is T
  /** Where and why `value` fails, without its content; empty when it passes. */
  explain(value: unknown): string
}

/**
 * Compiles a TypeBox schema on first use. (Where a page's CSP forbids evaluation TypeBox interprets instead.)
 */
export function createValidator<S extends TSchema>(schema: S): Validator<Static<S>> {
  let compiled: ReturnType<typeof Compile<S>> | undefined
  const program = () => (compiled ??= Compile(schema))
  return {
    check: (value): value is Static<S> => program().Check(value),
    explain: (value) => {
      const first = [...program().Errors(value)][0]
      return first ? `${first.instancePath || '/'} ${first.message}` : ''
    },
  }
}

/**
 * Control, bidirectional and zero-width characters: text that could show something other than what was signed.
 * Tags (U+E0000…) are invisible too.
 */
const FORBIDDEN_TEXT =
  /[\p{Cc}\p{Cs}\p{Co}\p{Zl}\p{Zp}\u00AD\u061C\u180E\u200B-\u200F\u202A-\u202E\u2060-\u206F\uFEFF\u{E0000}-\u{E007F}]/u

function checkText(value: unknown, depth: number): void {
  if (typeof value === 'string') {
    if (FORBIDDEN_TEXT.test(value) || value.normalize('NFC') !== value)
      throw new LatchkeyError('TEXT_INVALID', 'text is not NFC or has control, bidirectional or zero-width characters')
  } else if (typeof value === 'object' && value !== null) {
    if (depth === MAX_JSON_DEPTH) throw new LatchkeyError('JSON_INVALID', `JSON nests deeper than ${MAX_JSON_DEPTH}`)
    for (const [name, member] of Object.entries(value)) {
      checkText(name, depth + 1)
      checkText(member, depth + 1)
    }
  }
}

/**
 * Every string inside `value`: NFC and free of forbidden characters.
 * Untrusted: `value`, its depth too.
 * @throws TEXT_INVALID | JSON_INVALID for what nests too deep to be walked
 */
export function assertPlainText(value: unknown): void {
  checkText(value, 0)
}

/** `value` as the schema's type, or MESSAGE_INVALID naming the place. Untrusted: `value`. */
export function parseWith<T>(validator: Validator<T>, value: unknown, what: string): T {
  if (!validator.check(value)) throw new LatchkeyError('MESSAGE_INVALID', `${what}: ${validator.explain(value)}`)
  assertPlainText(value)
  return value
}
