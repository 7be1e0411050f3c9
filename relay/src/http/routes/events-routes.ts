import { Exact } from '@latchkey/shared'
import type { Readable } from 'node:stream'
import { Type } from 'typebox'
import type { MemberCaller } from '../../flow.ts'
import { WholeText } from '../path-fields.ts'
import { type Route, routeOf } from '../route.ts'

/** What the event route uses. */
export interface EventServices {
  openFeed(caller: MemberCaller, after: number | null): Readable
}

const route = routeOf<EventServices>()
const LINES = 'application/x-ndjson'

export const EVENT_ROUTES: readonly Route<EventServices>[] = [
  route({
    method: 'GET',
    url: '/v1/events',
    callers: ['member'],
    schema: {
      summary: 'What happens in the household, as it happens: a stream of lines',
      query: Exact({ after: Type.Optional(WholeText) }),
      answers: { 200: { mediaType: LINES } },
    },
    handle: async ({ caller, query }, services) => ({
      status: 200,
      stream: services.openFeed(caller, query.after === undefined ? null : Number(query.after)),
      headers: {
        'content-type': `${LINES}; charset=utf-8`,
        // A proxy that collects an answer before it passes it on would hold every line back.
        'x-accel-buffering': 'no',
        // Kept alive, the connection would outlive the stream and hold up a relay that stops.
        connection: 'close',
      },
    }),
  }),
]
