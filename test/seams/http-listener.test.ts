/** A relay that stops: who is in the middle of something is waited for, and nobody else. */
import { once } from 'node:events'
import { Agent, type IncomingMessage, request } from 'node:http'
import { connect } from 'node:net'
import { expect, test } from 'vitest'
import { createHttpListener } from '../../relay/src/http/http-listener.ts'
import { systemClock } from '../../relay/src/kernel/clock.ts'

/** Requests under way are given ten seconds: whatever else is waited for costs as much. */
const SOON_MS = 3_000

test('an answer without an end that ends when told, and connections that ask nothing, hold nobody up', async () => {
  const listener = await createHttpListener({ host: '127.0.0.1', port: 0 }, systemClock)
  const open: (() => void)[] = []
  listener.server.on('request', (_, response) => {
    response.write('first\n')
    open.push(() => response.end('last\n'))
  })
  const agent = new Agent({ keepAlive: true })
  const outgoing = request({ host: '127.0.0.1', port: listener.port, agent }).end()
  const [incoming] = (await once(outgoing, 'response')) as [IncomingMessage]
  const silent = connect(listener.port, '127.0.0.1')
  await once(silent, 'connect')
  const startMs = performance.now()
  const stopped = listener[Symbol.asyncDispose]()
  // As a feed does: its end comes after the server began to close.
  setImmediate(() => open.forEach((end) => end()))
  let text = ''
  for await (const chunk of incoming) text += String(chunk)
  await stopped
  expect(text).toBe('first\nlast\n')
  expect(incoming.complete).toBe(true)
  expect(performance.now() - startMs).toBeLessThan(SOON_MS)
  silent.destroy()
  agent.destroy()
})
