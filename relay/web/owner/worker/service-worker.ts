/**
 * Keeps the app's own files on the phone, so that it opens without a network and paints at once. It stores nothing of the
 * household, answers nothing that goes to a relay, and cannot vouch for the app: its next version comes from the same server.
 */

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

self.addEventListener('install', (event) => event.waitUntil(install()))
self.addEventListener('activate', (event) => event.waitUntil(activate()))
self.addEventListener('fetch', (event) => {
  const { request } = event
  if (request.method !== 'GET' || new URL(request.url).origin !== self.location.origin) return
  event.respondWith(answer(request))
})
