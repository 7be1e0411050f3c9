import { createAgent } from '../../device-agent/src/agent.ts'
import { createLog } from '../../device-agent/src/kernel/log.ts'
import { expect, test } from 'vitest'
import { clipManifest, openFile } from '@latchkey/shared'
import { createFakeRelay } from '../support/fake-relay.ts'
import { createHousehold, pairAsPhone } from '../support/household.ts'
import { drawScene } from '../support/media-files.ts'
import { eventually } from '../support/poll.ts'
import { createTemporaryFolder } from '../support/temporary-folder.ts'

test('a visitor on the drawn scene becomes one sealed clip at the relay, with its events, and the spool is empty', async () => {
  await using folder = await createTemporaryFolder()
  await using relay = await createFakeRelay()
  const household = await createHousehold()
  const scene = await drawScene(folder.path)
  const config = {
    dataDir: `${folder.path}/agent`,
    camera: { source: scene, name: 'Front door', rate: 40 },
    relay: { origin: relay.origin },
  }
  await using agent = await createAgent(config, {
    pairingPollMs: 5,
    retryBaseMs: 5,
    log: createLog({ level: process.env['AGENT_LOG'] ?? 'silent', format: 'lines' }),
  })
  const url = await eventually(() => {
    const { pairing } = agent.status()
    return pairing.kind === 'unpaired' ? pairing.url : null
  }, 'a pairing code')
  expect(relay.uploads).toEqual([])
  const { digits } = await pairAsPhone(household, url)
  await agent.ready
  expect(agent.status().pairing).toMatchObject({ kind: 'paired', digits })
  await agent.captured
  expect(await agent.drained(20_000)).toBe(true)
  expect(agent.status().spool).toMatchObject({ clips: 0, items: 0, bytes: 0 })
  expect([...relay.clips.values()].map((clip) => clip.manifest?.payload.latchkey.open)).toEqual([false])
  const [clip] = [...relay.clips.values()]
  expect(clip!.descriptors.map((descriptor) => descriptor.kind)).toContain('media')
  for (const { index } of clip!.descriptors) {
    const body = clip!.items.get(index)!
    expect(openFile(body, household.phone).length).toBeGreaterThan(0)
    expect(openFile(body, household.recovery).length).toBeGreaterThan(0)
  }
  const types = [...relay.events.values()].map((event) => event.type)
  expect(types).toEqual(expect.arrayContaining(['state', 'motion', 'clip']))
  expect(clipManifest.parse(clip!.manifest!.raw).payload.latchkey.sequence).toBe(1)
})
