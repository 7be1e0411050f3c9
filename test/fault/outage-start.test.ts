import { expect, test } from 'vitest'
import { createHttpListener } from '../../relay/src/http/http-listener.ts'
import { systemClock } from '../../relay/src/kernel/clock.ts'

test('a relay that is still starting says UNAVAILABLE at once, and leaves the answer to its app from then on', async () => {
  await using listener = await createHttpListener({ host: '127.0.0.1', port: 0 }, systemClock)
  const ask = (): Promise<Response> => fetch(`http://127.0.0.1:${listener.port}/v1/clips`, { method: 'PUT', body: 'x' })
  const early = await ask()
  expect([early.status, early.headers.get('retry-after')]).toEqual([503, '5'])
  expect(await early.json()).toMatchObject({ code: 'UNAVAILABLE', detail: 'the relay is starting' })
  listener.server.on('request', (_, response) => response.end('the app'))
  expect(await (await ask()).text()).toBe('the app')
})
