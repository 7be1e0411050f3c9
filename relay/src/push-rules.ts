import type { Database } from './flow.ts'
import { type BoundRoute, bindRoutes } from './http/app.ts'
import { PUSH_ROUTES } from './http/routes/push-routes.ts'
import type { Clock } from './kernel/clock.ts'
import type { PushServices } from './push/push-endpoint.ts'
import type { PushQueue } from './push/push-queue.ts'
import { deleteSubscription, listSubscriptions, putSubscription } from './push/push-subscriptions.ts'
import { sendDaily, submitPush } from './push/pushes.ts'

/** What pushes stand on, already running. */
export interface PushCore {
  readonly database: Database
  readonly clock: Clock
  readonly push: {
    readonly services: PushServices
    readonly queue: PushQueue
    readonly applicationServerKey: string
    isMember(root: string, thumbprint: string): Promise<boolean>
  }
}

/** Joins the stage of pushes: its routes, and the job of the day. */
export function createPushRules({ database, clock, push }: PushCore): {
  readonly routes: readonly BoundRoute[]
  daily(): Promise<unknown>
} {
  const { applicationServerKey, services } = push
  const parts = { ...push, database, clock }
  const routes = bindRoutes(PUSH_ROUTES, {
    listSubscriptions: async (caller) => {
      const member = caller.kind === 'member' ? caller.thumbprint : null
      return { applicationServerKey, subscriptions: await listSubscriptions(database, caller.root, member) }
    },
    putSubscription: (caller, given) => putSubscription({ database, clock, services }, caller, given),
    deleteSubscription: (caller) => deleteSubscription(database, caller),
    submitPush: (root, given) => submitPush(parts, root, given),
  })
  return { routes, daily: () => sendDaily(parts) }
}
