/** An investigator's desk: relay, desk and browser as people run them, and keys as the command line makes them. */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createSigner, encodeBase64url, encodeIdentityFile, generateIdentity, randomBytes } from '@latchkey/shared'
import type { BrowserContext, Page } from 'playwright-core'
import { findFreePort } from '../../infra/local/port.ts'
import { buildApp } from '../../relay/web/build.ts'
import { serveApp } from '../../relay/web/static-server.ts'
import { startChromium } from './chromium.ts'
import {
  certifyInvestigator,
  createRelayWorld,
  enrolAgency,
  type Investigator,
  type OwnRelayWorld,
} from './relay-world.ts'

/** Where the desk's computer stands: its clock shows another hour than UTC. */
export const DESK_ZONE = 'America/Los_Angeles'

/** A file that is chosen in a page. */
export interface ChosenFile {
  readonly name: string
  readonly mimeType: string
  readonly buffer: Buffer
}

/** Relay, desk and browser; nobody sits there yet. */
export interface DeskRig extends AsyncDisposable {
  readonly world: OwnRelayWorld
  readonly deskOrigin: string
  /** An empty desk. */
  desk(): Promise<{ readonly context: BrowserContext; readonly page: Page }>
  /** What pages had to complain about so far: uncaught errors and violations of their policy. */
  readonly complaints: readonly string[]
}

export async function createDeskRig(options: Parameters<typeof createRelayWorld>[0] = {}): Promise<DeskRig> {
  await using stack = new AsyncDisposableStack()
  const host = '127.0.0.1'
  const port = await findFreePort()
  const deskOrigin = `http://${host}:${port}`
  const folder = await buildApp('desk')
  const apps = [{ name: 'desk', filesList: `${folder}/app-files.txt` }]
  const config = { appOrigins: [deskOrigin], apps, ...options.config }
  const [world, browser] = await Promise.all([createRelayWorld({ ...options, config }), startChromium()])
  stack.use(world)
  stack.defer(() => browser.close())
  stack.use(await serveApp({ folder, host, port, relayOrigins: [world.relay.publicOrigin] }))
  const complaints: string[] = []
  const kept = stack.move()
  return {
    world,
    deskOrigin,
    complaints,
    async desk() {
      const context = await browser.newContext({
        viewport: { width: 1280, height: 900 },
        reducedMotion: 'reduce',
        locale: 'en-GB',
        timezoneId: DESK_ZONE,
      })
      const page = await context.newPage()
      page.on('pageerror', (error) => complaints.push(String(error)))
      page.on('console', (message) => {
        if (/Content Security Policy|Trusted ?Type/i.test(message.text())) complaints.push(message.text())
      })
      return { context, page }
    },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  }
}

const file = (name: string, text: string): ChosenFile => ({
  name,
  mimeType: 'application/octet-stream',
  buffer: Buffer.from(text),
})

/** An investigator of a new agency, and the three files that `keygen requester` and `certify` would have left. */
export async function createKeyFiles(
  world: OwnRelayWorld,
): Promise<{ investigator: Investigator; files: Record<'signing' | 'opening' | 'certificate', ChosenFile> }> {
  const seed = randomBytes(32)
  const [signer, identity] = [createSigner(seed), generateIdentity()]
  const party = { signer, identity, client: world.client(signer) }
  const investigator = await certifyInvestigator(world, await enrolAgency(world), { party })
  const jwk = { ...signer.jwk, d: encodeBase64url(seed) }
  return {
    investigator,
    files: {
      signing: file('requester.jwk', JSON.stringify(jwk, null, 2)),
      opening: file('requester.key', encodeIdentityFile(identity, 'Latchkey requester key')),
      certificate: file('certificate.jws', investigator.certificate),
    },
  }
}

const BOX_HEAD_BYTES = 8

/** Boxes of an MP4 file at its top level. @see ISO/IEC 14496-12 §4.2 */
function boxesOf(bytes: Uint8Array): { readonly type: string; readonly bytes: Uint8Array }[] {
  const boxes = []
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  for (let at = 0; at + BOX_HEAD_BYTES <= bytes.length;) {
    const sizeBytes = view.getUint32(at)
    boxes.push({
      type: Buffer.from(bytes.subarray(at + 4, at + BOX_HEAD_BYTES)).toString('latin1'),
      bytes: bytes.subarray(at, at + sizeBytes),
    })
    at += sizeBytes
  }
  return boxes
}

/** A drawn video as a doorbell's items: `init`, then one of two seconds for each of `media`. */
export function drawItems(folder: string, media: number): Uint8Array[] {
  const path = join(folder, 'drawn.mp4')
  const source = ['-f', 'lavfi', '-i', 'testsrc2=size=320x180:rate=10', '-t', String(2 * media)]
  const coding = ['-c:v', 'libx264', '-preset', 'ultrafast', '-g', '20', '-bf', '0', '-pix_fmt', 'yuv420p']
  const cutting = ['-movflags', 'frag_keyframe+empty_moov+default_base_moof']
  execFileSync('ffmpeg', ['-nostdin', '-v', 'error', '-y', ...source, ...coding, ...cutting, path])
  const boxes = boxesOf(readFileSync(path))
  const bytesOf = (...types: string[]) => boxes.filter(({ type }) => types.includes(type)).map(({ bytes }) => bytes)
  const fragments = bytesOf('moof').map((moof, i) => Buffer.concat([moof, bytesOf('mdat')[i]!]))
  return [Buffer.concat(bytesOf('ftyp', 'moov')), ...fragments]
}
