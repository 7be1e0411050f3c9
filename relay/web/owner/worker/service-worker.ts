/**
 * Keeps the app's own files on the phone, so that it opens without a network and paints at once; and shows what the phone is told
 * while nobody looks. It answers nothing that goes to a relay, and cannot vouch for the app: its next version comes from the same server.
 */
import { FIRST_CHOICES } from '@latchkey/shared'
import { loadHome } from '../household/home.ts'
import { type Database, openDatabase } from '../../kernel/database.ts'
import { dailyNotice } from '../push/daily-notice.ts'
import { doorNotice, type Notice } from '../push/door-notice.ts'
import { createSettingsStore } from '../settings/settings-store.ts'

/** Put in by the build: every file of this version, and the digest over them. */
declare const APP_FILES: readonly string[]
declare const APP_VERSION: string

declare const self: ServiceWorkerGlobalScope

const CACHE = `latchkey-${APP_VERSION}`

async function install(): Promise<void> {
  const cache = await caches.open(CACHE)
  await cache.addAll(APP_FILES.map((path) => new Request(path, { cache: 'reload' })))
  await self.skipWaiting()
}

/** One version at a time: files of two versions do not fit together. */
async function activate(): Promise<void> {
  const names = await caches.keys()
  await Promise.all(names.filter((name) => name !== CACHE).map((name) => caches.delete(name)))
  await self.clients.claim()
}

async function answer(request: Request): Promise<Response> {
  const cache = await caches.open(CACHE)
  const page = request.mode === 'navigate' ? await cache.match('/') : undefined
  return page ?? (await cache.match(request)) ?? fetch(request)
}

/** A phone that left its household has nothing to say of it, and must show something all the same. */
async function noticeOf(data: Uint8Array | null, database: Database): Promise<Notice> {
  const home = await loadHome(database)
  const choices = home === null ? FIRST_CHOICES : await createSettingsStore(database, home).load()
  if (home === null || data !== null) return doorNotice(data ?? new Uint8Array(0), choices)
  return dailyNotice({ database, home }, choices)
}

async function show(message: PushMessageData | null): Promise<void> {
  const data = message === null ? null : new Uint8Array(message.arrayBuffer())
  const { title, body, tag, silent, page } = await noticeOf(data?.length ? data : null, await openDatabase())
  await self.registration.showNotification(title, { body, tag, silent, icon: '/icon.svg', data: page })
}

/** Never a decision inside a notification: it opens the app, and nothing else. */
async function open(page: unknown): Promise<void> {
  const address = `/#/${page === 'questions' ? 'questions' : 'clips'}`
  const [client] = await self.clients.matchAll({ type: 'window' })
  if (client === undefined) await self.clients.openWindow(address)
  else await (await client.focus()).navigate(address)
}

self.addEventListener('install', (event) => event.waitUntil(install()))
self.addEventListener('activate', (event) => event.waitUntil(activate()))
self.addEventListener('fetch', (event) => {
  const { request } = event
  if (request.method !== 'GET' || new URL(request.url).origin !== self.location.origin) return
  event.respondWith(answer(request))
})
self.addEventListener('push', (event) => event.waitUntil(show(event.data)))
self.addEventListener('notificationclick', (event) => {
  event.notification.close()
  event.waitUntil(open(event.notification.data))
})
