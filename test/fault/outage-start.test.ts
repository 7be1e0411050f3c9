import { expect, test } from 'vitest'
import { createHttpListener } from '../../relay/src/http/http-listener.ts'
import { systemClock } from '../../relay/src/kernel/clock.ts'
import { databaseUrlOf } from '../support/kill-database.ts'
import { eventually } from '../support/poll.ts'
import { createTestDatabase } from '../support/relay-database.ts'
import { createRelayWorld, enrolHousehold } from '../support/relay-world.ts'

test('a relay that is still starting says UNAVAILABLE at once, and leaves the answer to its app from then on', async () => {
  await using listener = await createHttpListener({ host: '127.0.0.1', port: 0 }, systemClock)
  const ask = (): Promise<Response> => fetch(`http://127.0.0.1:${listener.port}/v1/clips`, { method: 'PUT', body: 'x' })
  const early = await ask()
  expect([early.status, early.headers.get('retry-after')]).toEqual([503, '5'])
  expect(await early.json()).toMatchObject({ code: 'UNAVAILABLE', detail: 'the relay is starting' })
  listener.server.on('request', (_, response) => response.end('the app'))
  expect(await (await ask()).text()).toBe('the app')
})

test('a log index that could not be recorded, the database being away, is recorded by the next sweep', async () => {
  await using store = await createTestDatabase()
  await using world = await createRelayWorld({ config: { databaseUrl: databaseUrlOf(store.target) } })
  await enrolHousehold(world)
  const indexes = async () =>
    (await store.database.query<{ log_index: number | null }>('SELECT log_index FROM keysets')).map(
      (row) => row.log_index,
    )
  const before = await indexes()
  expect(before).toEqual([expect.any(Number)])
  await store.database.query('UPDATE keysets SET log_index = NULL')
  // A sweep that was under way looked before.
  await eventually(async () => {
    world.clock.tick()
    return (await indexes())[0] !== null
  }, 'the index')
  expect(await indexes()).toEqual(before)
})
