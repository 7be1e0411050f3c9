import {
  checkJoining,
  encodeJoining,
  encodeJoinUrl,
  generateIdentity,
  joining,
  joiningDigits,
  type JoinInvitation,
  parseJoinUrl,
} from '@latchkey/shared'
import { expect, test } from 'vitest'
import { codeThrown } from '../../../support/damage.ts'
import { changed, signerOf } from '../../../support/vector-case.ts'

const invitation: JoinInvitation = {
  relay: 'https://relay.example',
  logVkey: 'relay.example/log+12345678+AAAA',
  rootJwk: signerOf('root').jwk,
  secret: new Uint8Array(32).fill(7),
}
const signer = signerOf('second')
const { recipient } = generateIdentity()
const letter = () => encodeJoining(invitation, { signer, recipient, nowMs: 1_700_000_000_000 })

test('the code comes back whole from its address, and nothing else does', () => {
  const url = encodeJoinUrl('https://app.example', invitation)
  expect(url.startsWith('https://app.example/join#v=1&')).toBe(true)
  expect(parseJoinUrl(url)).toEqual(invitation)
  for (const other of [
    url.replace('/join', '/pair'),
    url.replace('v=1', 'v=2'),
    url.slice(0, -2),
    url.replace(/root=[^&]+/, 'root=AAAA'),
    'join',
    '',
  ])
    expect(codeThrown(() => parseJoinUrl(other))).toBe('PAIRING_FAILED')
})

test('a letter is by whoever read the code and holds the keys that it names', async () => {
  const raw = await letter()
  expect(checkJoining(raw, invitation)).toEqual({ signingKey: signer.jwk, recipient })
  expect(joiningDigits(raw)).toMatch(/^\d{6}$/)
})

test('anybody else’s letter is refused, always alike', async () => {
  const raw = await letter()
  const refused = (text: string, by = invitation) => codeThrown(() => checkJoining(text, by))
  expect(refused(raw, { ...invitation, secret: new Uint8Array(32) })).toBe('PAIRING_FAILED')
  expect(refused(raw, { ...invitation, rootJwk: signerOf('relay').jwk })).toBe('PAIRING_FAILED')
  expect(refused('a.b.c')).toBe('PAIRING_FAILED')
  const { payload } = joining.parse(raw)
  const swapped = changed(payload, (copy) => (copy.latchkey.recipient = generateIdentity().recipient))
  expect(refused(await joining.encode(swapped, signer))).toBe('PAIRING_FAILED')
  expect(refused(await joining.encode(payload, signerOf('member')))).toBe('PAIRING_FAILED')
  const renamed = changed(payload, (copy) => (copy.iss = signerOf('member').urn))
  expect(refused(await joining.encode(renamed, signer))).toBe('PAIRING_FAILED')
})
