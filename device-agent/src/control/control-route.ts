import { LatchkeyError, parseWith, type Validator } from '@latchkey/shared'
import type { ControlDesk } from './control-desk.ts'
import { emptyRequest, privacyRequest } from './control-message.ts'

/** What a route answers: JSON, a picture, or news until the caller leaves. */
export type ControlAnswer =
  | { readonly kind: 'json'; readonly value: unknown }
  | { readonly kind: 'jpeg'; readonly bytes: Uint8Array }
  | { readonly kind: 'news' }

/** One thing that can be asked. `body`: what a POST must hold. */
interface ControlRoute {
  readonly method: 'GET' | 'POST'
  readonly path: string
  readonly answer: (desk: ControlDesk, body: unknown) => Promise<ControlAnswer> | ControlAnswer
}

const json = (value: unknown): ControlAnswer => ({ kind: 'json', value })
const done = json({ done: true })

/** Untrusted: `body`. @throws MESSAGE_INVALID */
const bodyAs = <T>(validator: Validator<T>, body: unknown): T => parseWith(validator, body, 'request')

/** Everything the control socket can be asked; no query, no other header counts. */
export const CONTROL_ROUTES: readonly ControlRoute[] = [
  { method: 'GET', path: '/v1/status', answer: async (desk) => json(await desk.snapshot()) },
  { method: 'GET', path: '/v1/pairing', answer: (desk) => json(desk.pairingAddress()) },
  { method: 'GET', path: '/v1/still', answer: async (desk) => ({ kind: 'jpeg', bytes: await desk.still() }) },
  { method: 'GET', path: '/v1/news', answer: () => ({ kind: 'news' }) },
  {
    method: 'POST',
    path: '/v1/ring',
    answer(desk, body) {
      bodyAs(emptyRequest, body)
      return json({ event: desk.ring() })
    },
  },
  {
    method: 'POST',
    path: '/v1/accept',
    async answer(desk, body) {
      bodyAs(emptyRequest, body)
      return json(await desk.acceptPhone())
    },
  },
  {
    method: 'POST',
    path: '/v1/privacy',
    async answer(desk, body) {
      await desk.setPrivacy(bodyAs(privacyRequest, body).on)
      return done
    },
  },
  {
    method: 'POST',
    path: '/v1/reload',
    async answer(desk, body) {
      bodyAs(emptyRequest, body)
      await desk.reload()
      return done
    },
  },
]

/** @throws NOT_FOUND | METHOD_NOT_ALLOWED. Untrusted: both. */
export function findControlRoute(method: string, path: string): ControlRoute {
  const here = CONTROL_ROUTES.filter((route) => route.path === path)
  const route = here.find((candidate) => candidate.method === method)
  if (route) return route
  throw here.length > 0
    ? new LatchkeyError('METHOD_NOT_ALLOWED', 'this path is asked otherwise')
    : new LatchkeyError('NOT_FOUND', 'no such route')
}
