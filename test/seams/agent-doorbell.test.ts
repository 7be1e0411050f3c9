import { createSigner, randomBytes } from '@latchkey/shared'
import { expect, test } from 'vitest'
import { parseAgentConfig } from '../../device-agent/src/config.ts'
import { createDoorbell } from '../../device-agent/src/doorbell.ts'
import { systemClock as clock } from '../../device-agent/src/kernel/clock.ts'
import type { Recorder } from '../../device-agent/src/recorder.ts'
import { silentLog as log } from '../support/agent-rig.ts'
import { createHomeListener } from '../support/home-listener.ts'
import { createTemporaryFolder } from '../support/temporary-folder.ts'
import { createMosquitto } from '../support/mosquitto.ts'
import { eventually } from '../support/poll.ts'

test('a recording that fails at every ring, as on a broken disk, leaves the bell ringing at home', async () => {
  await using folder = await createTemporaryFolder()
  await using broker = await createMosquitto()
  await using listener = await createHomeListener(broker.url)
  const config = parseAgentConfig({
    dataDir: folder.path,
    camera: { source: 'rpicam', name: 'Front door' },
    relay: { origin: 'https://relay.example' },
    home: { broker: broker.url },
  })
  const doorbell = createDoorbell({ config, signer: createSigner(randomBytes(32)), clock, log, random: () => 0.5 })
  const broken = {
    ring: () => {
      throw new Error('ENOSPC')
    },
    observe: () => () => {},
    status: () => {
      throw new Error('EIO')
    },
  } as unknown as Recorder
  doorbell.attach(broken)
  expect(doorbell.press()).toMatchObject({ trigger: 'ring' })
  const ringTopic = () =>
    [...listener.retained.keys()].find((topic) => topic.endsWith('/available'))?.replace('available', 'ring')
  await eventually(() => listener.at(ringTopic() ?? '').length === 1, 'the ring')
  await doorbell[Symbol.asyncDispose]()
})
