import { Exact } from '@latchkey/shared'
import { Type, type TProperties, type TSchema } from 'typebox'

/**
 * The words in which `config.ts` describes its keys. A key is one line: its rule, what it means to a person, and what
 * holds without it. Everything else is made from that line: the check and its messages, the table of the README, the
 * annotated example and `config show`.
 */

/** What may stand beside a rule: `default` holds when the key is absent, `example` is shown where nothing does. */
export interface KeyNotes {
  readonly default?: unknown
  readonly example?: unknown
}

/** A key that must be there. */
export const required = <T extends TSchema>(rule: T, about: string, notes: KeyNotes = {}): T =>
  Type.With(rule, { description: about, ...notes }) as T

/** A key that may be left out. */
export const optional = <T extends TSchema>(rule: T, about: string, notes: KeyNotes) =>
  Type.Optional(required(rule, about, notes))

/** A group of keys that may be left out as a whole. */
export const section = <P extends TProperties>(about: string, keys: P) =>
  Type.Optional(Type.With(Exact(keys), { description: about }))

/** A whole number; `Milliseconds` when its name ends in `Ms`. */
export const Whole = (minimum: number, maximum: number) => Type.Integer({ minimum, maximum })
export const Milliseconds = Whole

/** A number. */
export const Fraction = (minimum: number, maximum: number) => Type.Number({ minimum, maximum })

/** One of a few words. */
export const OneOf = <const T extends readonly string[]>(...words: T) =>
  Type.Unsafe<T[number]>(Type.Union(words.map((word) => Type.Literal(word))))

/** `true` or `false`. */
export const Switch = Type.Boolean()

/** Text of one line. */
export const Text = (minLength: number, maxLength: number) =>
  Type.String({
    minLength,
    maxLength,
    pattern: '^[^\\n\\r\\u0000]*$',
    rule: `text of ${minLength} to ${maxLength} characters`,
  })

/** Text of a form that `rule` tells in words. */
export const TextLike = (pattern: string, rule: string) => Type.String({ pattern, maxLength: 4_096, rule })

/** The path of a file or directory, from the root on. */
export const AbsolutePath = TextLike('^/[^\\n\\r\\u0000]*$', 'an absolute path')

/** The origin of a relay. */
export const OriginText = TextLike(
  '^https?://[a-z0-9.:\\[\\]-]{1,255}$',
  'an origin: https://name or https://name:port',
)
