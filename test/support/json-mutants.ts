import { canonicalJson } from '@latchkey/shared'

/** A JSON value that may be changed in place. */
export type MutableJson = null | boolean | number | string | MutableJson[] | { [name: string]: MutableJson }
/** Whole numbers below a limit, as `createSeededRandom` gives them. */
export type Random = (limit: number) => number

export function pick<T>(random: Random, values: readonly T[]): T {
  return values[random(values.length)]!
}

/** Every object inside a value, the value itself first. */
function objectsOf(value: MutableJson): { [name: string]: MutableJson }[] {
  if (value === null || typeof value !== 'object') return []
  if (Array.isArray(value)) return value.flatMap(objectsOf)
  return [value, ...Object.values(value).flatMap(objectsOf)]
}

/** Another value of the same type: small steps, so that what only counts or compares is tried at its edges. */
function changedValue(value: MutableJson, random: Random): MutableJson {
  if (typeof value === 'number') return value + pick(random, [-1, 1, 60, -60, 86_400, -86_400, 1e6])
  if (typeof value === 'boolean') return !value
  if (value === null) return pick<MutableJson>(random, [0, 'A'.repeat(43), {}])
  if (Array.isArray(value))
    return pick<MutableJson>(random, [[], [...value, ...value], value.map((v) => changedValue(v, random))])
  if (typeof value === 'object') return { ...value, extra: 1 }
  if (value === '') return 'x'
  const at = random(value.length)
  const letter = value[at] === 'A' ? 'B' : 'A'
  return pick(random, [value.slice(0, at) + letter + value.slice(at + 1), value.slice(0, -1), `${value}A`])
}

/** A value of another type. */
function mistypedValue(value: MutableJson, random: Random): MutableJson {
  const others: MutableJson[] = [null, true, 7, -1, 1.5, 1e300, 'text', '', [], {}, [[]]]
  return pick(
    random,
    others.filter((other) => typeof other !== typeof value || Array.isArray(other) !== Array.isArray(value)),
  )
}

const EDITS = ['change', 'mistype', 'drop', 'add', 'rename'] as const

/** A copy of `given` with one member, at any depth, changed, mistyped, dropped, added or renamed. */
export function mutatedValue(given: MutableJson, random: Random): MutableJson {
  const copy = structuredClone(given)
  const target = pick(random, objectsOf(copy))
  const name = pick(random, Object.keys(target))
  const value = target[name]!
  const edit = pick(random, EDITS)
  if (edit === 'drop' || edit === 'rename') Reflect.deleteProperty(target, name)
  if (edit === 'rename') target[`${name}_`] = value
  if (edit === 'add') target[pick(random, ['extra', 'crit', 'v2', '__proto__x'])] = value
  if (edit === 'mistype') target[name] = mistypedValue(value, random)
  if (edit === 'change') target[name] = changedValue(value, random)
  return canonicalJson(copy) === canonicalJson(given) ? mutatedValue(given, random) : copy
}

/** The same value in a text that is not its canonical one: members doubled or in another order, white space, other spellings. */
export function respelledText(given: MutableJson, random: Random): string {
  const text = canonicalJson(given)
  const name = JSON.stringify(pick(random, Object.keys(pick(random, objectsOf(given)))))
  const [first] = Object.entries(given as object)
  const other = pick(random, [
    text.replace(`${name}:`, `${name}:null,${name}:`),
    text.replace(/^\{/, `{${JSON.stringify(first![0])}:${canonicalJson(first![1])},`),
    JSON.stringify(Object.fromEntries(Object.entries(given as object).reverse())),
    text.replace(name, ` ${name}`),
    text.replace(`${name}:`, `${name} :`),
    `${text}\n`,
    ` ${text}`,
    `\uFEFF${text}`,
    text.replace(name, `"\\u00${name.charCodeAt(1).toString(16)}${name.slice(2)}`),
    text.replace(/(\d+)([,}])/, '$1.0$2'),
    text.replace(/(\d+)([,}])/, '$1e0$2'),
    `${text}${text}`,
    text.slice(0, -1),
  ])
  return other === text ? respelledText(given, random) : other
}
