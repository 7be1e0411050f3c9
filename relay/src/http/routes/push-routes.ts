import { PushSubmission, PushSubscription, PushSubscriptionList } from '@latchkey/shared'
import { Type } from 'typebox'
import type { DeviceCaller, MemberCaller } from '../../flow.ts'
import { type Answer, json, type Route, routeOf } from '../route.ts'

/** What the push routes use. */
export interface PushRouteServices {
  listSubscriptions(caller: MemberCaller | DeviceCaller): Promise<PushSubscriptionList>
  putSubscription(caller: MemberCaller, given: PushSubscription): Promise<void>
  deleteSubscription(caller: MemberCaller): Promise<void>
  submitPush(root: string, given: PushSubmission): Promise<void>
}

const route = routeOf<PushRouteServices>()
const DONE: Answer = { status: 204, empty: true }

export const PUSH_ROUTES: readonly Route<PushRouteServices>[] = [
  route({
    method: 'GET',
    url: '/v1/push-subscriptions',
    callers: ['member', 'device'],
    schema: {
      summary: 'Where phones are written to: sealed to the doorbells; a member sees its own',
      answers: { 200: PushSubscriptionList },
    },
    handle: async ({ caller }, services) => json(200, await services.listSubscriptions(caller)),
  }),
  route({
    method: 'PUT',
    url: '/v1/push-subscriptions',
    callers: ['member'],
    schema: {
      summary: 'Where this phone is written to, and at which minute of the day',
      body: PushSubscription,
      answers: { 204: Type.Null() },
    },
    handle: async ({ caller, body }, services) => {
      await services.putSubscription(caller, body)
      return DONE
    },
  }),
  route({
    method: 'DELETE',
    url: '/v1/push-subscriptions',
    callers: ['member'],
    schema: { summary: 'Write to this phone no more, idempotent', answers: { 204: Type.Null() } },
    handle: async ({ caller }, services) => {
      await services.deleteSubscription(caller)
      return DONE
    },
  }),
  route({
    method: 'POST',
    url: '/v1/pushes',
    callers: ['device'],
    schema: {
      summary: 'Hand an encrypted message to a member’s push service',
      body: PushSubmission,
      answers: { 202: Type.Null() },
    },
    handle: async ({ caller, body }, services) => {
      await services.submitPush(caller.root, body)
      return { status: 202, empty: true }
    },
  }),
]
