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

/** The schema at `path`; the nearest one above it where the path leads nowhere. */
export function schemaAt(schema: KeySchema, path: readonly string[]): KeySchema {
  const [name, ...rest] = path
  if (name === undefined) return schema
  const next = schema.properties?.[name] ?? (/^\d+$/.test(name) ? schema.items : undefined)
  return next === undefined ? schema : schemaAt(next, rest)
}

/** Whether a group says nothing when it is there without keys. */
export function mayBeEmpty({ properties, required = [] }: KeySchema): boolean {
  return properties !== undefined && required.length === 0
}
