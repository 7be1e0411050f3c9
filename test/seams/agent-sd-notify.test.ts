/** The agent and systemd's notification socket, with systemd's own program between them. */
import { describe, expect, test } from 'vitest'
import { systemClock } from '../../device-agent/src/kernel/clock.ts'
import { createSdNotify, type SdNotifyOptions } from '../../device-agent/src/kernel/sd-notify.ts'
import { silentLog } from '../support/agent-rig.ts'
import { createTemporaryFolder } from '../support/temporary-folder.ts'
import { startNotifyListener } from '../support/notify-listener.ts'
import { eventually } from '../support/poll.ts'

const notifyOver = (environment: SdNotifyOptions['environment'], programPath?: string) =>
  createSdNotify({
    environment,
    clock: systemClock,
    log: silentLog,
    pid: process.pid,
    ...(programPath === undefined ? {} : { programPath }),
  })

describe('systemd is told', () => {
  test.each(['a path', 'an abstract name'])('in order, over %s', async (kind) => {
    await using folder = await createTemporaryFolder()
    const name = kind === 'a path' ? `${folder.path}/notify` : `@latchkey-test-${process.pid}-${Date.now()}`
    await using listener = await startNotifyListener(name)
    const notify = notifyOver({ NOTIFY_SOCKET: name })
    notify.status('not paired:\nnothing is recorded')
    notify.ready()
    notify.ready()
    notify.status('watching')
    notify.status('watching')
    notify.stopping()
    await notify[Symbol.asyncDispose]()
    expect(listener.messages()).toEqual([
      'STATUS=not paired: nothing is recorded',
      'READY=1',
      'STATUS=watching',
      'STOPPING=1',
    ])
  })

  test('of life at half of the watchdog’s time, only while healthy', async () => {
    await using folder = await createTemporaryFolder()
    const name = `${folder.path}/notify`
    await using listener = await startNotifyListener(name)
    let healthy = true
    let asked = 0
    await using notify = notifyOver({
      NOTIFY_SOCKET: name,
      WATCHDOG_USEC: '40000',
      WATCHDOG_PID: String(process.pid),
    })
    notify.watch(() => {
      asked++
      return healthy
    })
    await eventually(() => listener.messages().length >= 3, 'three signs of life')
    healthy = false
    const askedThen = asked
    await eventually(() => asked >= askedThen + 3, 'three more questions')
    notify.status('still here')
    await eventually(() => listener.messages().includes('STATUS=still here'), 'what was said after')
    const sent = listener.messages().filter((message) => message === 'WATCHDOG=1').length
    expect(sent).toBeLessThanOrEqual(askedThen)
    expect(asked).toBeGreaterThanOrEqual(askedThen + 3)
  })

  test('of life to nobody when the watchdog is another process’s, or no number', async () => {
    const ask = () => {
      throw new Error('asked')
    }
    for (const variables of [{ WATCHDOG_USEC: '40000', WATCHDOG_PID: '1' }, { WATCHDOG_USEC: '-1' }, {}]) {
      await using notify = notifyOver({ NOTIFY_SOCKET: '/nowhere', ...variables })
      expect(() => notify.watch(ask)).not.toThrow()
    }
  })

  test('nothing when there is no socket, and a program that is missing stops nobody', async () => {
    await using folder = await createTemporaryFolder()
    await using silent = notifyOver({}, `${folder.path}/missing`)
    silent.ready()
    await using failing = notifyOver({ NOTIFY_SOCKET: `${folder.path}/nobody` }, `${folder.path}/missing`)
    failing.ready()
    await expect(failing[Symbol.asyncDispose]()).resolves.toBeUndefined()
  })
})
