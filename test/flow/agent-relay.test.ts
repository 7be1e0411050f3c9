import { clipList, openFile } from '@latchkey/shared'
import { expect, test } from 'vitest'
import { createAgent } from '../../device-agent/src/agent.ts'
import { createLog } from '../../device-agent/src/kernel/log.ts'
import { pairAsPhone } from '../support/household.ts'
import { drawScene } from '../support/media-files.ts'
import { eventually } from '../support/poll.ts'
import { createRelayWorld, enrolHousehold, expectStatus, randomSalt } from '../support/relay-world.ts'

test('the agent and the relay agree: pairing, upload, day record, events and the log checkpoint', async () => {
  await using world = await createRelayWorld()
  const household = await enrolHousehold(world)
  const { owner, root, recovery, keyset } = household
  const source = await drawScene(world.folder)
  const config = {
    dataDir: `${world.folder}/agent`,
    camera: { source, name: 'Front door', rate: 40 },
    relay: { origin: world.relay.publicOrigin },
  }
  await using agent = await createAgent(config, {
    pairingPollMs: 5,
    retryBaseMs: 20,
    log: createLog({ level: process.env['AGENT_LOG'] ?? 'silent', format: 'lines' }),
  })
  const url = await eventually(() => {
    const { pairing } = agent.status()
    return pairing.kind === 'unpaired' ? pairing.url : null
  }, 'a pairing code')
  const phone = { root, member: owner.signer, phone: owner.identity, recovery, keyset: keyset.raw }
  const { answer, hello } = await pairAsPhone(phone, url)
  const json = { deviceCertificate: answer.deviceCertificate, hello, salt: randomSalt() }
  await expectStatus(await owner.client.send('POST', '/v1/devices', { json }), 201)
  await agent.captured
  expect(await agent.drained(20_000)).toBe(true)
  expect(agent.status()).toMatchObject({ connected: true, outboxEvents: 0, spool: { clips: 0, items: 0 } })

  const { clips } = await owner.client.json('GET', '/v1/clips', clipList)
  expect(clips).toHaveLength(1)
  const [clip] = clips
  const kinds = clip!.descriptors.map(({ kind }) => kind)
  expect(kinds).toEqual(expect.arrayContaining(['init', 'media', 'poster', 'meta']))
  for (const { index } of clip!.descriptors) {
    const body = await owner.client.bytes('GET', `/v1/clips/${clip!.clip}/items/${index}`)
    expect(openFile(body, owner.identity).length).toBeGreaterThan(0)
  }
  await agent[Symbol.asyncDispose]()
  expect(agent.status().spool.clips).toBe(0)
})
