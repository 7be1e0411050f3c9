import { Accepted, Exact, fromUtf8, Id16, PairingAnswer, PairingDone, PairingHello } from '@latchkey/shared'
import type { TSchema } from 'typebox'
import { json, type Route, routeOf } from '../route.ts'

/** What the pairing routes use. */
export interface PairingServices {
  putLetter(letter: {
    id: string
    slot: 'hello' | 'answer' | 'done'
    body: Uint8Array
    address: string
  }): Promise<string>
  getLetter(id: string, slot: 'hello' | 'answer' | 'done'): Promise<Uint8Array>
}

const route = routeOf<PairingServices>()
const Mailbox = Exact({ id: Id16 })

/** Whoever holds the id, the hash of a secret that only Pi and phone know, may write each slot once and read it. */
function slotRoutes(slot: 'hello' | 'answer' | 'done', schema: TSchema): Route<PairingServices>[] {
  const url = `/v1/pairings/:id/${slot}`
  return [
    route({
      method: 'PUT',
      url,
      callers: ['anyone'],
      schema: {
        summary: `Write the ${slot} of a pairing, once`,
        params: Mailbox,
        body: schema,
        answers: { 201: Accepted },
      },
      handle: async ({ params, bytes, address }, services) =>
        json(201, { digest: await services.putLetter({ id: params.id, slot, body: bytes, address }) }),
    }),
    route({
      method: 'GET',
      url,
      callers: ['anyone'],
      schema: { summary: `Read the ${slot} of a pairing`, params: Mailbox, answers: { 200: schema } },
      handle: async ({ params }, services) =>
        json(200, JSON.parse(fromUtf8(await services.getLetter(params.id, slot)))),
    }),
  ]
}

export const PAIRING_ROUTES: readonly Route<PairingServices>[] = [
  ...slotRoutes('hello', PairingHello),
  ...slotRoutes('answer', PairingAnswer),
  ...slotRoutes('done', PairingDone),
]
