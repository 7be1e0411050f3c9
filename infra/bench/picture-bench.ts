/** How long somebody waits who opens the app, and who taps on a clip. */
import type { BrowserContext, CDPSession, Page } from 'playwright-core'
import { benchAnswer } from './answer-bench.ts'
import { type Measurement, measurementOf, quantile } from './measure.ts'
import { createPhoneHome } from './phone-home.ts'

const TAPS = 20
const VISITS = 10
/** Product: a second from the tap to the first picture, on loopback. */
const UNDER_S = 1

/** What the page writes down. Times are its own, ms since it was asked for. */
interface Stopwatch {
  readonly tapMs?: number
  /** A picture of the video is on the screen. */
  readonly pictureMs?: number
  /** A heading of the app is on the screen. */
  readonly pageMs?: number
  /** A clip of the kept list is. */
  readonly listMs?: number
}

/** Runs in the page before anything of the app's. */
const STOPWATCH = `
  const watch = (globalThis.stopwatch = {})
  addEventListener('pointerdown', ({ timeStamp }) => (watch.tapMs ??= timeStamp), { capture: true })
  let isHeaded = false, isListed = false, video = null
  new MutationObserver(() => {
    if (!isHeaded && document.querySelector('main h1')) {
      isHeaded = true
      // The second begins when what the first one drew is on its way to the screen.
      requestAnimationFrame(() => requestAnimationFrame((now) => (watch.pageMs = now)))
    }
    if (!isListed && document.querySelector('.clip')) {
      isListed = true
      requestAnimationFrame(() => requestAnimationFrame((now) => (watch.listMs = now)))
    }
    const found = document.querySelector('video')
    if (found === null || found === video) return
    video = found
    video.requestVideoFrameCallback((now, { expectedDisplayTime }) => (watch.pictureMs ??= Math.max(now, expectedDisplayTime)))
  }).observe(document, { childList: true, subtree: true })`

const read = async (page: Page, wanted: keyof Stopwatch): Promise<Stopwatch> => {
  await page.waitForFunction(
    (name) => (globalThis as unknown as { stopwatch: object }).stopwatch[name as never],
    wanted,
  )
  return page.evaluate(() => (globalThis as unknown as { stopwatch: Stopwatch }).stopwatch)
}

/** From a finger on a clip, in a list that was just opened, to its first picture; nothing of its video is on the phone. */
async function tapOnce(phone: BrowserContext, origin: string): Promise<number> {
  const page = await phone.newPage()
  try {
    await page.goto(`${origin}/#/clips`)
    await page.locator('.clip img').first().waitFor()
    await (await phone.newCDPSession(page)).send('Network.clearBrowserCache')
    await page.locator('.clip').first().tap()
    const { tapMs, pictureMs } = await read(page, 'pictureMs')
    return (pictureMs! - tapMs!) / 1000
  } finally {
    await page.close()
  }
}

/** Without a network, and with a worker that has to be started first. */
async function openOnce(
  phone: BrowserContext,
  debug: CDPSession,
  origin: string,
): Promise<[page: number, list: number]> {
  await debug.send('ServiceWorker.stopAllWorkers')
  const page = await phone.newPage()
  try {
    await page.goto(origin)
    const { pageMs, listMs } = await read(page, 'listMs')
    return [pageMs! / 1000, listMs! / 1000]
  } finally {
    await page.close()
  }
}

async function times<T>(count: number, once: () => Promise<T>): Promise<T[]> {
  const measured: T[] = []
  for (let round = 0; round < count; round++) measured.push(await once())
  return measured
}

const rowsOf = (what: string, seconds: readonly number[]): Measurement[] => [
  measurementOf({ name: `${what}, median of ${seconds.length}`, unit: 's', ours: quantile(seconds, 0.5) }),
  measurementOf({ name: 'the same, longest', unit: 's', ours: Math.max(...seconds) }, { under: UNDER_S }),
]

/** @param folder where a household may lie */
export async function benchPicture(folder: string): Promise<Measurement[]> {
  await using home = await createPhoneHome(folder)
  const { app, phone } = home
  const answers = await benchAnswer(home)
  await phone.addInitScript(STOPWATCH)
  const taps = await times(TAPS, () => tapOnce(phone, app.origin))
  const lookout = await phone.newPage()
  await lookout.goto(app.origin)
  await lookout.evaluate('navigator.serviceWorker.ready.then(() => {})')
  const debug = await phone.newCDPSession(lookout)
  await debug.send('ServiceWorker.enable')
  await app[Symbol.asyncDispose]()
  await phone.setOffline(true)
  const visits = await times(VISITS, () => openOnce(phone, debug, app.origin))
  return [
    ...answers,
    ...rowsOf('tap on a clip of 1080p at 4 Mbit/s → its first picture, in Chromium', taps),
    ...rowsOf(
      'app opened without a network → its page on the screen, in Chromium',
      visits.map(([page]) => page),
    ),
    ...rowsOf(
      'the same → its list of clips',
      visits.map(([, list]) => list),
    ),
  ]
}
