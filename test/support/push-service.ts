/** A push service on loopback, as strict as the real ones about who writes to it. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { importJWK, jwtVerify } from 'jose'
import { createPushBrowser, type PushBrowser } from './push-browser.ts'

/** One message that it took, opened. */
export interface TakenPush {
  readonly browser: string
  /** Null: empty. */
  readonly text: string | null
  readonly bodyBytes: number
  readonly headers: Readonly<Record<string, string | undefined>>
  /** Of RFC 8292, verified. */
  readonly vapid: { readonly key: string; readonly aud: unknown; readonly sub: unknown; readonly lifeSeconds: number }
}

/** The service, and the browsers that use it. */
export interface PushServiceDouble extends AsyncDisposable {
  readonly origin: string
  /** Oldest first. */
  readonly taken: readonly TakenPush[]
  /** Everything that came, whatever was answered. */
  readonly asked: readonly string[]
  /** What it answers from now on; 201 unless told. */
  status: number
  /** A browser that subscribed here. */
  subscribe(): PushBrowser & { readonly id: string; readonly endpoint: string }
}

async function verifyVapid(authorization: string | undefined, origin: string): Promise<TakenPush['vapid']> {
  const [, token, key] = /^vapid t=([\w.-]+), k=([\w-]+)$/.exec(authorization ?? '')!
  const point = Buffer.from(key!, 'base64url')
  const [x, y] = [point.subarray(1, 33), point.subarray(33)].map((half) => half.toString('base64url'))
  const jwk = await importJWK({ kty: 'EC', crv: 'P-256', x: x!, y: y! }, 'ES256')
  // The relay's clock may be shifted in a test; the life of the token is looked at below.
  const { payload } = await jwtVerify(token!, jwk, { audience: origin, currentDate: new Date(0) })
  return { key: key!, aud: payload.aud, sub: payload.sub, lifeSeconds: payload.exp! }
}

export async function createPushService(): Promise<PushServiceDouble> {
  const browsers = new Map<string, PushBrowser>()
  const taken: TakenPush[] = []
  const asked: string[] = []
  let origin = ''
  const double = { status: 201 }
  const server = createServer((request, response) => {
    void (async () => {
      const { status } = double
      const id = request.url!.slice('/push/'.length)
      asked.push(id)
      const body = Buffer.concat(await request.toArray())
      const vapid = await verifyVapid(request.headers.authorization, origin)
      const browser = browsers.get(id)
      if (request.method === 'POST' && browser && status === 201)
        taken.push({
          browser: id,
          text: body.length === 0 ? null : browser.open(body).toString(),
          bodyBytes: body.length,
          headers: request.headers as TakenPush['headers'],
          vapid,
        })
      const location = status === 302 ? { location: `${origin}/push/elsewhere` } : {}
      response.writeHead(browser ? status : 404, location).end()
    })().catch(() => response.writeHead(400).end())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    origin,
    taken,
    asked,
    get status() {
      return double.status
    },
    set status(next) {
      double.status = next
    },
    subscribe() {
      const browser = createPushBrowser()
      const id = `b${browsers.size}`
      browsers.set(id, browser)
      return { ...browser, id, endpoint: `${origin}/push/${id}` }
    },
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
