import {
  appDigestOf,
  createValidator,
  Exact,
  Jwk,
  NOTE_COSIGNATURE,
  Origin,
  parseAppFiles,
  parseVkey,
  policy as policyValidator,
  type Policy,
  type PublicJwk,
  strayTemplates,
  toHex,
  utf8,
} from '@latchkey/shared'
import { isIP } from 'node:net'
import { dirname, join, resolve } from 'node:path'
import { Type, type Static } from 'typebox'
import { type BrokerConfig, BrokerKeys, loadBroker } from './config-broker.ts'
import { Host, invalid, isLoopback, parseJson, Path, Port, readText } from './config-reading.ts'
import { loadStore, type StoreConfig, StoreKeys } from './config-store.ts'
import type { WitnessPlace } from './log/witnesses.ts'

const ProxyAddress = Type.String({ pattern: '^([0-9]{1,3}(\\.[0-9]{1,3}){3}|[0-9a-fA-F:]{2,39})(/[0-9]{1,3})?$' })
const AppName = Type.String({ pattern: '^[a-z0-9][a-z0-9-]{0,63}$' })
const PushHost = Type.String({ pattern: '^(\\*\\.)?[a-z0-9-]+(\\.[a-z0-9-]+)+$', maxLength: 253 })
/** Plain HTTP only on this machine: nobody else is to see, or to answer, what the log asks. */
const WitnessUrl = Type.String({
  pattern: '^(https://|http://(localhost|127\\.0\\.0\\.1|\\[::1\\])(:\\d+)?(/|$))[^\\s?#]*$',
  maxLength: 300,
})

/** The relay's configuration file. Every key is checked, unknown ones are errors, secrets stand in files of their own. */
export const RelayConfigFile = Exact({
  /** What callers prove (`htu`) and receipts name. Without it: http on the listening address, loopback only. */
  publicOrigin: Type.Optional(Origin),
  /** Addresses of the proxies in front, IP or CIDR: whom they say that they speak for is believed. */
  proxies: Type.Optional(Type.Array(ProxyAddress, { maxItems: 16, uniqueItems: true })),
  /** Port 0: any free one. */
  listen: Exact({ host: Host, port: Port }),
  /** /healthz, /readyz, /metrics: never on a public address. */
  operatorListen: Exact({ host: Host, port: Port }),
  /** Holds secrets, items and, without databaseUrl, the database. */
  dataDir: Path,
  /** postgres://…; without it the relay runs its own PostgreSQL. */
  databaseUrl: Type.Optional(Type.String({ pattern: '^postgres(ql)?://', maxLength: 2_048 })),
  /** Its password, so that it need not stand in the configuration. */
  databasePasswordFile: Type.Optional(Path),
  /** Connections to the database at most; default 10. */
  databaseConnections: Type.Optional(Type.Integer({ minimum: 3, maximum: 1_000 })),
  /** The relay's own keys; default `secrets` in dataDir. Relays that share a database share them. */
  secretsDir: Type.Optional(Path),
  ...StoreKeys,
  ...BrokerKeys,
  /** Name of this process among those that share a database and a broker: the same after a restart. */
  instance: Type.Optional(Type.String({ pattern: '^[a-z0-9-]{1,40}$' })),
  policyFile: Path,
  /** Default: `open` on loopback, `invitation` elsewhere. */
  enrolment: Type.Optional(Type.Union([Type.Literal('open'), Type.Literal('invitation')])),
  /** One code per line; each admits one household. */
  invitationsFile: Type.Optional(Path),
  /** Key of the operator; without it nobody administers agencies. */
  operatorJwk: Type.Optional(Jwk),
  /** Origins of the web apps that may call from a browser. */
  appOrigins: Type.Optional(Type.Array(Origin, { maxItems: 16, uniqueItems: true })),
  /** Web apps that belong to this relay: each is logged under its name, by the list of files that its build made. */
  apps: Type.Optional(Type.Array(Exact({ name: AppName, filesList: Path }), { maxItems: 16 })),
  log: Type.Optional(
    Exact({
      /** How long sealed leaves are collected; default 1,000 on loopback, 60,000 elsewhere. */
      batchMs: Type.Optional(Type.Integer({ minimum: 10, maximum: 3_600_000 })),
      /** Name of the log when its key is made; default `<public host>/log`. */
      origin: Type.Optional(Type.String({ pattern: '^[A-Za-z0-9._:/\\[\\]-]{1,200}$' })),
      /** Who cosigns each checkpoint before it is published. */
      witnesses: Type.Optional(
        Type.Array(Exact({ url: WitnessUrl, vkey: Type.String({ maxLength: 512 }) }), { minItems: 1, maxItems: 16 }),
      ),
      /** How many of them must have; default all. */
      quorum: Type.Optional(Type.Integer({ minimum: 1, maximum: 16 })),
    }),
  ),
  push: Type.Optional(
    Exact({
      /** Hosts that may be written to, `*.` in front for all below; default: the push services of the known browsers. */
      services: Type.Optional(Type.Array(PushHost, { minItems: 1, maxItems: 64, uniqueItems: true })),
      /** Push services on this machine too: for tests and demonstrations, and only where the relay is on loopback. */
      loopback: Type.Optional(Type.Boolean()),
      /** Whom push services may write to about us; default `publicOrigin`. */
      contact: Type.Optional(Type.String({ pattern: '^(mailto:[^\\s@]+@[^\\s@]+|https://[^\\s]+)$', maxLength: 300 })),
    }),
  ),
  /** Days a clip is kept; default and maximum from the policy in force. */
  retentionDays: Type.Optional(Type.Integer({ minimum: 1, maximum: 3_650 })),
  logLevel: Type.Optional(Type.Enum(['debug', 'info', 'warn', 'error', 'silent'])),
})
export type RelayConfigFile = Static<typeof RelayConfigFile>
const configFile = createValidator(RelayConfigFile)

/** The configuration with defaults in place and files read. */
export interface RelayConfig {
  readonly publicOrigin: string | null
  readonly proxies: readonly string[]
  readonly listen: { readonly host: string; readonly port: number }
  readonly operatorListen: { readonly host: string; readonly port: number }
  readonly dataDir: string
  readonly secretsDir: string
  /** Null: our own. */
  readonly database: { readonly url: string; readonly password: string | null } | null
  readonly databaseConnections: number
  /** Null: a folder in dataDir. */
  readonly store: StoreConfig | null
  readonly broker: BrokerConfig
  readonly instance: string
  /** What the operator wants: looser than what is in force, it is announced first. */
  readonly policy: Policy
  readonly enrolment: { readonly mode: 'open' } | { readonly mode: 'invitation'; readonly codes: readonly string[] }
  readonly operatorJwk: PublicJwk | null
  readonly appOrigins: readonly string[]
  readonly apps: readonly { readonly name: string; readonly digest: string }[]
  readonly batchMs: number
  readonly logOrigin: string | null
  /** `quorum` 0: there are none. */
  readonly witnesses: { readonly places: readonly WitnessPlace[]; readonly quorum: number }
  readonly push: {
    /** Null: those of the known browsers. */
    readonly hosts: readonly string[] | null
    readonly loopback: boolean
    readonly contact: string
  }
  /** Null: as the policy in force says. */
  readonly retentionDays: number | null
  readonly logLevel: string
}

/** JSON text of a policy file → policy. @throws CONFIG_INVALID */
export function parsePolicy(text: string): Policy {
  const value = parseJson(text, 'policyFile')
  if (!policyValidator.check(value)) throw invalid(`policyFile: ${policyValidator.explain(value)}`)
  const [stray] = strayTemplates(value)
  if (stray !== undefined)
    throw invalid(`policyFile: this program has no text “${stray}” of that digest: the policy and the texts must agree`)
  return value
}

/** Plain http and plain MQTT carry nothing secret only as long as they stay on the machine. */
function assertTransport(file: RelayConfigFile): void {
  const origin = file.publicOrigin === undefined ? null : new URL(file.publicOrigin)
  if (origin === null && !isLoopback(file.listen.host))
    throw invalid('publicOrigin: required when listen.host is not loopback')
  if (origin?.protocol === 'http:' && !isLoopback(origin.hostname))
    throw invalid('publicOrigin: must be https outside loopback')
  if (!isLoopback(file.operatorListen.host) && file.operatorListen.host === file.listen.host)
    throw invalid('operatorListen.host: must not be the public address')
  const isPublic = !isLoopback(file.listen.host) || (origin !== null && !isLoopback(origin.hostname))
  if (file.push?.loopback === true && isPublic)
    throw invalid('push.loopback: only a relay on loopback writes to push services on its own machine')
}

/** A network of any size is anybody: every caller could then say that it is another. */
function assertProxies({ proxies = [] }: RelayConfigFile): void {
  for (const proxy of proxies) {
    const [address, bits] = proxy.split('/')
    const width = isIP(address!) === 4 ? 32 : 128
    if (isIP(address!) === 0 || (bits !== undefined && (Number(bits) < 8 || Number(bits) > width)))
      throw invalid('proxies: each is an IP address, or a network of at least 8 bits')
  }
}

async function loadEnrolment(file: RelayConfigFile, at: (path: string) => string): Promise<RelayConfig['enrolment']> {
  const mode =
    file.enrolment ?? (isLoopback(file.listen.host) && file.publicOrigin === undefined ? 'open' : 'invitation')
  if (mode === 'open') return { mode }
  if (file.invitationsFile === undefined) return { mode, codes: [] }
  const text = await readText(at(file.invitationsFile), 'invitationsFile')
  const codes = text.split('\n').map((line) => line.trim())
  return { mode, codes: codes.filter((code) => code !== '') }
}

async function loadDatabase(file: RelayConfigFile, at: (path: string) => string): Promise<RelayConfig['database']> {
  const { databaseUrl, databasePasswordFile } = file
  if (databaseUrl === undefined) {
    if (databasePasswordFile === undefined) return null
    throw invalid('databasePasswordFile: there is no databaseUrl that it is for')
  }
  if (!URL.canParse(databaseUrl)) throw invalid('databaseUrl: not a URL')
  if (databasePasswordFile === undefined) return { url: databaseUrl, password: null }
  const password = (await readText(at(databasePasswordFile), 'databasePasswordFile')).trim()
  if (password === '') throw invalid('databasePasswordFile: is empty')
  return { url: databaseUrl, password }
}

/** Read at the start: an app is published with the relay that it belongs to. */
async function loadApps({ apps = [] }: RelayConfigFile, at: (path: string) => string): Promise<RelayConfig['apps']> {
  if (new Set(apps.map(({ name }) => name)).size < apps.length) throw invalid('apps: one name twice')
  return Promise.all(
    apps.map(async ({ name, filesList }) => {
      const list = utf8(await readText(at(filesList), 'apps.filesList'))
      try {
        parseAppFiles(list)
      } catch (cause) {
        throw invalid('apps.filesList: not a list of files as the build makes it', cause)
      }
      return { name, digest: appDigestOf(list) }
    }),
  )
}

/** @throws CONFIG_INVALID for what is no witness's key, one key twice, and a quorum without or above the witnesses */
function witnessesOf({ log = {} }: RelayConfigFile): RelayConfig['witnesses'] {
  const places = (log.witnesses ?? []).map(({ url, vkey }) => {
    try {
      return { url: url.replace(/\/$/, ''), key: parseVkey(vkey) }
    } catch (cause) {
      throw invalid('log.witnesses.vkey: not the key of a witness', cause)
    }
  })
  if (places.some(({ key }) => key.type !== NOTE_COSIGNATURE))
    throw invalid('log.witnesses.vkey: the key of a log, not of a witness')
  if (new Set(places.map(({ key }) => toHex(key.publicKey))).size < places.length)
    throw invalid('log.witnesses: one key twice is one witness')
  const quorum = log.quorum ?? places.length
  if (quorum > places.length) throw invalid('log.quorum: more than there are witnesses')
  return { places, quorum }
}

/** Push services want somebody to write to: with http, which is loopback, there is nobody. @see RFC 8292 §2.1 */
function pushOf({ push = {}, publicOrigin }: RelayConfigFile): RelayConfig['push'] {
  const own = publicOrigin?.startsWith('https:') ? publicOrigin : 'mailto:nobody@localhost'
  return { hosts: push.services ?? null, loopback: push.loopback ?? false, contact: push.contact ?? own }
}

/**
 * A configuration file's value → configuration.
 * @param raw untrusted
 * @param folder relative paths start here
 * @throws CONFIG_INVALID naming the key, never a value of a secret
 */
export async function loadConfig(raw: unknown, folder: string): Promise<RelayConfig> {
  if (!configFile.check(raw)) throw invalid(`configuration: ${configFile.explain(raw)}`)
  assertTransport(raw)
  assertProxies(raw)
  const at = (path: string): string => resolve(folder, path)
  const policy = parsePolicy(await readText(at(raw.policyFile), 'policyFile'))
  const retentionDays = raw.retentionDays ?? null
  if ((retentionDays ?? 0) > policy.retentionDays.maximum)
    throw invalid('retentionDays: over the maximum of the policy')
  return {
    publicOrigin: raw.publicOrigin ?? null,
    proxies: raw.proxies ?? [],
    listen: raw.listen,
    operatorListen: raw.operatorListen,
    dataDir: at(raw.dataDir),
    secretsDir: at(raw.secretsDir ?? join(raw.dataDir, 'secrets')),
    database: await loadDatabase(raw, at),
    databaseConnections: raw.databaseConnections ?? 10,
    store: await loadStore(raw, at),
    broker: await loadBroker(raw, at),
    instance: raw.instance ?? 'relay',
    policy,
    enrolment: await loadEnrolment(raw, at),
    operatorJwk: raw.operatorJwk ?? null,
    appOrigins: raw.appOrigins ?? [],
    apps: await loadApps(raw, at),
    batchMs: raw.log?.batchMs ?? (isLoopback(raw.listen.host) ? 1_000 : 60_000),
    logOrigin: raw.log?.origin ?? null,
    witnesses: witnessesOf(raw),
    push: pushOf(raw),
    retentionDays,
    logLevel: raw.logLevel ?? 'info',
  }
}

/** The configuration of a file; relative paths in it start at its folder. @throws CONFIG_INVALID */
export async function loadConfigFile(path: string): Promise<RelayConfig> {
  return loadConfig(parseJson(await readText(path, '--config'), '--config'), dirname(resolve(path)))
}
