/** What a phone moves that answers a question without looking at its video. */
import { clipList } from '@latchkey/shared'
import type { CDPSession, Page, Request } from 'playwright-core'
import { type Measurement, measurementOf } from './measure.ts'
import type { PhoneHome } from './phone-home.ts'

/** Product: a thousandth of the clip, in per cent. */
const UNDER_PERCENT = 0.1
/** Everything of a clip that a phone may fetch, and what it hands in. */
const MOVED = /^\/v1\/(clips\/[^/]+\/|consents$)/

const pathOf = (request: Request): string => new URL(request.url()).pathname

/** Sealed bytes of the newest clip, from the list that the page fetches. */
async function clipBytesOf(page: Page): Promise<number> {
  const response = await page.waitForResponse((answer) => pathOf(answer.request()) === '/v1/clips' && answer.ok())
  const listed: unknown = await response.json()
  if (!clipList.check(listed)) throw new Error('the relay lists something else')
  return listed.clips.at(-1)!.descriptors.reduce((sum, { payloadBytes }) => sum + payloadBytes, 0)
}

/** As a person answers, all of the clip, and nothing looked at. */
async function answer(page: Page): Promise<void> {
  const press = (name: string) => page.getByRole('button', { name, exact: true }).click()
  await press('Read the question')
  await press('Share')
  await press('Sign and share')
  await page.getByText('This phone found it in the public log.').waitFor()
}

/** One exchange on the wire, as the browser's debugger tells of it: its events come in any order. */
interface Exchange {
  method?: string
  path?: string
  sent?: number
  received?: number
}

const linesOf = (headers: object): string =>
  Object.entries(headers)
    .map(([name, value]) => `${name}: ${String(value)}\r\n`)
    .join('')

/** The lines of a message and the body that they announce. */
const withBody = (lines: string): number => lines.length + Number(/^content-length: (\d+)\r?$/im.exec(lines)?.[1] ?? 0)

/**
 * Counts every exchange of a page: HTTP's lines, bodies as they travel, and what the browser asks by itself before a
 * request to another origin, of which pages and their tools see nothing.
 */
async function countExchanges(debug: CDPSession): Promise<() => readonly Required<Exchange>[]> {
  const exchanges = new Map<string, Exchange>()
  const note = (id: string, part: Exchange): void => void exchanges.set(id, { ...exchanges.get(id), ...part })
  debug.on('Network.requestWillBeSent', ({ requestId, request: { method, url } }) =>
    note(requestId, { method, path: new URL(url).pathname }),
  )
  debug.on('Network.requestWillBeSentExtraInfo', ({ requestId, headers }) =>
    note(requestId, { sent: withBody(`\r\n${linesOf(headers)}\r\n`) }),
  )
  debug.on('Network.responseReceivedExtraInfo', ({ requestId, headersText }) =>
    note(requestId, { received: withBody(headersText!) }),
  )
  await debug.send('Network.enable')
  return () =>
    [...exchanges.values()].flatMap(({ method, path, sent, received }) =>
      method === undefined || path === undefined || sent === undefined || received === undefined
        ? []
        : [{ method, path, sent: sent + `${method} ${path} HTTP/1.1`.length, received }],
    )
}

/** From the question on the screen until the consent stands in the log. */
export async function benchAnswer({ app, phone, ask }: PhoneHome): Promise<Measurement[]> {
  await ask()
  const page = await phone.newPage()
  const listed = clipBytesOf(page)
  await page.goto(`${app.origin}/#/questions`)
  await page.getByRole('button', { name: 'Show me questions that concern my door' }).click()
  const clipBytes = await listed
  await page.getByRole('button', { name: 'Read the question' }).waitFor()
  const exchanges = await countExchanges(await phone.newCDPSession(page))
  await answer(page)
  const moved = exchanges().filter(
    ({ method, path }) => MOVED.test(path) && !(method === 'GET' && path === '/v1/consents'),
  )
  const bytes = moved.reduce((sum, { sent, received }) => sum + sent + received, 0)
  const items = moved.filter(({ path }) => path.includes('/items/')).length
  await page.close()
  const clip = `of ${(clipBytes / 1e6).toFixed(1)} MB of video`
  return [
    measurementOf(
      {
        name: `bytes that an answer without a look moves, household of one phone (${bytes}), ${clip}`,
        unit: '%',
        ours: (bytes / clipBytes) * 100,
      },
      { under: UNDER_PERCENT },
    ),
    measurementOf({ name: 'sealed items that it fetches', unit: '', ours: items }, { under: 1 }),
  ]
}
