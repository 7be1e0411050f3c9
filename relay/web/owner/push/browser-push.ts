/** This browser's own half: its permission, and its address at a push service. */
import { decodeBase64url, encodeBase64url, LatchkeyError, type PushWish } from '@latchkey/shared'
import type { Home } from '../household/home.ts'
import { sleep } from '../../kernel/clock.ts'
import type { Database } from '../../kernel/database.ts'
import { askRelay, forgetWish, loadWish, saveWish, tellWish } from './push-wish.ts'

/**
 * `absent`: this browser has none (an iPhone has it on the home screen only) · `denied`: its owner once said no · `off` · `on`.
 */
export type PushState =
  | { readonly kind: 'absent' | 'denied' | 'off' }
  | { readonly kind: 'on'; readonly events: PushWish['events']; readonly isTold: boolean }

/** Push services of some browsers never answer. */
const PATIENCE_MS = 20_000

const hasPush = (): boolean =>
  'serviceWorker' in navigator && 'PushManager' in globalThis && 'Notification' in globalThis

async function inTime<T>(work: Promise<T>): Promise<T> {
  const patience = new AbortController()
  const tooLate = sleep(PATIENCE_MS, patience.signal).then(() => {
    throw new LatchkeyError('UNAVAILABLE', 'this browser reaches no push service')
  })
  try {
    return await Promise.race([work, tooLate])
  } finally {
    patience.abort()
    tooLate.catch(() => {})
  }
}

/** How things stand on this phone. */
export async function pushState(database: Database): Promise<PushState> {
  if (!hasPush()) return { kind: 'absent' }
  if (Notification.permission === 'denied') return { kind: 'denied' }
  const wish = await loadWish(database)
  return wish === null || Notification.permission !== 'granted' ? { kind: 'off' } : { kind: 'on', ...wish }
}

/** The browser's subscription under this relay's key, made when there is none or it is under another. */
async function subscriptionFor(applicationServerKey: string): Promise<PushSubscription> {
  const { pushManager } = await inTime(navigator.serviceWorker.ready)
  const held = await pushManager.getSubscription()
  const heldKey = held?.options.applicationServerKey
  if (held && heldKey && encodeBase64url(new Uint8Array(heldKey)) === applicationServerKey) return held
  await held?.unsubscribe()
  const key = decodeBase64url(applicationServerKey) as Uint8Array<ArrayBuffer>
  return inTime(pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: key }))
}

type Parts = { readonly database: Database; readonly home: Home }

/** One change at a time, in whatever tab: two would undo each other. */
const alone = <T>(work: () => Promise<T>): Promise<T> => navigator.locks.request('latchkey-push', work)

/**
 * Asks for permission and subscribes; the browser shows its own question first.
 * @returns how things then stand: `denied` or `off` when the owner said no
 * @throws UNAVAILABLE when relay or push service do not answer
 */
export async function startPush(parts: Parts, wish: { events: PushWish['events']; hour: number }): Promise<PushState> {
  if ((await Notification.requestPermission()) !== 'granted') return pushState(parts.database)
  await alone(async () => {
    const { applicationServerKey } = await askRelay(parts.home)
    const subscription = await subscriptionFor(applicationServerKey)
    await saveWish(parts.database, wish.events)
    await tellWish(parts, subscription, wish)
  })
  return pushState(parts.database)
}

/** Keeps up what was wished: after a new doorbell, another hour, or a relay or browser that forgot. Safe to repeat. */
export async function keepPush(parts: Parts, hour: number): Promise<void> {
  if ((await pushState(parts.database)).kind !== 'on') return
  await alone(async () => {
    const { applicationServerKey, isKnown } = await askRelay(parts.home)
    await tellWish(parts, await subscriptionFor(applicationServerKey), { hour, again: !isKnown })
  })
}

/** Ends it: nothing is told any more. */
export async function endPush({ database, home }: Parts): Promise<void> {
  await alone(async () => {
    const registration = await navigator.serviceWorker.getRegistration()
    await (await registration?.pushManager.getSubscription())?.unsubscribe()
    await forgetWish(database, home)
  })
}
