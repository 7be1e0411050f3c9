import {
  contentDigestOf,
  type DpopClaims,
  encodeBase64url,
  encodeDpop,
  randomBytes,
  sha256,
  type Signer,
} from '@latchkey/shared'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  type Case,
  codeOf,
  createCase,
  createRelayWorld,
  itemHeaders,
  randomId,
  randomSigner,
  type RelayWorld,
  sealClip,
} from '../support/relay-world.ts'

let world: RelayWorld
let subject: Case
beforeAll(async () => {
  world = await createRelayWorld()
  subject = await createCase(world)
})
afterAll(async () => {
  await world[Symbol.asyncDispose]()
})

const PATH = '/v1/clips'

async function nonce(): Promise<string> {
  return (await fetch(`${world.relay.publicOrigin}/log/checkpoint`)).headers.get('dpop-nonce')!
}

async function proof(
  change: Partial<DpopClaims> = {},
  signer: Signer = subject.household.owner.signer,
): Promise<string> {
  const claims: DpopClaims = {
    htm: 'GET',
    htu: world.relay.publicOrigin + PATH,
    iat: 0,
    jti: randomId(),
    nonce: await nonce(),
    ...change,
  }
  return encodeDpop(claims, signer)
}

const get = (dpop: string, path = PATH) => fetch(world.relay.publicOrigin + path, { headers: { dpop } })

describe('a proof', () => {
  it('is good with a fresh nonce whatever its clock says, and with a query', async () => {
    expect((await get(await proof())).status).toBe(200)
    expect((await get(await proof({ iat: 99_999_999 }), `${PATH}?after=0`)).status).toBe(200)
  })

  it('is refused the second time', async () => {
    const once = await proof()
    expect((await get(once)).status).toBe(200)
    expect(await codeOf(get(once))).toBe('DPOP_REPLAYED')
  })

  it('without a nonce, with an invented or an old one is told the new one', async () => {
    const bare: DpopClaims = { htm: 'GET', htu: world.relay.publicOrigin + PATH, iat: 0, jti: randomId() }
    const none = await get(await encodeDpop(bare, subject.household.owner.signer))
    expect(none.headers.get('www-authenticate')).toContain('use_dpop_nonce')
    expect(none.headers.get('dpop-nonce')).toMatch(/^[A-Za-z0-9_-]{16,}$/)
    expect(await codeOf(none)).toBe('DPOP_NONCE')
    expect(await codeOf(get(await proof({ nonce: 'A'.repeat(43) })))).toBe('DPOP_NONCE')
    const early = await proof()
    world.clock.shift(5 * 60_000)
    expect((await get(early)).status).toBe(200)
    const late = await proof()
    world.clock.shift(10 * 60_000)
    expect(await codeOf(get(late))).toBe('DPOP_NONCE')
  })

  it('for another method, address, origin or by a damaged signature is refused', async () => {
    const { publicOrigin } = world.relay
    for (const change of [
      { htm: 'POST' as const },
      { htu: `${publicOrigin}/v1/keysets` },
      { htu: `${publicOrigin}${PATH}?after=0` },
      { htu: `https://other.example${PATH}` },
    ])
      expect(await codeOf(get(await proof(change)))).toBe('DPOP_INVALID')
    const whole = await proof()
    expect(await codeOf(get(`${whole.slice(0, -8)}AAAAAAAA`))).toBe('DPOP_INVALID')
    expect(await codeOf(get(`${whole}, ${whole}`))).toBe('DPOP_INVALID')
  })

  it('by a key that nobody knows is CALLER_REFUSED', async () => {
    expect(await codeOf(get(await proof({}, randomSigner())))).toBe('CALLER_REFUSED')
  })
})

describe('a proof of an upload', () => {
  async function upload(): Promise<{ send: (dpop: string, body?: Uint8Array) => Promise<Response>; dpop: string }> {
    const { bodies, descriptors } = sealClip(subject.household, { media: 1, startMs: world.clock.nowMs() })
    const path = `/v1/clips/${randomId()}/items/0`
    const htu = world.relay.publicOrigin + path
    const body = encodeBase64url(sha256(bodies[0]!))
    const dpop = await proof({ htm: 'PUT', htu, body }, subject.device.signer)
    const send = (token: string, bytes: Uint8Array = bodies[0]!) =>
      fetch(htu, {
        method: 'PUT',
        headers: {
          ...itemHeaders(descriptors[0]!.payloadSha256),
          dpop: token,
          'content-digest': contentDigestOf(sha256(bytes)),
        },
        body: new Uint8Array(bytes),
      })
    return { send, dpop }
  }

  it('may repeat byte for byte', async () => {
    const { send, dpop } = await upload()
    expect((await send(dpop)).status).toBe(201)
    expect((await send(dpop)).status).toBe(201)
  })

  it('does not cover another body', async () => {
    const { send, dpop } = await upload()
    expect(await codeOf(send(dpop, randomBytes(500)))).toBe('DPOP_INVALID')
    expect((await send(dpop)).status).toBe(201)
    expect(await codeOf(send(dpop, randomBytes(500)))).toBe('DPOP_INVALID')
  })
})
