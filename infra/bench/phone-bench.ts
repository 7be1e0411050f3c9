import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { chromium } from 'playwright-core'
import { build, type Rolldown } from 'vite'
import type { RewrapRound } from './browser/rewrap-page.ts'
import { type Measurement, measurementOf } from './measure.ts'
import { CHROMIUM } from './phone-home.ts'
import { benchPicture } from './picture-bench.ts'

const PAGE = fileURLToPath(new URL('./browser/rewrap-page.ts', import.meta.url))
/** Nothing listens there: the answer is given here. Loopback, because WebCrypto is only where a page is trusted. */
const ORIGIN = 'http://127.0.0.1:9/'
const SEGMENTS = 100
const ROUNDS = 5
/** Product: a hundred segments are given in less than two seconds. */
const UNDER_MS = 2_000

async function bundlePage(): Promise<string> {
  const output = await build({
    configFile: false,
    logLevel: 'error',
    build: { write: false, target: 'es2023', lib: { entry: PAGE, formats: ['iife'], name: 'page' } },
  })
  const [first] = (Array.isArray(output) ? output : [output]) as Rolldown.RolldownOutput[]
  return first!.output[0].code
}

/** Re-wrapping a clip's file keys in the browser that people use, beside the bare agreements of its WebCrypto. */
async function benchRewrap(): Promise<Measurement[]> {
  const code = await bundlePage()
  const browser = await chromium.launch({
    executablePath: CHROMIUM,
    args: ['--no-sandbox', '--disable-gpu'],
  })
  try {
    const page = await browser.newPage()
    await page.route(ORIGIN, (route) => route.fulfill({ contentType: 'text/html', body: '<!doctype html>' }))
    await page.goto(ORIGIN)
    await page.addScriptTag({ content: code })
    const rounds = await page.evaluate<RewrapRound[]>(`measure(${SEGMENTS}, ${ROUNDS})`)
    const best = (of: keyof RewrapRound): number => Math.min(...rounds.map((round) => round[of]))
    const peer = { name: `${SEGMENTS} bare X25519 agreements of its WebCrypto`, value: best('agreements') }
    const name = `${SEGMENTS} segments re-wrapped to a requester, in Chromium`
    return [measurementOf({ name, unit: 'ms', ours: best('ours'), peer }, { under: UNDER_MS })]
  } finally {
    await browser.close()
  }
}

/** The phone app in Chromium. @param folder where a household may lie */
export async function benchPhone(folder: string): Promise<Measurement[]> {
  if (!existsSync(CHROMIUM)) throw new Error(`${CHROMIUM} is missing: sudo apt-get install -y chromium`)
  return [...(await benchRewrap()), ...(await benchPicture(folder))]
}
