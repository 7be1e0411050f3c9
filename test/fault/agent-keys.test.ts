import { answerHello, createSigner, parsePairingUrl, type PairingAnswer } from '@latchkey/shared'
import { describe, expect, test } from 'vitest'
import { armFailpoint, type Failpoints, noFailpoints } from '../../device-agent/src/kernel/failpoint.ts'
import { loadDeviceKey } from '../../device-agent/src/keys/device-key.ts'
import { type PairingRelay, runPairing } from '../../device-agent/src/keys/pairing.ts'
import { createPairingStore, KEYS_FAILPOINTS } from '../../device-agent/src/keys/pairing-state.ts'
import { createHousehold, type Household } from '../support/household.ts'
import { createLeapingClock } from '../support/leaping-clock.ts'
import { createTemporaryFolder } from '../support/temporary-folder.ts'

const RELAY = 'https://relay.example'
const relaySigner = createSigner(new Uint8Array(32).fill(5))

/** Loads the key and pairs, with a phone that answers at once. */
async function startAndPair(folder: string, household: Household, failpoints: Failpoints) {
  let url = ''
  let hello = ''
  const done: string[] = []
  const answer = async (): Promise<PairingAnswer> => {
    const { keyset, root, member } = household
    const options = { invitation: parsePairingUrl(url), hello, keyset, rootJwk: root.jwk, member, nowMs: 1 }
    return (await answerHello(options)).answer
  }
  const relay: PairingRelay = {
    identity: () => Promise.resolve({ jwk: relaySigner.jwk, logVkey: 'log+00000000+AQ' }),
    putHello: async (_, raw) => {
      hello = raw
    },
    getAnswer: answer,
    putDone: async (_, raw) => {
      done.push(raw)
    },
  }
  const signer = await loadDeviceKey(`${folder}/device.key`, failpoints)
  const store = createPairingStore(folder, failpoints)
  const known = await store.load()
  const state =
    known ??
    (await runPairing({
      relay,
      relayOrigin: RELAY,
      pageOrigin: RELAY,
      logVkey: null,
      signer,
      store,
      clock: createLeapingClock(),
      random: () => 0.5,
      display: {
        onCode: (code) => {
          url = code
        },
        onPaired: () => {},
        onWrongAnswer: () => {},
        onPause: () => {},
      },
      signal: new AbortController().signal,
    }))
  return { thumbprint: signer.thumbprint, state, done }
}

describe('a crash while a device gets its key or is paired', () => {
  test.each(KEYS_FAILPOINTS)('at %s leaves an unpaired device, or a paired one, with one key', async (name) => {
    await using folder = await createTemporaryFolder()
    const household = await createHousehold()
    const failpoints = armFailpoint(name, 'throw')
    await expect(startAndPair(folder.path, household, failpoints)).rejects.toMatchObject({ code: 'INTERNAL' })
    expect(failpoints.reached).toBe(true)
    const after = await startAndPair(folder.path, household, noFailpoints)
    expect(after.state).toMatchObject({ relay: RELAY, rootJwk: household.root.jwk })
    const again = await startAndPair(folder.path, household, noFailpoints)
    expect([again.thumbprint, again.state]).toEqual([after.thumbprint, after.state])
    expect(again.done).toEqual([])
  })
})
