import {
  createSigner,
  generateIdentity,
  keyset as keysetMessage,
  type Keyset,
  type Member,
  randomBytes,
  ROOT_DELAY_MS,
  type Signer,
} from '@latchkey/shared'
import { describe, expect, test } from 'vitest'
import { advanceKeyset, sealingKeysOf, settlePending } from '../../device-agent/src/keys/household-keys.ts'
import type { PairingState } from '../../device-agent/src/keys/pairing-state.ts'
import { codeThrown } from '../support/damage.ts'
import { createHousehold, type Household } from '../support/household.ts'

const NOW = 1_700_000_100_000

async function pairedState(household: Household): Promise<PairingState> {
  return {
    v: 1,
    relay: 'https://relay.example',
    relayJwk: household.root.jwk,
    logVkey: 'x',
    rootJwk: household.root.jwk,
    deviceCertificate: household.keyset,
    epoch: 1,
    keyset: household.keyset,
    pending: null,
  }
}

async function signed(signer: Signer, before: string, change: Partial<Keyset['latchkey']>) {
  const { payload, digest } = keysetMessage.parse(before)
  const version = payload.latchkey.version + 1
  const latchkey = { ...payload.latchkey, version, previous: digest, ...change }
  return keysetMessage.parse(await keysetMessage.encode({ ...payload, latchkey }, signer))
}

function newMember(): Member {
  const signer = createSigner(randomBytes(32))
  return { signingKey: { ...signer.jwk }, recipient: generateIdentity().recipient, role: 'owner' }
}

describe('a keyset from the relay', () => {
  test('replaces the recipients when an owner of the one before signed it', async () => {
    const household = await createHousehold()
    const state = await pairedState(household)
    const recovery = generateIdentity().recipient
    const next = await signed(household.member, state.keyset, { recovery })
    const after = advanceKeyset(state, { keyset: next }, NOW)
    expect(after.keyset).toBe(next.raw)
    expect(sealingKeysOf(after)).toEqual({ keyset: next.digest, recipients: [household.phone.recipient, recovery] })
  })

  test('counts for nothing when anybody else signed it', async () => {
    const household = await createHousehold()
    const state = await pairedState(household)
    const thief = createSigner(randomBytes(32))
    const next = await signed(thief, state.keyset, { members: [newMember()] })
    expect(codeThrown(() => advanceKeyset(state, { keyset: next }, NOW))).toBe('SIGNATURE_INVALID')
  })

  test('adds nobody without the press of a device button', async () => {
    const household = await createHousehold()
    const state = await pairedState(household)
    const { members } = keysetMessage.parse(state.keyset).payload.latchkey
    const next = await signed(household.member, state.keyset, { members: [...members, newMember()] })
    expect(codeThrown(() => advanceKeyset(state, { keyset: next }, NOW))).toBe('KEYSET_INVALID')
  })

  test('never takes the device back a version, and a second of one version is a fork', async () => {
    const household = await createHousehold()
    const state = await pairedState(household)
    const next = await signed(household.member, state.keyset, { recovery: generateIdentity().recipient })
    const other = await signed(household.member, state.keyset, { recovery: generateIdentity().recipient })
    const after = advanceKeyset(state, { keyset: next }, NOW)
    expect(advanceKeyset(after, { keyset: next }, NOW)).toBe(after)
    expect(codeThrown(() => advanceKeyset(after, { keyset: other }, NOW))).toBe('KEYSET_FORK')
    const first = keysetMessage.parse(household.keyset)
    expect(codeThrown(() => advanceKeyset(after, { keyset: first }, NOW))).toBe('KEYSET_SUPERSEDED')
  })

  test('by the root alone may view at once, and decides only after 73 hours of the device', async () => {
    const household = await createHousehold()
    const state = await pairedState(household)
    const saviour = newMember()
    const next = await signed(household.root, state.keyset, { members: [saviour], effectiveMs: NOW })
    const pending = advanceKeyset(state, { keyset: next }, NOW)
    expect(sealingKeysOf(pending).keyset).toBe(keysetMessage.parse(household.keyset).digest)
    expect(sealingKeysOf(pending).recipients).toEqual(
      expect.arrayContaining([household.phone.recipient, saviour.recipient]),
    )
    expect(settlePending(pending, NOW + ROOT_DELAY_MS - 1)).toBe(pending)
    const settled = settlePending(pending, NOW + ROOT_DELAY_MS)
    expect(settled).toMatchObject({ keyset: next.raw, pending: null })
    expect(sealingKeysOf(settled).recipients).not.toContain(household.phone.recipient)
  })

  test('by the root alone is void when the owners in force answer it in time', async () => {
    const household = await createHousehold()
    const state = await pairedState(household)
    const thief = newMember()
    const stolen = await signed(household.root, state.keyset, { members: [thief], effectiveMs: NOW })
    const pending = advanceKeyset(state, { keyset: stolen }, NOW)
    const { members } = keysetMessage.parse(household.keyset).payload.latchkey
    const answer = await signed(household.member, stolen.raw, { members })
    const after = advanceKeyset(pending, { keyset: answer }, NOW + 1)
    expect(after).toMatchObject({ keyset: answer.raw, pending: null })
    expect(sealingKeysOf(after).recipients).not.toContain(thief.recipient)
  })
})
