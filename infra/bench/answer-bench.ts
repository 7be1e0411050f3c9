/** What a phone moves that answers a question without looking at its video. */
import { clipList } from '@latchkey/shared'
import type { Page, Request } from 'playwright-core'
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

async function bytesOf(request: Request): Promise<number> {
  const sizes = await request.sizes()
  return sizes.requestHeadersSize + sizes.requestBodySize + sizes.responseHeadersSize + sizes.responseBodySize
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
  const moved: Request[] = []
  page.on('requestfinished', (request) => {
    const isHistory = request.method() === 'GET' && pathOf(request) === '/v1/consents'
    if (MOVED.test(pathOf(request)) && !isHistory) moved.push(request)
  })
  await answer(page)
  const bytes = (await Promise.all(moved.map(bytesOf))).reduce((sum, size) => sum + size, 0)
  const items = moved.filter((request) => pathOf(request).includes('/items/')).length
  await page.close()
  const clip = `of ${(clipBytes / 1e6).toFixed(1)} MB of video`
  return [
    measurementOf(
      {
        name: `bytes that an answer without a look moves (${bytes}), ${clip}`,
        unit: '%',
        ours: (bytes / clipBytes) * 100,
      },
      { under: UNDER_PERCENT },
    ),
    measurementOf({ name: 'sealed items that it fetches', unit: '', ours: items }, { under: 1 }),
  ]
}
