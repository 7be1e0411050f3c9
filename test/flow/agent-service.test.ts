/** The agent as systemd runs it: a notification socket, a watchdog, signals. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { createFakeRelay } from '../support/fake-relay.ts'
import { createHousehold, pairAsPhone, pairingAddress } from '../support/household.ts'
import { drawScene } from '../support/media-files.ts'
import { createTemporaryFolder } from '../support/temporary-folder.ts'
import { startNotifyListener } from '../support/notify-listener.ts'
import { eventually } from '../support/poll.ts'

const MAIN = new URL('../../device-agent/src/main.ts', import.meta.url).pathname

test('a service is ready when it waits to be paired and when it watches, lives while it runs, and says good-bye', async () => {
  await using folder = await createTemporaryFolder()
  await using relay = await createFakeRelay()
  const config = {
    dataDir: `${folder.path}/agent`,
    camera: { source: await drawScene(folder.path), name: 'Front door', loop: true },
    relay: { origin: relay.origin },
  }
  await writeFile(`${folder.path}/agent.yml`, JSON.stringify(config))

  const start = (socket: string, environment: Record<string, string>) => {
    const child = spawn(process.execPath, [MAIN, 'run', '--config', `${folder.path}/agent.yml`], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { PATH: process.env['PATH'], ...(socket === '' ? {} : { NOTIFY_SOCKET: socket }), ...environment },
    })
    let text = ''
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (text += chunk.toString()))
    return { child, output: () => text }
  }
  const stop = async ({ child }: ReturnType<typeof start>) => {
    child.kill('SIGTERM')
    expect(await once(child, 'exit')).toEqual([0, null])
  }

  await using unpaired = await startNotifyListener(`${folder.path}/unpaired`)
  const waiting = start(`${folder.path}/unpaired`, {})
  await eventually(() => unpaired.messages().some((line) => line.startsWith('STATUS=Not paired')), 'the status', 20_000)
  await stop(waiting)
  expect(unpaired.messages()[0]).toBe('READY=1')
  expect(unpaired.messages().at(-1)).toBe('STOPPING=1')
  // What a service prints is kept in the journal.
  expect(waiting.output()).not.toMatch(/secret=/)

  const pairing = start('', {})
  const url = await pairingAddress(() => pairing.output())
  await pairAsPhone(await createHousehold(), url)
  await eventually(() => pairing.output().includes('same digits'), 'the digits')
  await stop(pairing)

  await using paired = await startNotifyListener(`${folder.path}/paired`)
  const watching = start(`${folder.path}/paired`, { WATCHDOG_USEC: '200000' })
  await eventually(() => paired.messages().filter((line) => line === 'WATCHDOG=1').length >= 2, 'signs of life', 20_000)
  await stop(watching)
  expect(paired.messages()[0]).toBe('READY=1')
  // It lives until it has stopped.
  const end = paired.messages().slice(paired.messages().indexOf('STOPPING=1'))
  expect([...new Set(end)]).toEqual(end.length === 1 ? ['STOPPING=1'] : ['STOPPING=1', 'WATCHDOG=1'])
  expect(paired.messages().join()).not.toContain('Front door')
}, 60_000)
