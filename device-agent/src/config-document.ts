import { CONFIG_SCHEMA } from './config.ts'
import { type ConfigKey, keysOf, type KeySchema, mayBeEmpty, pathText, ruleOf } from './config-rule.ts'

const GIBIBYTE = 1024 ** 3
const MEBIBYTE = 1024 ** 2
const LINE_CHARACTERS = 110

function sizeText(bytes: number): string {
  return bytes >= GIBIBYTE ? `${bytes / GIBIBYTE} GiB` : `${bytes / MEBIBYTE} MiB`
}

function defaultText({ path, schema, required }: ConfigKey): string {
  if (required) return 'required'
  if (schema.default === undefined) return ''
  const text = `\`${yamlValue(schema.default)}\``
  return path.at(-1)!.endsWith('Bytes') ? `${text} (${sizeText(Number(schema.default))})` : text
}

/** The table of device-agent/README.md: key, meaning, rule and default of every key, in order. */
export function configTable(): readonly (readonly string[])[] {
  return [...keysOf(CONFIG_SCHEMA)].map((key) => [
    `\`${pathText(key.path)}\``,
    key.schema.description ?? '',
    ruleOf(key.schema),
    defaultText(key),
  ])
}

/** What a key is shown with where nobody has chosen: the default, or the example. */
const shownValue = (schema: KeySchema): unknown => schema.default ?? schema.example

/** A value of one key on one line; JSON is YAML, and plain words need no quotes. */
function yamlValue(value: unknown): string {
  const plain =
    typeof value === 'string' && /^[A-Za-z/][\w ./:-]*$/.test(value) && !/^(true|false|null|yes|no)$/i.test(value)
  return plain && !/: | #|:$/.test(value) ? value : JSON.stringify(value)
}

const sentence = (text: string): string => `${text.charAt(0).toUpperCase()}${text.slice(1)}.`

/** Values by the key's path, as `pathText` writes it. */
export type ChosenValues = Readonly<Record<string, unknown>>

function keyLines(key: ConfigKey, indent: string, chosen: ChosenValues): string[] {
  const path = pathText(key.path)
  const [about, rule] = [sentence(key.schema.description ?? ''), `(${ruleOf(key.schema)})`]
  const oneLine = `${indent}# ${about} ${rule}`
  const comment = oneLine.length <= LINE_CHARACTERS ? [oneLine] : [`${indent}# ${about}`, `${indent}# ${rule}`]
  const value = path in chosen ? chosen[path] : shownValue(key.schema)
  return [...comment, `${indent}${path in chosen ? '' : '#'}${key.path.at(-1)!}: ${yamlValue(value)}`]
}

/** The keys of a group, and the groups in it below headings of their own. */
function memberLines(path: readonly string[], schema: KeySchema, chosen: ChosenValues): string[] {
  const indent = '  '.repeat(path.length)
  return Object.entries(schema.properties ?? {}).flatMap(([name, member]) => {
    const here = [...path, name]
    const required = schema.required?.includes(name) === true
    if (member.properties === undefined) return keyLines({ path: here, schema: member, required }, indent, chosen)
    const about = `${indent}# ${sentence(member.description ?? name)}`
    const head = `${indent}${isChosen(here, chosen) ? '' : '#'}${name}:`
    return [about, head, ...memberLines(here, member, chosen)]
  })
}

const isChosen = (path: readonly string[], chosen: ChosenValues): boolean =>
  Object.keys(chosen).some((key) => key.startsWith(`${pathText(path)}.`))

function sectionLines(name: string, schema: KeySchema, chosen: ChosenValues): string[] {
  // A group whose keys may all be missing may stand empty: one `#` less to forget.
  const head = `${isChosen([name], chosen) || mayBeEmpty(schema) ? '' : '#'}${name}:`
  return ['', `# --- ${schema.description ?? name} ---`, head, ...memberLines([name], schema, chosen)]
}

const HEAD = [
  '# Latchkey: the doorbell.',
  '#',
  '# A key behind a # shows what holds without it, or an example: take the # away to change it.',
  '# Then: latchkey-agent config check',
]

/**
 * A configuration file with every key explained: those in `chosen` stand, the others are commented out with the value
 * that holds without them. Taking away the `#` in front of a key makes it count.
 */
export function annotatedConfig(chosen: ChosenValues): string {
  const lines = Object.entries(CONFIG_SCHEMA.properties ?? {}).flatMap(([name, schema]) =>
    schema.properties === undefined
      ? ['', ...keyLines({ path: [name], schema, required: CONFIG_SCHEMA.required!.includes(name) }, '', chosen)]
      : sectionLines(name, schema, chosen),
  )
  return [...HEAD, ...lines, ''].join('\n')
}

/** Whether a key must be there, and so must every group above it. */
function isRequired(schema: KeySchema, [name, ...rest]: readonly string[]): boolean {
  if (name === undefined) return true
  const member = schema.properties?.[name]
  return schema.required?.includes(name) === true && member !== undefined && isRequired(member, rest)
}

/** The file that a fresh installation begins with: only what is required stands. */
export function exampleConfig(): string {
  const source = { 'camera.source': CONFIG_SCHEMA.properties!['camera']!.properties!['source']!.example }
  const required = [...keysOf(CONFIG_SCHEMA)].filter(({ path }) => isRequired(CONFIG_SCHEMA, path))
  return annotatedConfig({
    ...source,
    ...Object.fromEntries(required.map((key) => [pathText(key.path), key.schema.example])),
  })
}

/** Lines of one group; a group in it that is missing and means something by being there is left out. */
function wholeLines(schema: KeySchema, group: Readonly<Record<string, unknown>>, indent: string): string[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, member]) => {
    const chosen = group[name]
    if (member.properties === undefined) {
      const mark = chosen === undefined ? '  # default' : ''
      const value = chosen ?? member.default
      return value === undefined ? [] : [`${indent}${name}: ${yamlValue(value)}${mark}`]
    }
    if (chosen === undefined && indent !== '') return []
    const lines = wholeLines(member, (chosen ?? {}) as Record<string, unknown>, `${indent}  `)
    return lines.length === 0 || (chosen === undefined && !mayBeEmpty(member)) ? [] : [`${indent}${name}:`, ...lines]
  })
}

/** A checked configuration with the defaults of every key that it leaves out, each so marked. */
export function wholeConfig(config: object): string {
  return `${wholeLines(CONFIG_SCHEMA, config as Record<string, unknown>, '').join('\n')}\n`
}
