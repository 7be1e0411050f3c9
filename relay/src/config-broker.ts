/** Which broker doorbells report to: the relay's own, or a Mosquitto. */
import { Exact } from '@latchkey/shared'
import { type Static, Type } from 'typebox'
import { Host, invalid, isLoopback, Path, Port, readText } from './config-reading.ts'

const BrokerUrl = Type.String({ pattern: '^mqtts?://[^\\s@]+$', maxLength: 300 })

/** Keys of the configuration file; one of the two stands there. */
export const BrokerKeys = {
  /** The relay's own broker. */
  broker: Type.Optional(
    Exact({
      host: Host,
      port: Port,
      /** What devices are told; default from host and port. */
      url: Type.Optional(BrokerUrl),
      tls: Type.Optional(Exact({ certFile: Path, keyFile: Path })),
    }),
  ),
  /** In its place, a Mosquitto that several relays may share, set up as in `infra/mosquitto`. */
  mosquitto: Type.Optional(
    Exact({
      /** What devices are told. */
      url: BrokerUrl,
      /** Where the relay itself connects. */
      relayUrl: BrokerUrl,
      username: Type.String({ minLength: 1, maxLength: 100 }),
      passwordFile: Path,
      /** For a broker with a private CA. */
      caFile: Type.Optional(Path),
    }),
  ),
}
type BrokerFile = Static<ReturnType<typeof Exact<typeof BrokerKeys>>>

/** With files read. */
export type BrokerConfig =
  | {
      readonly kind: 'embedded'
      readonly host: string
      readonly port: number
      readonly url: string | null
      readonly tls: { readonly cert: string; readonly key: string } | null
    }
  | {
      readonly kind: 'mosquitto'
      readonly url: string
      readonly relayUrl: string
      readonly username: string
      readonly password: string
      readonly ca: string | null
    }

/** Plain MQTT carries passwords: only as long as it stays on the machine. */
function assertBrokerUrl(url: string, key: string): void {
  if (!URL.canParse(url)) throw invalid(`${key}: not a URL`)
  const { protocol, hostname } = new URL(url)
  if (protocol === 'mqtt:' && !isLoopback(hostname)) throw invalid(`${key}: must be mqtts outside loopback`)
}

async function loadMosquitto(
  file: NonNullable<BrokerFile['mosquitto']>,
  at: (path: string) => string,
): Promise<BrokerConfig> {
  const { url, relayUrl, username, passwordFile, caFile } = file
  assertBrokerUrl(url, 'mosquitto.url')
  assertBrokerUrl(relayUrl, 'mosquitto.relayUrl')
  const password = (await readText(at(passwordFile), 'mosquitto.passwordFile')).trim()
  if (password === '') throw invalid('mosquitto.passwordFile: is empty')
  const ca = caFile === undefined ? null : await readText(at(caFile), 'mosquitto.caFile')
  return { kind: 'mosquitto', url, relayUrl, username, password, ca }
}

async function loadEmbedded(
  file: NonNullable<BrokerFile['broker']>,
  at: (path: string) => string,
): Promise<BrokerConfig> {
  const { host, port, url, tls } = file
  if (!isLoopback(host) && tls === undefined) throw invalid('broker.tls: required when broker.host is not loopback')
  const files = tls && {
    cert: await readText(at(tls.certFile), 'broker.tls.certFile'),
    key: await readText(at(tls.keyFile), 'broker.tls.keyFile'),
  }
  return { kind: 'embedded', host, port, url: url ?? null, tls: files ?? null }
}

/** @param at a path of the file → a path · @throws CONFIG_INVALID naming the key */
export async function loadBroker(
  { broker, mosquitto }: BrokerFile,
  at: (path: string) => string,
): Promise<BrokerConfig> {
  if (broker && !mosquitto) return loadEmbedded(broker, at)
  if (mosquitto && !broker) return loadMosquitto(mosquitto, at)
  throw invalid('broker, mosquitto: one of them, and not both, says where doorbells report')
}
