/** Puts a browser of the push service double in the place of a real one, which a browser without a network cannot reach. */
import type { BrowserContext } from 'playwright-core'
import type { PushServiceDouble } from './push-service.ts'

/** What the stub is given; it runs in the page, and keeps in its storage what a browser would keep. */
interface StubKeys {
  readonly endpoint: string
  readonly p256dh: string
  readonly auth: string
}

/** In the page. Plain script: nothing of this file is there. */
function stub({ endpoint, p256dh, auth }: StubKeys): void {
  const page = globalThis as unknown as {
    localStorage: {
      getItem(name: string): string | null
      setItem(name: string, to: string): void
      removeItem(name: string): void
    }
    PushManager: { prototype: Record<string, unknown> }
    atob(text: string): string
    btoa(text: string): string
  }
  const HELD = 'stub-push'
  const bytesOf = (text: string) =>
    Uint8Array.from(page.atob(text.replaceAll('-', '+').replaceAll('_', '/')), (c) => c.charCodeAt(0)).buffer
  const subscription = () => {
    const key = page.localStorage.getItem(HELD)
    if (key === null) return null
    return {
      endpoint,
      options: { applicationServerKey: bytesOf(key) },
      getKey: (name: string) => bytesOf(name === 'auth' ? auth : p256dh),
      unsubscribe: async () => page.localStorage.removeItem(HELD),
    }
  }
  page.PushManager.prototype['getSubscription'] = async () => subscription()
  page.PushManager.prototype['subscribe'] = async (options: { applicationServerKey: Uint8Array }) => {
    page.localStorage.setItem(HELD, page.btoa(String.fromCharCode(...options.applicationServerKey)))
    return subscription()
  }
}

/** @returns the browser's half, which only the test knows */
export async function stubPush(context: BrowserContext, service: PushServiceDouble) {
  const browser = service.subscribe()
  const { endpoint, p256dh, auth } = browser
  await context.addInitScript(stub, { endpoint, p256dh, auth })
  return browser
}
