/** A schema as data: what JSON Schema says of a key, and the words of `config-key.ts`. */
export interface KeySchema {
  readonly type?: string
  readonly minimum?: number
  readonly maximum?: number
  readonly minItems?: number
  readonly maxItems?: number
  readonly const?: string | number | boolean
  readonly anyOf?: readonly KeySchema[]
  readonly items?: KeySchema
  readonly properties?: Readonly<Record<string, KeySchema>>
  readonly required?: readonly string[]
  readonly rule?: string
  readonly description?: string
  readonly default?: unknown
  readonly example?: unknown
}

function span(what: string, minimum: number | undefined, maximum: number | undefined): string {
  const top = maximum === undefined || maximum >= Number.MAX_SAFE_INTEGER ? undefined : maximum
  if (minimum === undefined && top === undefined) return what
  if (top === undefined) return `${what}, ${minimum} or more`
  return `${what} from ${minimum ?? 0} to ${top}`
}

/** What a value must be, in words that stand behind "must be". */
export function ruleOf(schema: KeySchema): string {
  if (schema.rule !== undefined) return schema.rule
  if (schema.const !== undefined) return String(schema.const)
  if (schema.anyOf !== undefined) return `one of ${schema.anyOf.map(ruleOf).join(', ')}`
  if (schema.type === 'integer') return span('a whole number', schema.minimum, schema.maximum)
  if (schema.type === 'number') return span('a number', schema.minimum, schema.maximum)
  if (schema.type === 'boolean') return 'true or false'
  if (schema.type === 'array')
    return `${span('a list of', schema.minItems ?? 0, schema.maxItems)}, each ${ruleOf(schema.items ?? {})}`
  return schema.properties === undefined ? 'text' : `a group of ${Object.keys(schema.properties).join(', ')}`
}

/** One key of the configuration. */
export interface ConfigKey {
  /** From the top: `['camera', 'source']`. A list's members are `'[]'`. */
  readonly path: readonly string[]
  readonly schema: KeySchema
  readonly required: boolean
}

/** `['motion', 'zones', '0', 'name']` → `motion.zones[0].name`. */
export function pathText(path: readonly string[]): string {
  return path.reduce((text, part) => {
    if (part === '[]' || /^\d+$/.test(part)) return `${text}[${part === '[]' ? '' : part}]`
    return text === '' ? part : `${text}.${part}`
  }, '')
}

/** Every key below `schema` that is no group itself, in the order in which they are written. */
export function* keysOf(schema: KeySchema, path: readonly string[] = []): Generator<ConfigKey> {
  for (const [name, member] of Object.entries(schema.properties ?? {})) {
    const here = [...path, name]
    if (member.properties === undefined)
      yield { path: here, schema: member, required: schema.required?.includes(name) === true }
    else yield* keysOf(member, here)
    if (member.items?.properties !== undefined) yield* keysOf(member.items, [...here, '[]'])
  }
}

/** The schema at `path`, where there is one. */
export function schemaAt(schema: KeySchema, path: readonly string[]): KeySchema | undefined {
  const [name, ...rest] = path
  if (name === undefined) return schema
  const next = schema.properties?.[name] ?? (/^\d+$/.test(name) ? schema.items : undefined)
  return next === undefined ? undefined : schemaAt(next, rest)
}

/** Whether a rule speaks for everything below its key, whose names are the operator's own. */
export function speaksForAll({ rule, properties, items, type }: KeySchema): boolean {
  return rule !== undefined && type === 'object' && properties === undefined && items === undefined
}

/** `path` as far as the key whose rule speaks for the rest. */
export function ruledPath(schema: KeySchema, path: readonly string[]): readonly string[] {
  const end = path.findIndex((_, i) => {
    const above = schemaAt(schema, path.slice(0, i))
    return above !== undefined && speaksForAll(above)
  })
  return end < 0 ? path : path.slice(0, end)
}

/** Whether a group says nothing when it is there without keys. */
export function mayBeEmpty({ properties, required = [] }: KeySchema): boolean {
  return properties !== undefined && required.length === 0
}

/** Letters to change, add or take away to make `a` into `b`. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const replaced = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min(replaced, row[j]! + 1, next[j - 1]! + 1))
    }
    row = next
  }
  return row[b.length]!
}

const NEAR = 2

/** The key of `schema` that somebody may have meant by `name`: another case, or two letters off. */
export function nearestKey(schema: KeySchema, name: string): string | undefined {
  // Long names are no typing mistakes, and the comparison is quadratic.
  if (name.length > 40) return undefined
  const known = Object.keys(schema.properties ?? {}).map((key) => ({
    key,
    distance: editDistance(key.toLowerCase(), name.toLowerCase()),
  }))
  return known.filter(({ distance }) => distance <= NEAR).sort((a, b) => a.distance - b.distance)[0]?.key
}
