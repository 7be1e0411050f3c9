import { Exact, LatchkeyError } from '@latchkey/shared'
import { readFile } from 'node:fs/promises'
import { isAbsolute } from 'node:path'
import { Type, type Static } from 'typebox'
import { Compile } from 'typebox/compile'
import { parseDocument } from 'yaml'
import { CameraConfig, DEFAULT_STALE_MS, MasksConfig } from './camera-config.ts'
import { DEFAULT_CLIP_CONFIG } from './clip/clip-cutter.ts'
import {
  AbsolutePath,
  Fraction,
  Milliseconds,
  OneOf,
  optional,
  OriginText,
  required,
  section,
  Switch,
  Text,
  TextLike,
  Whole,
} from './config-key.ts'
import {
  type KeySchema,
  mayBeEmpty,
  nearestKey,
  pathText,
  ruleOf,
  schemaAt,
  ruledPath,
  speaksForAll,
} from './config-rule.ts'
import { ButtonConfig, buttonFindings, HomeConfig, homeFindings } from './doorbell-config.ts'
import { DEFAULT_MOTION_CONFIG } from './motion/motion-detector.ts'

/** What holds without a key, for the parts that `recorder.ts` joins. */
export const DEFAULTS = {
  maximumBytes: 2 * 1024 ** 3,
  minimumFreeBytes: 256 * 1024 ** 2,
  parallel: 2,
  maximumEvents: 50_000,
  uncertaintyMs: 5_000,
  stopGraceMs: 5_000,
  staleMs: DEFAULT_STALE_MS,
  motionMode: 'auto',
} as const

const Relay = Exact({
  origin: required(OriginText, 'the relay that keeps the sealed clips; https outside this machine', {
    example: 'https://relay.example',
  }),
  pageOrigin: optional(OriginText, 'where the page behind the pairing code is served, when not by the relay itself', {
    example: 'https://relay.example',
  }),
  logVkey: optional(Text(1, 300), 'verifier key of the log; without it, what the relay says at pairing', {
    example: 'relay.example/log+1a2b3c4d+AbCd…',
  }),
})

const Clip = section('How long clips are', {
  preRollMs: optional(Milliseconds(0, 30_000), 'kept from before the motion or ring', {
    default: DEFAULT_CLIP_CONFIG.preRollMs,
  }),
  postRollMs: optional(Milliseconds(0, 60_000), 'kept from after the motion', {
    default: DEFAULT_CLIP_CONFIG.postRollMs,
  }),
  maxClipMs: optional(Milliseconds(4_000, 60_000), 'longer events go on in a next clip, without a gap', {
    default: DEFAULT_CLIP_CONFIG.maxClipMs,
  }),
})

const ZONES_RULE =
  'up to 16 zones by name, each {kind: include or exclude, points: [[x, y], …]} with 3 to 64 corners in 0…1 of the picture'

const Zones = Type.Record(
  Type.String({ pattern: '^[A-Za-z0-9][A-Za-z0-9 _-]{0,39}$' }),
  Exact({
    kind: OneOf('include', 'exclude'),
    points: Type.Array(Type.Tuple([Fraction(0, 1), Fraction(0, 1)]), { minItems: 3, maxItems: 64 }),
  }),
  { additionalProperties: false, maxProperties: 16, rule: ZONES_RULE },
)

const Motion = section('What counts as motion', {
  mode: optional(
    OneOf('full', 'eco', 'auto'),
    'what is decoded to look for it: every picture, or keyframes until something stirs; auto is eco where that misses nothing',
    { default: DEFAULTS.motionMode },
  ),
  sensitivity: optional(Fraction(1, 10), 'higher notices fainter changes', {
    default: DEFAULT_MOTION_CONFIG.sensitivity,
  }),
  minAreaShare: optional(Fraction(0, 1), 'smallest share of the picture that counts', {
    default: DEFAULT_MOTION_CONFIG.minAreaShare,
  }),
  zones: optional(
    Zones,
    'where motion counts, by a name of yours: only inside include zones where there are any, and never inside exclude zones',
    {
      example: {
        porch: {
          kind: 'include',
          points: [
            [0.1, 0.3],
            [0.9, 0.3],
            [0.9, 1],
            [0.1, 1],
          ],
        },
      },
    },
  ),
})

const Spool = section('The queue of sealed clips on the disk', {
  maximumBytes: optional(Whole(16 * 1024 ** 2, Number.MAX_SAFE_INTEGER), 'it never grows beyond this', {
    default: DEFAULTS.maximumBytes,
  }),
  minimumFreeBytes: optional(
    Whole(0, Number.MAX_SAFE_INTEGER),
    'and leaves this much of the disk free; without the key an eighth of a small disk',
    {
      default: DEFAULTS.minimumFreeBytes,
    },
  ),
})

const Upload = section('Sending to the relay', {
  parallel: optional(Whole(1, 8), 'items in flight at once', { default: DEFAULTS.parallel }),
})

const Events = section('Messages to the relay', {
  maximum: optional(Whole(100, 100_000), 'kept for a relay that is away; then the oldest go unsent', {
    default: DEFAULTS.maximumEvents,
  }),
})

const ClockSection = section('The clock', {
  uncertaintyMs: optional(
    Milliseconds(0, 86_400_000),
    'how far off a clock may be that nothing keeps, as records will say',
    { default: DEFAULTS.uncertaintyMs },
  ),
})

const UpdateSection = section('Updates of the installed package', {
  source: optional(
    TextLike('^(https://[^\\s]+|/[^\\n\\r\\u0000]*)$', 'an https address, or an absolute path'),
    'where the signed manifest of the newest version lies; without it updates are not looked for',
    { example: 'https://releases.example/latchkey-agent-update.json' },
  ),
})

const Control = section('Asking the running agent, from this machine', {
  socket: optional(AbsolutePath, 'where `status`, `walk-test` and `page` ask; else `control.sock` in `dataDir`', {
    example: '/run/latchkey/control.sock',
  }),
})

const LogSection = section('What is written to the journal', {
  level: optional(OneOf('debug', 'info', 'warn', 'error', 'silent'), 'how much', { default: 'info' }),
  format: optional(OneOf('lines', 'json'), 'for people, or for collectors', { default: 'lines' }),
})

/** The operator's file: YAML, every key known, nothing coerced. Secrets are never in it, only paths of files with them. */
export const AgentConfig = Exact({
  dataDir: required(AbsolutePath, 'a directory of its own, mode 0700, for everything the agent keeps', {
    example: '/var/lib/latchkey',
  }),
  ownDisk: optional(
    Switch,
    'dataDir is on a disk of its own: never start on the system disk while that is not mounted',
    {
      default: false,
    },
  ),
  camera: Type.With(CameraConfig, { description: 'The camera' }),
  masks: optional(
    MasksConfig,
    'parts of the picture that are painted black before anything is seen or kept; the pictures are coded anew then, which costs the processor',
    {
      example: {
        neighbour: {
          points: [
            [0.7, 0],
            [1, 0],
            [1, 0.4],
            [0.7, 0.4],
          ],
        },
      },
    },
  ),
  relay: Type.With(Relay, { description: 'The relay' }),
  clip: Clip,
  motion: Motion,
  button: Type.Optional(Type.With(ButtonConfig, { description: 'The bell' })),
  home: Type.Optional(Type.With(HomeConfig, { description: "The household's own MQTT broker, for Home Assistant" })),
  spool: Spool,
  upload: Upload,
  events: Events,
  clock: ClockSection,
  stopGraceMs: optional(Milliseconds(0, 60_000), 'how long a stop waits for the last uploads and messages', {
    default: DEFAULTS.stopGraceMs,
  }),
  update: UpdateSection,
  control: Control,
  log: LogSection,
})
export type AgentConfig = Static<typeof AgentConfig>

/** The same as data: what the documents and messages are made from. */
export const CONFIG_SCHEMA = AgentConfig as unknown as KeySchema

const program = Compile(AgentConfig)

/** What is wrong with the form of `value`: keys and rules, never values. */
function schemaFindings(value: unknown): string[] {
  const findings = [...program.Errors(value)].flatMap(({ instancePath, params }) => {
    const path = ruledPath(CONFIG_SCHEMA, instancePath.split('/').slice(1))
    const { additionalProperties: unknown, requiredProperties: missing } = params as {
      additionalProperties?: readonly string[]
      requiredProperties?: readonly string[]
    }
    const schema = schemaAt(CONFIG_SCHEMA, path)
    // The group around an unknown key names it, with the right words.
    if (schema === undefined) return ruledAbove(path)
    if (unknown && !speaksForAll(schema)) return unknown.map((name) => unknownText(schema, path, name))
    if (missing && !speaksForAll(schema)) return missing.map((name) => missingText([...path, name]))
    return [`${pathText(path) || 'the file'} must be ${ruleOf(schema)}`]
  })
  return [...new Set(findings)]
}

/** A key that people name themselves is not repeated: the key above it has the rule for all of them. */
function ruledAbove(path: readonly string[]): string[] {
  const above = path.findLastIndex((_, at) => schemaAt(CONFIG_SCHEMA, path.slice(0, at))?.rule !== undefined)
  if (above < 0) return []
  const key = path.slice(0, above)
  return [`${pathText(key)} must be ${ruleOf(schemaAt(CONFIG_SCHEMA, key)!)}`]
}

function unknownText(schema: KeySchema, path: readonly string[], name: string): string {
  const meant = nearestKey(schema, name)
  const hint = meant === undefined ? '' : ` (did you mean ${pathText([...path, meant])}?)`
  return `${pathText([...path, name])} is not a known key${hint}`
}

function missingText(path: readonly string[]): string {
  return `${pathText(path)} is missing: it must be ${ruleOf(schemaAt(CONFIG_SCHEMA, path) ?? {})}`
}

function isLoopback(origin: string): boolean {
  const { hostname } = new URL(origin)
  return hostname === 'localhost' || hostname === '[::1]' || /^127\./.test(hostname)
}

function hasPassword(source: string): boolean {
  return URL.canParse(source) && (new URL(source).username !== '' || new URL(source).password !== '')
}

const PASSWORD_KEYS = [
  ['source', 'sourceFile'],
  ['substream', 'substreamFile'],
] as const

function cameraFindings(camera: AgentConfig['camera']): string[] {
  const findings: string[] = []
  if ((camera.source === undefined) === (camera.sourceFile === undefined))
    findings.push('camera needs exactly one of source and sourceFile')
  if (camera.substream !== undefined && camera.substreamFile !== undefined)
    findings.push('camera takes only one of substream and substreamFile')
  const hasSubstream = camera.substream !== undefined || camera.substreamFile !== undefined
  if (hasSubstream && (camera.rate ?? 1) !== 1) findings.push('camera.substream plays at its own pace: leave rate out')
  for (const [key, fileKey] of PASSWORD_KEYS)
    if (camera[key] !== undefined && hasPassword(camera[key]))
      findings.push(`camera.${key} holds a password: put it into a file and name that in camera.${fileKey}`)
  return findings
}

function meaningFindings({ camera, relay, button = {}, home, dataDir }: AgentConfig): string[] {
  const findings = [...cameraFindings(camera), ...buttonFindings(button), ...(home ? homeFindings(home) : [])]
  for (const key of ['origin', 'pageOrigin'] as const) {
    const origin = relay[key]
    if (origin === undefined) continue
    if (!URL.canParse(origin)) findings.push(`relay.${key} is not an origin`)
    else if (origin.startsWith('http://') && !isLoopback(origin))
      findings.push(`relay.${key} must be https outside loopback`)
  }
  if (!isAbsolute(dataDir)) findings.push('dataDir must be an absolute path')
  return findings
}

/** Everything that is wrong with a configuration, each with key and rule, never a value. Untrusted: `value`. */
export function checkAgentConfig(value: unknown): readonly string[] {
  return program.Check(value) ? meaningFindings(value) : schemaFindings(value)
}

/**
 * Checks a configuration as a whole. Untrusted: `value`.
 * @throws CONFIG_INVALID naming every key that is wrong, never a value
 */
export function parseAgentConfig(value: unknown): AgentConfig {
  const findings = checkAgentConfig(value)
  if (findings.length > 0) throw new LatchkeyError('CONFIG_INVALID', `configuration: ${findings.join('; ')}`)
  return value as AgentConfig
}

/**
 * YAML 1.2 core, which JSON is a part of; a key stands once, no aliases. Untrusted: `text`.
 * @throws CONFIG_INVALID naming the line, never quoting it
 */
function parseYaml(text: string): unknown {
  const document = parseDocument(text, { schema: 'core', version: '1.2', logLevel: 'silent' })
  const [error] = [...document.errors, ...document.warnings]
  if (error) {
    // The cause would quote the text.
    const line = error.linePos?.[0].line
    throw new LatchkeyError('CONFIG_INVALID', `the configuration file is not YAML: line ${line}: ${error.code}`)
  }
  try {
    return document.toJS({ maxAliasCount: 0 }) as unknown
  } catch {
    throw new LatchkeyError('CONFIG_INVALID', 'the configuration file uses YAML aliases; write the values out')
  }
}

/** A heading without a key below it (`clip:` alone, null in YAML) is no group at all. */
function withoutEmptyGroups(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  const isEmpty = ([name, member]: [string, unknown]) =>
    member === null && mayBeEmpty(CONFIG_SCHEMA.properties?.[name] ?? {})
  return Object.fromEntries(Object.entries(value).filter((entry) => !isEmpty(entry)))
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EACCES: 'this user may not read it',
  EISDIR: 'it is a directory',
}

/** A configuration file, not yet checked. @throws CONFIG_INVALID when it cannot be read or is not YAML */
export async function loadConfigValue(path: string): Promise<unknown> {
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    const reason = REASONS[(cause as NodeJS.ErrnoException).code ?? ''] ?? 'it cannot be read'
    throw new LatchkeyError('CONFIG_INVALID', `the configuration file ${path}: ${reason}`, { cause })
  })
  return withoutEmptyGroups(parseYaml(text))
}

/** Checks the text of a configuration file. Untrusted. @throws CONFIG_INVALID */
export function parseConfigText(text: string): AgentConfig {
  return parseAgentConfig(withoutEmptyGroups(parseYaml(text)))
}

/** Reads and checks a configuration file. @throws CONFIG_INVALID */
export async function loadAgentConfig(path: string): Promise<AgentConfig> {
  return parseAgentConfig(await loadConfigValue(path))
}

/** The first line of a file that holds an address. @throws CONFIG_INVALID naming the key */
async function loadAddressFile(path: string, key: string): Promise<string> {
  const text = await readFile(path, 'utf8').catch(() => null)
  const address = text?.split('\n')[0]?.trim()
  if (!address) throw new LatchkeyError('CONFIG_INVALID', `${key} does not hold an address`)
  return address
}

/** The camera's address, from the configuration or the file it names. Secret. @throws CONFIG_INVALID */
export async function loadCameraAddress({ camera }: AgentConfig): Promise<string> {
  return camera.source ?? loadAddressFile(camera.sourceFile!, 'camera.sourceFile')
}

/** The same of the stream that motion is looked for in, where there is one. Secret. @throws CONFIG_INVALID */
export async function loadSubstreamAddress({ camera }: AgentConfig): Promise<string | undefined> {
  if (camera.substreamFile === undefined) return camera.substream
  return loadAddressFile(camera.substreamFile, 'camera.substreamFile')
}
