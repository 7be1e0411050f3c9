import { concatBytes, digestOf, identityOf, openFile, randomBytes, sealItem, utf8 } from '@latchkey/shared'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  codeOf,
  createRelayWorld,
  enrolHousehold,
  expectStatus,
  type Household,
  type Party,
  type RelayWorld,
} from '../support/relay-world.ts'

const APP = 'http://127.0.0.1:8430'
let world: RelayWorld
beforeAll(async () => {
  world = await createRelayWorld({ config: { appOrigins: [APP] } })
})
afterAll(async () => {
  await world[Symbol.asyncDispose]()
})

function sealed(text: string, recipients: readonly string[]): Uint8Array {
  const { header, payload } = sealItem(utf8(text), recipients)
  return concatBytes(header, payload)
}

const first = { 'if-none-match': '*' }
const over = (etag: string) => ({ 'if-match': etag })
const put = (party: Party, bytes: Uint8Array, headers: Record<string, string>) =>
  party.client.send('PUT', '/v1/settings', { bytes, headers })
const get = (party: Party, headers: Record<string, string> = {}) =>
  party.client.send('GET', '/v1/settings', { headers })

async function homeWithSettings(): Promise<{ home: Household; viewer: Party; file: Uint8Array; etag: string }> {
  const viewer = world.party()
  const home = await enrolHousehold(world, { viewers: [viewer] })
  const file = sealed('Front door', [home.owner.identity.recipient, viewer.identity.recipient])
  const answer = await put(home.owner, file, first)
  await expectStatus(answer, 201)
  return { home, viewer, file, etag: answer.headers.get('etag')! }
}

describe('household settings', () => {
  it('come back to every member as they were put, and open for each', async () => {
    const { home, viewer, file, etag } = await homeWithSettings()
    for (const member of [home.owner, viewer]) {
      const answer = await get(member)
      expect(answer.headers.get('etag')).toBe(etag)
      const bytes = new Uint8Array(await answer.arrayBuffer())
      expect(bytes).toEqual(file)
      expect(openFile(bytes, identityOf(member.identity.secret))).toEqual(utf8('Front door'))
    }
    expect((await get(viewer, { 'if-none-match': etag })).status).toBe(304)
  })

  it('do not exist before the first, nor for another household', async () => {
    await homeWithSettings()
    expect(await codeOf(get((await enrolHousehold(world)).owner))).toBe('NOT_FOUND')
  })

  it('are changed over the version that was seen, and over no other', async () => {
    const { home, file, etag } = await homeWithSettings()
    const { recipient } = home.owner.identity
    const [second, rival] = [sealed('Side door', [recipient]), sealed('Back door', [recipient])]
    const changed = await put(home.owner, second, over(etag))
    expect(await expectStatus(changed, 200)).toEqual({ digest: digestOf(second) })
    expect(changed.headers.get('etag')).toBe(`"${digestOf(second)}"`)
    expect(await codeOf(put(home.owner, rival, over(etag)))).toBe('PRECONDITION_FAILED')
    expect(await codeOf(put(home.owner, rival, first))).toBe('PRECONDITION_FAILED')
    // Its answer was lost, so the phone puts the same bytes again: nothing is wrong.
    await expectStatus(await put(home.owner, second, over(etag)), 200)
    expect(new Uint8Array(await (await get(home.owner)).arrayBuffer())).toEqual(second)
    expect(await codeOf(put(home.owner, file, over(etag)))).toBe('PRECONDITION_FAILED')
  })

  it('that many phones change at once are changed by one', async () => {
    const { home, etag } = await homeWithSettings()
    const files = Array.from({ length: 8 }, (_, i) => sealed(`Door ${i}`, [home.owner.identity.recipient]))
    const answers = await Promise.all(files.map((file) => put(home.owner, file, over(etag))))
    const won = answers.flatMap(({ status }, i) => (status === 200 ? [files[i]!] : []))
    expect(answers.map(({ status }) => status).sort()).toEqual([200, ...Array<number>(7).fill(412)])
    expect(new Uint8Array(await (await get(home.owner)).arrayBuffer())).toEqual(won[0])
  })

  it('are refused without a version, with a wrong one, and from a viewer', async () => {
    const { home, viewer, file, etag } = await homeWithSettings()
    expect(await codeOf(put(home.owner, file, {}))).toBe('PRECONDITION_REQUIRED')
    for (const headers of [{ 'if-match': '*' }, { 'if-match': `W/${etag}` }, { ...over(etag), ...first }])
      expect(await codeOf(put(home.owner, file, headers))).toBe('MESSAGE_INVALID')
    expect(await codeOf(put(home.owner, file, { 'if-none-match': etag }))).toBe('MESSAGE_INVALID')
    expect(await codeOf(put(viewer, file, over(etag)))).toBe('CALLER_REFUSED')
  })

  it('are refused when they are no age file, end too early, or are too large', async () => {
    const { home, file, etag } = await homeWithSettings()
    const send = (bytes: Uint8Array) => codeOf(put(home.owner, bytes, over(etag)))
    expect(await send(utf8('{"name":"Front door"}'))).toBe('AGE_HEADER_INVALID')
    expect(await send(file.slice(0, 100))).toBe('AGE_HEADER_INVALID')
    expect(await send(file.slice(0, file.length - 11))).toBe('AGE_PAYLOAD_INVALID')
    expect(await send(concatBytes(file, randomBytes(65_537 - file.length)))).toBe('MESSAGE_TOO_LARGE')
    await expectStatus(await put(home.owner, concatBytes(file, randomBytes(65_536 - file.length)), over(etag)), 200)
  })
})

describe('a page of the app', () => {
  const preflight = (origin: string, method: string, headers: string) =>
    fetch(`${world.relay.publicOrigin}/v1/settings`, {
      method: 'OPTIONS',
      headers: { origin, 'access-control-request-method': method, 'access-control-request-headers': headers },
    })

  it('may send what its calls need, and read what answers carry', async () => {
    const asked = 'content-digest,content-type,dpop,if-match,if-none-match,range'
    const answer = await preflight(APP, 'PUT', asked)
    expect(answer.status).toBe(204)
    expect(answer.headers.get('access-control-allow-origin')).toBe(APP)
    expect(answer.headers.get('access-control-allow-methods')).toContain('PUT')
    const allowed = answer.headers.get('access-control-allow-headers')!.split(', ')
    expect(asked.split(',').filter((name) => !allowed.includes(name))).toEqual([])
    const refused = await fetch(`${world.relay.publicOrigin}/v1/settings`, { headers: { origin: APP } })
    const exposed = refused.headers.get('access-control-expose-headers')!.split(', ')
    expect(exposed).toEqual(expect.arrayContaining(['dpop-nonce', 'etag', 'content-range', 'retry-after']))
  })

  it('of another origin may not', async () => {
    const answer = await preflight('http://evil.example', 'PUT', 'dpop')
    expect(answer.headers.get('access-control-allow-origin')).toBeNull()
  })
})
