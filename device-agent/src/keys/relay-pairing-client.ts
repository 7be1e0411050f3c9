import { LatchkeyError, pairingAnswer, trust } from '@latchkey/shared'
import { readJson, type RelayClient } from '@latchkey/shared/client'
import type { PairingRelay } from './pairing.ts'

/**
 * The relay's mailbox and trust file over HTTP.
 * @param client without a key: these routes ask for none
 */
export function createRelayPairingClient(client: RelayClient): PairingRelay {
  async function put(path: string, json: unknown): Promise<void> {
    const response = await client.send('PUT', path, { json })
    await response.body?.cancel()
    // Never as PAIRING_FAILED, which would count as a wrong answer.
    if (!response.ok) throw new LatchkeyError('UNAVAILABLE', `the pairing mailbox answered ${response.status}`)
  }
  return {
    async identity() {
      const { relays, logs } = await client.json('GET', '/v1/trust.json', trust)
      const jwk = relays.find((relay) => relay.origin === client.origin)?.jwk
      const logVkey = logs[0]
      if (jwk === undefined || logVkey === undefined)
        throw new LatchkeyError('TRUST_INVALID', 'the relay does not name its own keys under the configured origin')
      return { jwk, logVkey }
    },
    putHello: (mailbox, raw) => put(`/v1/pairings/${mailbox}/hello`, { hello: raw }),
    async getAnswer(mailbox) {
      const response = await client.send('GET', `/v1/pairings/${mailbox}/answer`)
      if (response.status === 404) {
        await response.body?.cancel()
        return null
      }
      return readJson(response, pairingAnswer)
    },
    putDone: (mailbox, raw) => put(`/v1/pairings/${mailbox}/done`, { ack: raw }),
  }
}
