import { encodeDpop, randomBytes } from '@latchkey/shared'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { CallerKind } from '../../relay/src/http/route.ts'
import { ROUTES } from '../../relay/src/http/routes.ts'
import {
  type Case,
  codeOf,
  createCase,
  createRelayWorld,
  randomId,
  randomSalt,
  type RelayWorld,
} from '../support/relay-world.ts'
import type { RelayClient } from '@latchkey/shared/client'

/** Which keys may use which route stands in route-matrix.test.ts; here: proofs, and what does not exist. */
type Role = Exclude<CallerKind, 'anyone' | 'key'> | 'stranger'
const ROLES: readonly Role[] = ['root', 'member', 'device', 'investigator', 'operator', 'stranger']

let world: RelayWorld
let subject: Case
beforeAll(async () => {
  world = await createRelayWorld()
  subject = await createCase(world)
})
afterAll(async () => {
  await world[Symbol.asyncDispose]()
})

function clientOf(role: Role): RelayClient {
  const clients: Record<Role, () => RelayClient> = {
    root: () => subject.household.rootClient,
    member: () => subject.household.owner.client,
    device: () => subject.device.client,
    investigator: () => subject.investigator.client,
    operator: () => world.operator,
    stranger: () => world.party().client,
  }
  return clients[role]()
}

/** A real address of the route: things that exist wherever something can. */
function addressOf(url: string): string {
  return url
    .replace(':clip', subject.clip.clip)
    .replace(':index', '0')
    .replace(':keyset', subject.household.keyset.digest)
    .replace(':id', randomId())
    .replace(':cell', '9q8yy')
    .replace('requests/:digest', `requests/${subject.request.digest}`)
    .replace(':digest', randomSalt())
    .replace(':consent', randomSalt())
    .replace(':download', randomId())
    .replace('*', '0/000.p/1')
}

function bodyOf(route: (typeof ROUTES)[number]): { json?: object; bytes?: Uint8Array } {
  if (route.bodyType === 'json') return { json: {} }
  if (route.bodyType === 'bytes') return { bytes: randomBytes(64) }
  return {}
}

describe('every route that needs a proof', () => {
  const proven = ROUTES.filter((route) => !route.callers.includes('anyone'))
  it.each(proven)('$method $url is refused without one', async (route) => {
    expect(await codeOf(world.anyone.send(route.method, addressOf(route.url), bodyOf(route)))).toBe('DPOP_INVALID')
  })

  it.each(proven)('$method $url is refused with the proof of another address', async (route) => {
    const { signer } = subject.household.owner
    const nonce = (await fetch(`${world.relay.publicOrigin}/log/checkpoint`)).headers.get('dpop-nonce')!
    const claims = { iat: world.nowSeconds(), jti: randomId(), nonce }
    const htu = `${world.relay.publicOrigin}/v1/elsewhere`
    const proof = await encodeDpop({ ...claims, htm: route.method, htu }, signer)
    const { json, bytes } = bodyOf(route)
    const response = await fetch(world.relay.publicOrigin + addressOf(route.url), {
      method: route.method,
      headers: { dpop: proof, 'content-type': bytes ? 'application/octet-stream' : 'application/json' },
      ...(json || bytes ? { body: bytes ? new Uint8Array(bytes) : JSON.stringify(json) } : {}),
    })
    expect(await codeOf(response)).toBe('DPOP_INVALID')
  })
})

describe('routes for any key take only the key that their body names', () => {
  it('an enrolment by another key than the root, a request by another than the requester', async () => {
    for (const role of ROLES) {
      if (role === 'root' || role === 'investigator') continue
      const household = {
        keyset: subject.household.keyset.raw,
        rootJwk: subject.household.root.jwk,
        cell: '9q8yy',
      }
      expect(await codeOf(clientOf(role).send('POST', '/v1/households', { json: household }))).toBe('CALLER_REFUSED')
      const request = { request: subject.request.raw, investigatorCertificate: subject.investigator.certificate }
      expect(await codeOf(clientOf(role).send('POST', '/v1/requests', { json: request }))).toBe('CALLER_REFUSED')
    }
  })
})

describe('what does not exist', () => {
  it('looks the same as what belongs to another household', async () => {
    const other = await createCase(world)
    const bodies: unknown[] = []
    for (const clip of [other.clip.clip, randomId()]) {
      for (const path of ['headers', 'items/0']) {
        const response = await subject.household.owner.client.send('GET', `/v1/clips/${clip}/${path}`)
        bodies.push({ path, status: response.status, body: await response.json() })
      }
    }
    expect(bodies.slice(0, 2)).toEqual(bodies.slice(2))
  })

  it('is a problem document on unknown paths, methods and media types alike', async () => {
    const { publicOrigin } = world.relay
    expect(await codeOf(fetch(`${publicOrigin}/nowhere`))).toBe('NOT_FOUND')
    expect(await codeOf(fetch(`${publicOrigin}/v1/policy.json`, { method: 'POST' }))).toBe('METHOD_NOT_ALLOWED')
    const typed = { method: 'PUT', headers: { 'content-type': 'text/html' }, body: '<p>' }
    expect(await codeOf(fetch(`${publicOrigin}/v1/pairings/${randomId()}/hello`, typed))).toBe('MEDIA_TYPE')
    expect(await codeOf(fetch(`${publicOrigin}/v1/%`))).toBe('MESSAGE_INVALID')
    const large = { method: 'PUT', headers: { 'content-type': 'application/json' }, body: `"${'x'.repeat(70_000)}"` }
    expect(await codeOf(fetch(`${publicOrigin}/v1/pairings/${randomId()}/hello`, large))).toBe('MESSAGE_TOO_LARGE')
  })
})
