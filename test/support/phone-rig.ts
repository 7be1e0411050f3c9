/** A household whose keys were made in a real browser: relay, doorbell and phone app as people run them. */
import { type Identity, parseIdentity } from '@latchkey/shared'
import type { BrowserContext, Page } from 'playwright-core'
import { type Agent, createAgent } from '../../device-agent/src/agent.ts'
import { systemClock } from '../../device-agent/src/kernel/clock.ts'
import { createLog } from '../../device-agent/src/kernel/log.ts'
import {
  acceptDoorbell,
  type Hand,
  type PaperSheet,
  setUpPhone as setUpByHand,
} from '../../infra/bench/phone-person.ts'
import { findFreePort } from '../../infra/local/port.ts'
import { buildApp } from '../../relay/web/build.ts'
import { serveApp } from '../../relay/web/static-server.ts'
import { startChromium, WHOLE_CHROMIUM } from './chromium.ts'
import { drawScene } from './media-files.ts'
import { eventually } from './poll.ts'
import { createRelayWorld, type OwnRelayWorld } from './relay-world.ts'

/** Where the rig's door is, as its owner types it. */
export const RIG_PLACE = '37.7760, -122.4180'

/** How a page is looked at. */
export interface PhoneLook {
  readonly width?: number
  readonly height?: number
  readonly colorScheme?: 'light' | 'dark'
}

/** Relay, app and browser; no household yet. */
export interface PhoneRig extends AsyncDisposable {
  readonly world: OwnRelayWorld
  readonly appOrigin: string
  /** A drawn scene for doorbells. */
  readonly scene: string
  /** An empty phone, which tells every error of its page by failing {@link PhoneRig.complaints}. */
  phone(look?: PhoneLook): Promise<Phone>
  /** A doorbell that waits for an owner. `rate`: how much faster than life its scene runs. */
  doorbell(name?: string, rate?: number): Promise<Doorbell>
  /** What pages had to complain about so far: uncaught errors and violations of their policy. */
  readonly complaints: readonly string[]
}

/** One browser profile. */
export interface Phone {
  readonly context: BrowserContext
  readonly page: Page
}

/** One agent. */
export interface Doorbell {
  readonly agent: Agent
  /** It ends, and begins anew on what it kept, at the relay's time: its camera shows the scene once more. */
  again(): Promise<Agent>
  /** What its owner scans. */
  pairingUrl(): Promise<string>
}

/** Starts everything but the household; about three seconds once the app is built. */
export async function createPhoneRig(
  options: Parameters<typeof createRelayWorld>[0] & { readonly chromium?: readonly string[] } = {},
): Promise<PhoneRig> {
  await using stack = new AsyncDisposableStack()
  const host = '127.0.0.1'
  const port = await findFreePort()
  const appOrigin = `http://${host}:${port}`
  const folder = await buildApp('owner')
  const apps = [{ name: 'owner', filesList: `${folder}/app-files.txt` }]
  const config = { appOrigins: [appOrigin], apps, ...options.config }
  const [world, browser] = await Promise.all([
    createRelayWorld({ ...options, config }),
    startChromium(options.chromium && WHOLE_CHROMIUM, options.chromium),
  ])
  stack.use(world)
  stack.defer(() => browser.close())
  stack.use(await serveApp({ folder, host, port, relayOrigins: [world.relay.publicOrigin] }))
  const scene = await drawScene(world.folder)
  const complaints: string[] = []
  const agents: Agent[] = []
  stack.defer(async () => {
    for (const agent of agents) await agent[Symbol.asyncDispose]()
  })
  const kept = stack.move()
  return {
    world,
    appOrigin,
    scene,
    complaints,
    async phone({ width = 390, height = 844, colorScheme = 'light' } = {}) {
      const viewport = { width, height }
      const context = await browser.newContext({ viewport, colorScheme, reducedMotion: 'reduce', locale: 'en-GB' })
      const page = await context.newPage()
      page.on('pageerror', (error) => complaints.push(String(error)))
      page.on('console', (message) => {
        if (/Content Security Policy|Trusted ?Type/i.test(message.text())) complaints.push(message.text())
      })
      return { context, page }
    },
    async doorbell(name = 'Front door', rate = 40) {
      const dataDir = `${world.folder}/agent-${agents.length}`
      const start = async (): Promise<Agent> => {
        const aheadMs = Math.round(world.clock.nowMs() - Date.now())
        const started = await createAgent(
          {
            dataDir,
            camera: { source: scene, name, rate },
            relay: { origin: world.relay.publicOrigin, pageOrigin: appOrigin },
          },
          {
            pairingPollMs: 5,
            retryBaseMs: 20,
            clock: { ...systemClock, nowMs: () => Date.now() + aheadMs },
            log: createLog({ level: process.env['AGENT_LOG'] ?? 'silent', format: 'lines' }),
          },
        )
        agents.push(started)
        return started
      }
      const agent = await start()
      const pairingUrl = () =>
        eventually(() => {
          const { pairing } = agent.status()
          return pairing.kind === 'unpaired' ? pairing.url : null
        }, 'a pairing code')
      const again = async (): Promise<Agent> => {
        await agent[Symbol.asyncDispose]()
        return start()
      }
      return { agent, again, pairingUrl }
    },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  }
}

export { acceptDoorbell, type PaperSheet }

/** @see the same in `phone-person.ts`, at the rig's place */
export const setUpPhone = ({ page }: Phone, pairingUrl: string, hand?: Hand): Promise<PaperSheet> =>
  setUpByHand(page, pairingUrl, RIG_PLACE, hand)

/** An owner's phone, and the doorbell that it owns. */
export interface OwnedPhone extends Phone {
  readonly doorbell: Doorbell
  readonly sheet: PaperSheet
  readonly recovery: Identity
}

/** An owner's phone whose doorbell has recorded its scene. @param look.camera what the doorbell is called, @param look.hand else a finger */
export async function createOwnedPhone(
  rig: PhoneRig,
  look: PhoneLook & { readonly camera?: string; readonly hand?: Hand } = {},
): Promise<OwnedPhone> {
  const [phone, doorbell] = await Promise.all([rig.phone(look), rig.doorbell(look.camera)])
  const sheet = await setUpPhone(phone, await doorbell.pairingUrl(), look.hand)
  await doorbell.agent.captured
  if (!(await doorbell.agent.drained(20_000))) throw new Error('the doorbell could not upload what it recorded')
  return { ...phone, doorbell, sheet, recovery: parseIdentity(sheet.line) }
}
