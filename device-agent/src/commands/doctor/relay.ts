import {
  codeOf,
  deviceCertificate,
  LatchkeyError,
  logTrustOf,
  mqttCredentials,
  openCheckpoint,
  trust,
} from '@latchkey/shared'
import { createRelayClient, readJson } from '@latchkey/shared/client'
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { connect, type PeerCertificate, type TLSSocket } from 'node:tls'
import { isFileError, readFileOrNull } from '../../kernel/atomic-file.ts'
import type { Clock } from '../../kernel/clock.ts'
import { connectionFailure } from '../../kernel/connection-failure.ts'
import { loadDeviceKey } from '../../keys/device-key.ts'
import { createPairingStore, type PairingState } from '../../keys/pairing-state.ts'
import { createMqttOpener } from '../../link/mqtt-session.ts'
import { type Finding, findingsOf, type Patient } from './finding.ts'

const relayFinding = findingsOf('relay')
const broker = findingsOf('broker')
const pairing = findingsOf('pairing')
const logFinding = findingsOf('log')

const TIMEOUT_MS = 10_000
const SETUP = 'sudo latchkey-agent setup'
/** What to do about it, where it says more of a relay than of any server. */
const RELAY_FIXES: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'is the relay running? is the port of relay.origin right?',
  ECONNRESET: 'is the relay running? is relay.origin https or http?',
  CERT_HAS_EXPIRED: 'the relay’s operator must renew it; is this machine’s clock right?',
  ERR_TLS_CERT_ALTNAME_INVALID: 'check relay.origin',
}

function unreachable(error: unknown): Finding {
  const failure = connectionFailure(error)
  if (failure === null)
    return relayFinding.fail('cannot be used: it does not answer', 'check the network: does ping work?')
  return relayFinding.fail(`cannot be used: ${failure.text}`, RELAY_FIXES[failure.code] ?? failure.fix)
}

interface TlsFacts {
  readonly protocol: string
  readonly daysLeft: number
}

/** Protocol and certificate of a server that is trusted; null when they cannot be had. */
function loadTlsFacts({ hostname, port }: URL, clock: Clock): Promise<TlsFacts | null> {
  const host = hostname.replace(/^\[|\]$/g, '')
  return new Promise((resolve) => {
    const socket: TLSSocket = connect({ host, port: Number(port || 443), servername: host, timeout: TIMEOUT_MS })
    const end = (facts: TlsFacts | null) => {
      socket.destroy()
      resolve(facts)
    }
    socket.once('secureConnect', () => {
      const certificate: Partial<PeerCertificate> = socket.getPeerCertificate()
      const daysLeft = (Date.parse(certificate.valid_to ?? '') - clock.nowMs()) / 86_400_000
      end({ protocol: socket.getProtocol() ?? 'TLS', daysLeft })
    })
    socket.once('error', () => end(null))
    socket.once('timeout', () => end(null))
  })
}

/** What {@link checkRelay} looks at. */
export interface RelayPatient {
  readonly config: { readonly relay: { readonly origin: string } }
  readonly clock: Clock
}

const SOON_DAYS = 7

async function tlsFinding(origin: URL, clock: Clock): Promise<Finding> {
  const speaks = `${origin.origin} answers, version 1`
  if (origin.protocol === 'http:') return relayFinding.pass(`${speaks}, on this machine`)
  const facts = await loadTlsFacts(origin, clock)
  if (facts === null || !Number.isFinite(facts.daysLeft)) return relayFinding.pass(speaks)
  const text = `${speaks}, ${facts.protocol}, certificate for ${Math.floor(facts.daysLeft)} days`
  if (facts.daysLeft > SOON_DAYS) return relayFinding.pass(text)
  return relayFinding.warn(text, 'the relay’s operator must renew the certificate')
}

/** Reachable, over TLS, of our version. `offsetMs`: its clock minus ours. */
export async function checkRelay({
  config,
  clock,
}: RelayPatient): Promise<{ finding: Finding; offsetMs: number | null }> {
  const { origin } = config.relay
  const client = createRelayClient({ origin, nowMs: () => clock.nowMs() })
  let offsetMs: number | null = null
  try {
    const response = await client.send('GET', '/v1/trust.json', { timeoutMs: TIMEOUT_MS })
    const dateMs = Date.parse(response.headers.get('date') ?? '')
    // Whole seconds: half of one is the fair guess.
    if (Number.isFinite(dateMs)) offsetMs = dateMs + 500 - clock.nowMs()
    const { relays } = await readJson(response, trust)
    if (!relays.some((relay) => relay.origin === origin))
      return {
        finding: relayFinding.fail('it calls itself by another name', 'write relay.origin as the relay does'),
        offsetMs,
      }
    return { finding: await tlsFinding(new URL(origin), clock), offsetMs }
  } catch (error) {
    if (!(error instanceof LatchkeyError)) throw error
    if (codeOf(error) === 'UNAVAILABLE') return { finding: unreachable(error), offsetMs }
    const fix = 'check relay.origin; is it a Latchkey relay of this version?'
    return { finding: relayFinding.fail('what answers there is no relay of this version', fix), offsetMs }
  }
}

/** Whose device this is. `state` when it is anybody's and may be read. */
export async function checkPairing({ config }: Patient): Promise<{ finding: Finding; state: PairingState | null }> {
  try {
    const state = await createPairingStore(join(config.dataDir, 'keys')).load()
    if (state === null) return { finding: pairing.fail('not paired: nothing is recorded', SETUP), state }
    if (state.relay !== config.relay.origin)
      return {
        finding: pairing.fail(
          'paired with another relay than relay.origin',
          'name that relay again, or pair anew with setup',
        ),
        state: null,
      }
    return { finding: pairing.pass(`paired, for the ${nth(state.epoch)} time`), state }
  } catch (error) {
    if (isFileError(error, 'EACCES'))
      return { finding: pairing.skip('only root may look: try again with sudo'), state: null }
    if (!(error instanceof LatchkeyError)) throw error
    return { finding: pairing.fail(error.message, SETUP), state: null }
  }
}

function nth(n: number): string {
  return n === 1 ? 'first' : n === 2 ? 'second' : n === 3 ? 'third' : `${n}th`
}

/** A connection as the device makes it, ended at once. */
export async function checkBroker({ config, clock, running }: Patient, state: PairingState | null): Promise<Finding> {
  if (state === null) return broker.skip('looked at once it is paired')
  // A second connection of the device would end the first.
  if (running) return broker.skip('in use by the running doorbell: latchkey-agent status says whether it is connected')
  const signer = await loadDeviceKey(join(config.dataDir, 'keys', 'device.key'))
  const relay = createRelayClient({ origin: state.relay, signer, nowMs: () => clock.nowMs() })
  const { device } = deviceCertificate.parse(state.deviceCertificate).payload.latchkey
  const stage = { credentials: false }
  const open = createMqttOpener({
    device,
    clock,
    credentials: async () => {
      const credentials = await relay.json('POST', '/v1/mqtt-credentials', mqttCredentials, { timeoutMs: TIMEOUT_MS })
      stage.credentials = true
      return credentials
    },
  })
  try {
    const session = await open({ onAcknowledged: () => {}, onCheckpoint: () => {} })
    await session.end()
    return broker.pass('takes this device’s messages')
  } catch (error) {
    if (!(error instanceof LatchkeyError)) throw error
    if (stage.credentials)
      return broker.fail('the relay names it, and it cannot be reached', 'is its port open? ask the relay’s operator')
    if (codeOf(error) === 'UNAVAILABLE') return broker.skip('the relay does not answer')
    return broker.fail(
      `the relay gives no access: ${error.message}`,
      'was the device removed on the phone? pair it anew',
    )
  }
}

const DAY_MS = 86_400_000

/** The newest checkpoint of the log that the agent has verified. */
export async function checkLog({ config, clock }: Patient, state: PairingState | null): Promise<Finding> {
  if (state === null) return logFinding.skip('followed once it is paired')
  const path = join(config.dataDir, 'keys', 'checkpoint')
  const raw = await readFileOrNull(path)
  if (raw === null) return logFinding.skip('none seen yet: the running doorbell fetches it')
  try {
    const { size } = openCheckpoint(raw, logTrustOf({ logs: [state.logVkey], witnesses: [], quorum: 0 }))
    const ageDays = (clock.nowMs() - (await stat(path)).mtimeMs) / DAY_MS
    const text = `verified up to entry ${size}`
    if (ageDays < 2) return logFinding.pass(text)
    return logFinding.warn(`${text}, ${Math.floor(ageDays)} days ago`, 'journalctl -u latchkey-agent | grep -i log')
  } catch {
    return logFinding.fail(
      'the kept checkpoint is not signed by the log of this pairing',
      `sudo rm ${path}; the next one is taken on its signature`,
    )
  }
}
