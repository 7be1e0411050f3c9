import { clipManifest, digestOfJws, LatchkeyError } from '@latchkey/shared'
import { readdir } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { DELETE_FAILPOINTS } from '../../relay/src/clip/clips.ts'
import { ITEM_FAILPOINTS } from '../../relay/src/clip/items.ts'
import { MANIFEST_FAILPOINTS } from '../../relay/src/clip/manifests.ts'
import type { Failpoints } from '../../relay/src/kernel/failpoint.ts'
import { RELEASE_FAILPOINTS } from '../../relay/src/release/downloads.ts'
import { ITEM_STORE_FAILPOINTS } from '../../relay/src/store/disk-item-store.ts'
import { findFreePort } from '../../infra/local/port.ts'
import { eventually } from '../support/poll.ts'
import {
  type Case,
  codeOf,
  consentPlan,
  createCase,
  createRelayWorld,
  draftManifest,
  expectStatus,
  type OwnRelayWorld,
  postConsent,
  putItem,
  randomId,
  sealClip,
  signConsent,
  uploadClip,
} from '../support/relay-world.ts'

/** Failpoints of one running relay, armed one after the other. */
function createSwitch(): Failpoints & { arm(name: string): void; readonly reached: boolean } {
  let armed: string | null = null
  return {
    arm: (name) => void (armed = name),
    get reached() {
      return armed === null
    },
    hit: (name) => {
      if (name !== armed) return Promise.resolve()
      armed = null
      return Promise.reject(new LatchkeyError('STORAGE_FAILED', `failpoint ${name}`))
    },
  }
}

const failpoints = createSwitch()
let world: OwnRelayWorld
let subject: Case
beforeAll(async () => {
  // It comes back at the same address.
  world = await createRelayWorld({ failpoints, config: { listen: { host: '127.0.0.1', port: await findFreePort() } } })
  subject = await createCase(world)
})
afterAll(async () => {
  await world[Symbol.asyncDispose]()
})

const client = () => subject.household.owner.client
const parties = () => ({ household: subject.household, device: subject.device })

describe('an upload that fails between two durable steps succeeds when repeated', () => {
  const putPoints = ITEM_STORE_FAILPOINTS.filter((name) => name.startsWith('item.put'))
  it.each([...putPoints, ...ITEM_FAILPOINTS])('at %s', async (name) => {
    const { bodies, descriptors } = sealClip(subject.household, { media: 1, startMs: world.clock.nowMs() })
    const clip = randomId()
    const send = () => putItem(subject.device, clip, 0, bodies[0]!, descriptors[0]!.payloadSha256)
    failpoints.arm(name)
    expect((await send()).status).toBe(503)
    expect(failpoints.reached).toBe(true)
    const first = await expectStatus(await send(), 201)
    expect(await expectStatus(await send(), 201)).toEqual(first)
    expect(await client().bytes('GET', `/v1/clips/${clip}/items/0`)).toEqual(new Uint8Array(bodies[0]!))
  })

  it('and does not bind the index to bytes that never got a receipt', async () => {
    const startMs = world.clock.nowMs()
    const [lost, kept] = [1, 2].map(() => sealClip(subject.household, { media: 1, startMs }))
    const clip = randomId()
    const send = ({ bodies, descriptors }: ReturnType<typeof sealClip>) =>
      putItem(subject.device, clip, 0, bodies[0]!, descriptors[0]!.payloadSha256)
    failpoints.arm('item.payload-stored')
    expect((await send(lost!)).status).toBe(503)
    await expectStatus(await send(kept!), 201)
    expect(await codeOf(send(lost!))).toBe('ITEM_CONFLICT')
  })
})

describe('a manifest that fails between two durable steps', () => {
  it.each(MANIFEST_FAILPOINTS)('at %s stands once when repeated', async (name) => {
    const startMs = world.clock.nowMs() - 60_000
    const { bodies, descriptors } = sealClip(subject.household, { media: 1, startMs })
    const clip = randomId()
    for (const [index, body] of bodies.entries())
      await expectStatus(await putItem(subject.device, clip, index, body, descriptors[index]!.payloadSha256), 201)
    const payload = draftManifest(world, parties(), { clip, descriptors })
    const manifest = await clipManifest.encode(payload, subject.device.signer)
    const send = () =>
      subject.device.client.send('PUT', `/v1/clips/${clip}/manifest`, { json: { manifest, descriptors } })
    failpoints.arm(name)
    expect((await send()).status).toBe(503)
    await expectStatus(await send(), 201)
    subject.device.finals.push(clipManifest.parse(manifest))
    const { clips } = (await expectStatus(await client().send('GET', '/v1/clips'), 200)) as {
      clips: { clip: string }[]
    }
    expect(clips.filter((entry) => entry.clip === clip)).toHaveLength(1)
  })
})

describe('a deletion that fails between two durable steps is finished by the next sweep', () => {
  const deletePoints = ITEM_STORE_FAILPOINTS.filter((name) => name.startsWith('item.delete'))
  it.each([...DELETE_FAILPOINTS, ...deletePoints])('at %s', async (name) => {
    const { clip } = await uploadClip(world, parties(), { media: 1 })
    failpoints.arm(name)
    await client().send('DELETE', `/v1/clips/${clip}`)
    expect(failpoints.reached).toBe(true)
    expect(await codeOf(client().send('GET', `/v1/clips/${clip}/headers`))).toBe('NOT_FOUND')
    world.clock.tick()
    await eventually(async () => {
      world.clock.tick()
      return (await client().send('DELETE', `/v1/clips/${clip}`)).status === 204
    }, 'the deletion to be finished')
  })
})

describe('a release that fails between two durable steps', () => {
  it.each(RELEASE_FAILPOINTS)('at %s is counted once when repeated', async (name) => {
    const submission = await signConsent(subject, consentPlan(world, subject))
    await expectStatus(await postConsent(subject.household.owner, submission), 201)
    const path = `/v1/releases/${digestOfJws(submission.consent)}/downloads`
    const json = { download: randomId() }
    const ask = () => subject.investigator.client.send('POST', path, { json })
    const armed = await eventually(async () => {
      failpoints.arm(name)
      const response = await ask()
      return response.status === 503 ? response : null
    }, 'the consent to be live')
    expect(armed.status).toBe(503)
    const releases = async () => {
      const { releases } = (await expectStatus(await subject.investigator.client.send('GET', '/v1/releases'), 200)) as {
        releases: { consent: string; downloads: number }[]
      }
      return releases.find((entry) => entry.consent === submission.consent)?.downloads
    }
    expect((await ask()).ok).toBe(true)
    expect(await releases()).toBe(1)
  })
})

describe('a restart', () => {
  it('keeps clips, consents, downloads and the log, byte for byte', async () => {
    const submission = await signConsent(subject, consentPlan(world, subject))
    await expectStatus(await postConsent(subject.household.owner, submission), 201)
    const json = { download: randomId() }
    const path = `/v1/releases/${digestOfJws(submission.consent)}/downloads`
    const taken = await eventually(async () => {
      const response = await subject.investigator.client.send('POST', path, { json })
      return response.status === 200 ? ((await response.json()) as object) : null
    }, 'the release to be logged')
    const bundle = `/v1/downloads/${json.download}/bundle.zip`
    const before = {
      vkey: world.relay.logVkey,
      jwk: world.relay.relayJwk,
      leaf: await world.anyone.bytes('GET', '/log/tile/0/000.p/4'),
      item: await client().bytes('GET', `/v1/clips/${subject.clip.clip}/items/1`),
      bundle: await subject.investigator.client.bytes('GET', bundle),
    }
    await world.restart()
    expect(await expectStatus(await subject.investigator.client.send('POST', path, { json }), 200)).toEqual(taken)
    expect({
      vkey: world.relay.logVkey,
      jwk: world.relay.relayJwk,
      leaf: await world.anyone.bytes('GET', '/log/tile/0/000.p/4'),
      item: await client().bytes('GET', `/v1/clips/${subject.clip.clip}/items/1`),
      bundle: await subject.investigator.client.bytes('GET', bundle),
    }).toEqual(before)
  })

  it('is not needed: retention removes what a failed upload left', async () => {
    const { bodies, descriptors } = sealClip(subject.household, { media: 1, startMs: world.clock.nowMs() })
    const clip = randomId()
    failpoints.arm('item.payload-stored')
    await putItem(subject.device, clip, 0, bodies[0]!, descriptors[0]!.payloadSha256)
    const payloads = async () => {
      const names = await readdir(join(world.folder, 'data/items'), { recursive: true })
      return names.filter((name) => name.includes(clip) && basename(name).startsWith('0-'))
    }
    expect(await payloads()).toHaveLength(1)
    await eventually(async () => {
      world.clock.shift(24 * 3_600_000)
      world.clock.tick()
      return (await payloads()).length === 0
    }, 'the orphan to be removed')
  })
})
