/** What a relay that lies puts before a page, between it and the honest relay. */
import type { Validator } from '@latchkey/shared'
import type { Page, Route } from 'playwright-core'

/** Makes one page's relay lie; every other page hears the truth. */
export interface Liar {
  /** Answers with this instead of asking the relay. */
  answer(address: RegExp, body: () => { json?: unknown; bytes?: Uint8Array; status?: number }): Promise<unknown>
  /** Asks the relay, says it truly, and remembers it. */
  hear(address: RegExp, take: (address: string, body: Uint8Array) => void): Promise<unknown>
  /** Asks the relay, and changes what it says. */
  change<T>(address: RegExp, said: Validator<T>, change: (said: T) => unknown): Promise<unknown>
}

/** @param appOrigin the page's own: without its leave a browser keeps the answer from it */
export function createLiar(page: Page, appOrigin: string): Liar {
  const headers = (type: string) => ({
    'access-control-allow-origin': appOrigin,
    'access-control-expose-headers': 'dpop-nonce',
    'content-type': type,
  })
  /** A page's question whether it may ask is answered by the honest relay. */
  const whenAsked = (lie: (route: Route) => Promise<unknown>) => (route: Route) =>
    route.request().method() === 'OPTIONS' ? route.continue() : lie(route)
  return {
    answer: (address, body) =>
      page.route(
        address,
        whenAsked((route) => {
          const { json, bytes, status = 200 } = body()
          const type =
            status >= 400 ? 'application/problem+json' : json ? 'application/json' : 'application/octet-stream'
          const content = json === undefined ? Buffer.from(bytes ?? []) : JSON.stringify(json)
          return route.fulfill({ status, headers: headers(type), body: content })
        }),
      ),
    hear: (address, take) =>
      page.route(
        address,
        whenAsked(async (route) => {
          const response = await route.fetch()
          if (response.ok()) take(new URL(response.url()).pathname, await response.body())
          return route.fulfill({ response })
        }),
      ),
    change: (address, validator, change) =>
      page.route(
        address,
        whenAsked(async (route) => {
          const response = await route.fetch()
          if (!response.ok()) return route.fulfill({ response })
          const said: unknown = await response.json()
          if (!validator.check(said)) throw new Error(`the relay said something else: ${validator.explain(said)}`)
          return route.fulfill({ response, json: change(said) })
        }),
      ),
  }
}
