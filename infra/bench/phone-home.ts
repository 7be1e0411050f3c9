/** A household whose keys were made in Chromium, and one clip of its doorbell: relay, doorbell and app as `npm start` runs them. */
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { policy as policyValidator, type Vertex } from '@latchkey/shared'
import { createRelayClient } from '@latchkey/shared/client'
import { type BrowserContext, chromium, type Page } from 'playwright-core'
import { buildApp } from '../../relay/web/build.ts'
import type { PageListener } from '../../relay/web/page-listener.ts'
import { serveApp } from '../../relay/web/static-server.ts'
import { blockAround } from '../local/demo-home.ts'
import { createDemoInvestigator } from '../local/demo-investigator.ts'
import { type DemoParties, loadDemoParties } from '../local/demo-parties.ts'
import { startDemoWorld } from '../local/demo-world.ts'
import { createProcessKeeper } from '../local/managed-process.ts'
import { findFreePort } from '../local/port.ts'
import { setUpPhone } from './phone-person.ts'
import { mustRun } from './programs.ts'

/** The browser that is measured. */
export const CHROMIUM = '/usr/bin/chromium'
const HOST = '127.0.0.1'
const PLACE = '47.6, -122.3'
const PLACE_MICRO: Vertex = [47_600_000, -122_300_000]
/** Long enough for any clip of this run, and what policy allows for a block. */
const WINDOW_MS = 3_600_000
/** A clip that takes longer than this never comes. */
const CLIP_MS = 120_000
const PHONE = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true, locale: 'en-GB' }

/** What a phone is measured on. */
export interface PhoneHome extends AsyncDisposable {
  readonly app: PageListener
  readonly phone: BrowserContext
  /** Somebody asks the people around its door for the last hour. */
  ask(): Promise<void>
}

/** Half a minute of moving test picture as a doorbell sends it: 1080p15 at 4 Mbit/s, a keyframe each second. */
function drawVisit(path: string): void {
  const source = 'testsrc2=size=1920x1080:rate=15:duration=30'
  const coding = ['-c:v', 'libx264', '-preset', 'ultrafast', '-g', '15', '-bf', '0', '-pix_fmt', 'yuv420p']
  const rate = ['-b:v', '4M', '-maxrate', '4M', '-bufsize', '1M']
  mustRun('ffmpeg', ['-v', 'error', '-nostdin', '-f', 'lavfi', '-i', source, ...coding, ...rate, path])
}

/** The list with a clip that grows no longer. */
async function waitForClip(page: Page): Promise<void> {
  await page.locator('.clip img').first().waitFor({ timeout: CLIP_MS })
  await page.getByText('Still being recorded').waitFor({ state: 'detached', timeout: CLIP_MS })
}

async function askAround(relay: string, keys: DemoParties): Promise<void> {
  const investigator = createDemoInvestigator({ keys, relay, nowMs: Date.now })
  const policy = await createRelayClient({ origin: relay, nowMs: Date.now }).json(
    'GET',
    '/v1/policy.json',
    policyValidator,
  )
  await investigator.enrolAgency()
  const window = { startMs: Date.now() - WINDOW_MS, endMs: Date.now() - 1_000 }
  const caseNumber = `BENCH-${randomBytes(3).toString('hex').toUpperCase()}`
  await investigator.ask({ window, area: blockAround(PLACE_MICRO), policy, caseNumber })
}

/** @param folder where everything may lie; about a minute, most of it the visit's */
export async function createPhoneHome(folder: string): Promise<PhoneHome> {
  await using stack = new AsyncDisposableStack()
  const keeper = stack.use(createProcessKeeper())
  const camera = join(folder, 'visit.mp4')
  drawVisit(camera)
  const [port, appPort, appFolder] = [await findFreePort(), await findFreePort(), await buildApp('owner')]
  const parties = await loadDemoParties(join(folder, 'parties'))
  const relayOrigins = [`http://${HOST}:${port}`]
  const app = stack.use(await serveApp({ folder: appFolder, host: HOST, port: appPort, relayOrigins }))
  const world = await startDemoWorld({
    folder,
    port,
    operator: parties.operator.jwk,
    keeper,
    apps: [{ name: 'owner', origin: app.origin, folder: appFolder }],
  })
  const { pairingUrl } = await world.startAgent({ path: camera, loop: false, rate: 1 })
  const browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox', '--disable-gpu'] })
  stack.defer(() => browser.close())
  const phone = await browser.newContext(PHONE)
  const page = await phone.newPage()
  await setUpPhone(page, pairingUrl!, PLACE)
  await waitForClip(page)
  await page.close()
  const whole = stack.move()
  const ask = () => askAround(`http://${HOST}:${port}`, parties)
  return { app, phone, ask, [Symbol.asyncDispose]: () => whole.disposeAsync() }
}
