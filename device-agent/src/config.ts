import { Exact, LatchkeyError } from '@latchkey/shared'
import { readFile } from 'node:fs/promises'
import { isAbsolute } from 'node:path'
import { Type, type Static } from 'typebox'
import { Compile } from 'typebox/compile'
import { parseDocument } from 'yaml'

const Milliseconds = (minimum: number, maximum: number) => Type.Integer({ minimum, maximum })
const AbsolutePath = Type.String({ pattern: '^/', maxLength: 4_096 })
const OriginText = Type.String({ pattern: '^https?://[a-z0-9.:\\[\\]-]{1,255}$' })

/** The operator's file: YAML, every key known, nothing coerced. Secrets are never in it, only paths of files with them. */
export const AgentConfig = Exact({
  /** Everything the agent keeps lies here; mode 0700. */
  dataDir: AbsolutePath,
  camera: Exact({
    /** A file, `rtsp://…` without user and password, `/dev/video0` or `rpicam`. */
    source: Type.Optional(Type.String({ minLength: 1, maxLength: 4_096 })),
    /** A file that holds the source in its first line: for addresses with a password. */
    sourceFile: Type.Optional(AbsolutePath),
    /** For the household only: stands in sealed items. */
    name: Type.String({ minLength: 1, maxLength: 100 }),
    /** A file starts again at its end. */
    loop: Type.Optional(Type.Boolean()),
    /** A file plays this much faster. */
    rate: Type.Optional(Type.Number({ minimum: 1, maximum: 1_000 })),
    /** Silence after which the camera counts as lost. */
    staleMs: Type.Optional(Milliseconds(1_000, 600_000)),
  }),
  relay: Exact({
    origin: OriginText,
    /** Where the page behind the pairing URL is served; the relay's origin when absent. */
    pageOrigin: Type.Optional(OriginText),
    /** The log's verifier key; what the relay says at pairing when absent. */
    logVkey: Type.Optional(Type.String({ minLength: 1, maxLength: 300 })),
  }),
  clip: Type.Optional(
    Exact({
      preRollMs: Type.Optional(Milliseconds(0, 30_000)),
      postRollMs: Type.Optional(Milliseconds(0, 60_000)),
      maxClipMs: Type.Optional(Milliseconds(4_000, 60_000)),
    }),
  ),
  motion: Type.Optional(
    Exact({
      sensitivity: Type.Optional(Type.Number({ minimum: 1, maximum: 10 })),
      minAreaShare: Type.Optional(Type.Number({ minimum: 0, maximum: 1 })),
    }),
  ),
  spool: Type.Optional(
    Exact({
      /** Default 2 GiB. */
      maximumBytes: Type.Optional(Type.Integer({ minimum: 16 * 1024 * 1024, maximum: Number.MAX_SAFE_INTEGER })),
      /** Default 256 MiB. */
      minimumFreeBytes: Type.Optional(Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })),
    }),
  ),
  upload: Type.Optional(Exact({ parallel: Type.Optional(Type.Integer({ minimum: 1, maximum: 8 })) })),
  events: Type.Optional(Exact({ maximum: Type.Optional(Type.Integer({ minimum: 100, maximum: 1_000_000 })) })),
  clock: Type.Optional(
    Exact({
      /** Claimed of a clock that nothing keeps. Default 5,000. */
      uncertaintyMs: Type.Optional(Milliseconds(0, 86_400_000)),
    }),
  ),
  /** How long a stop may wait for uploads and events to go out. Default 5,000. */
  stopGraceMs: Type.Optional(Milliseconds(0, 60_000)),
  log: Type.Optional(
    Exact({
      level: Type.Optional(
        Type.Union([
          Type.Literal('debug'),
          Type.Literal('info'),
          Type.Literal('warn'),
          Type.Literal('error'),
          Type.Literal('silent'),
        ]),
      ),
      format: Type.Optional(Type.Union([Type.Literal('lines'), Type.Literal('json')])),
    }),
  ),
})
export type AgentConfig = Static<typeof AgentConfig>

const program = Compile(AgentConfig)

/** Findings that name keys and rules, never values. */
function schemaFindings(value: unknown): string[] {
  return [...program.Errors(value)].map((error) => {
    const key = error.instancePath.slice(1).replaceAll('/', '.')
    const unknown = (error.params as { additionalProperties?: readonly string[] }).additionalProperties
    if (unknown) return unknown.map((name) => `${[key, name].filter(Boolean).join('.')} is not a known key`).join('; ')
    return `${key || 'the file'} ${error.message}`
  })
}

function isLoopback(origin: string): boolean {
  const { hostname } = new URL(origin)
  return hostname === 'localhost' || hostname === '[::1]' || /^127\./.test(hostname)
}

function hasPassword(source: string): boolean {
  return URL.canParse(source) && (new URL(source).username !== '' || new URL(source).password !== '')
}

function meaningFindings({ camera, relay, dataDir }: AgentConfig): string[] {
  const findings: string[] = []
  if ((camera.source === undefined) === (camera.sourceFile === undefined))
    findings.push('camera needs exactly one of source and sourceFile')
  if (camera.source !== undefined && hasPassword(camera.source))
    findings.push('camera.source holds a password: put it into a file and name that in camera.sourceFile')
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

/**
 * Checks a configuration as a whole. Untrusted: `value`.
 * @throws CONFIG_INVALID naming every key that is wrong, never a value
 */
export function parseAgentConfig(value: unknown): AgentConfig {
  const findings = program.Check(value) ? meaningFindings(value) : schemaFindings(value)
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

/** Reads and checks a configuration file. @throws CONFIG_INVALID */
export async function loadAgentConfig(path: string): Promise<AgentConfig> {
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw new LatchkeyError('CONFIG_INVALID', 'the configuration file cannot be read', { cause })
  })
  return parseAgentConfig(parseYaml(text))
}

/** The camera's address, from the configuration or the file it names. Secret. @throws CONFIG_INVALID */
export async function loadCameraAddress({ camera }: AgentConfig): Promise<string> {
  if (camera.source !== undefined) return camera.source
  const text = await readFile(camera.sourceFile!, 'utf8').catch(() => null)
  const address = text?.split('\n')[0]?.trim()
  if (!address) throw new LatchkeyError('CONFIG_INVALID', 'camera.sourceFile does not hold an address')
  return address
}
