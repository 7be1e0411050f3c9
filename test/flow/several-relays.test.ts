import { encodeDpop, parseCheckpoint } from '@latchkey/shared'
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import type { IncomingMessage } from 'node:http'
import { request } from 'node:https'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type EventListener, listenAs } from '../support/event-stream.ts'
import { consentLogged, takeDownload } from '../support/given-clip.ts'
import { createNginx } from '../support/nginx.ts'
import { eventually } from '../support/poll.ts'
import { createRelayFleet, type RelayFleet } from '../support/relay-fleet.ts'
import { startRelayProgram } from '../support/relay-program.ts'
import {
  createCase,
  enrolDevice,
  enrolHousehold,
  putItem,
  randomId,
  sealClip,
  uploadClip,
} from '../support/relay-world.ts'

const RELAYS = 3
let fleet: RelayFleet
beforeAll(async () => {
  fleet = await createRelayFleet(RELAYS)
})
afterAll(async () => {
  await fleet[Symbol.asyncDispose]()
})

async function streamsAt(operatorOrigin: string): Promise<number> {
  const metrics = await (await fetch(`${operatorOrigin}/metrics`)).text()
  return Number(/^latchkey_event_streams (\d+)$/m.exec(metrics)?.[1])
}

describe('three relays behind one address', () => {
  it('are one relay for those who use them: a clip comes, is asked for, given, and taken as often as was said', async () => {
    const { world, store } = fleet
    const subject = await createCase(world)
    const consent = await consentLogged(world, subject)
    const first = await takeDownload(subject, consent)
    const again = await takeDownload(subject, consent, first.download)
    expect(again.release).toBe(first.release)
    const path = `/v1/releases/${consent}/downloads`
    const tries = Array.from({ length: 24 }, () =>
      subject.investigator.client.send('POST', path, { json: { download: randomId() } }),
    )
    const statuses = (await Promise.all(tries)).map(({ status }) => status)
    const [row] = await store.database.query<{ max: number; taken: number; rows: number }>(
      `SELECT c.max_downloads AS max, c.downloads_taken AS taken, (SELECT count(*) FROM downloads) AS rows
       FROM consents c WHERE digest = $1`,
      [consent],
    )
    expect(row).toMatchObject({ taken: row!.max, rows: row!.max })
    expect(statuses.filter((status) => status < 300)).toHaveLength(row!.max - 1)
  })

  it('tell every phone what any of them hears', async () => {
    const { world, operatorOrigins } = fleet
    const household = await enrolHousehold(world)
    const device = await enrolDevice(world, household)
    using phones = new DisposableStack()
    const listeners: EventListener[] = []
    // The proxy hands them out in turn, and whatever else it is asked shifts the turn.
    while ((await Promise.all(operatorOrigins.map(streamsAt))).includes(0)) {
      expect(listeners.length).toBeLessThan(4 * RELAYS)
      listeners.push(phones.use(await listenAs(household.owner)))
    }
    const clip = await uploadClip(world, { household, device })
    for (const listener of listeners) await listener.line('manifest', (line) => line.clip === clip.clip)
  })

  it('take a proof once, whoever of them sees it first', async () => {
    const { world } = fleet
    const { owner } = await enrolHousehold(world)
    const url = `${world.relay.publicOrigin}/v1/clips`
    const nonce = (await fetch(`${world.relay.publicOrigin}/log/checkpoint`)).headers.get('dpop-nonce')!
    const claims = { htm: 'GET', htu: url, iat: world.nowSeconds(), jti: randomId(), nonce } as const
    const dpop = await encodeDpop(claims, owner.signer)
    const answers = await Promise.all(Array.from({ length: 6 }, () => fetch(url, { headers: { dpop } })))
    const codes = await Promise.all(answers.map(async (answer) => ((await answer.json()) as { code?: string }).code))
    expect(codes.filter((code) => code === 'DPOP_REPLAYED')).toHaveLength(5)
  })

  it('write one log: every leaf once, whoever queued it', async () => {
    const { world, store } = fleet
    const households = await Promise.all(Array.from({ length: 30 }, () => enrolHousehold(world)))
    await Promise.all(households.map((household) => enrolDevice(world, household)))
    await eventually(async () => {
      const [row] = await store.database.query<{ open: number }>(
        'SELECT count(*) AS open FROM log_queue WHERE leaf_index IS NULL',
      )
      return row!.open === 0
    }, 'every leaf to be in the log')
    const [row] = await store.database.query<{ places: number; tickets: number; leaves: number; last: number }>(
      `SELECT count(DISTINCT leaf_index) AS places, count(*) AS tickets, (SELECT count(*) FROM log_leaves) AS leaves,
       (SELECT max(leaf_index) + 1 FROM log_leaves) AS last FROM log_queue`,
    )
    expect(row!.places).toBe(row!.tickets)
    expect(row!.last).toBe(row!.leaves)
    // A leaf has its place before the checkpoint above it is published.
    await expect
      .poll(async () => parseCheckpoint(await world.anyone.bytes('GET', '/log/checkpoint')).size, { timeout: 30_000 })
      .toBeGreaterThanOrEqual(row!.leaves)
  })

  it('go on without one that is killed, and lose nothing that any of them confirmed', async () => {
    const { world } = fleet
    const household = await enrolHousehold(world)
    const device = await enrolDevice(world, household)
    const clips = Array.from({ length: 12 }, () => ({
      clip: randomId(),
      ...sealClip(household, { media: 1, startMs: world.clock.nowMs() - 600_000 }),
    }))
    const confirmed: string[] = []
    const upload = async ({ clip, bodies, descriptors }: (typeof clips)[number]): Promise<void> => {
      for (const [index, body] of bodies.entries()) {
        await eventually(async () => {
          const answer = await putItem(device, clip, index, body, descriptors[index]!.payloadSha256).catch(() => null)
          return answer !== null && answer.status < 300
        }, 'an upload that another relay takes')
        confirmed.push(`${clip}/${index}`)
      }
    }
    const uploads = Promise.all(clips.map(upload))
    await eventually(() => confirmed.length > 3, 'uploads to be under way')
    await fleet.kill(0)
    await uploads
    const rows = await fleet.store.database.query<{ item: string }>("SELECT clip || '/' || index AS item FROM items")
    const stored = new Set(rows.map(({ item }) => item))
    expect(confirmed.filter((item) => !stored.has(item))).toEqual([])
    // The log goes on as well: it belonged to nobody. Enrolling waits for leaves of its own.
    await createCase(world)
    await fleet.start(0)
  })

  it('refuse one more that has other keys', async () => {
    const config = JSON.parse(await readFile(fleet.configOf(1), 'utf8')) as object
    const other = join(fleet.world.folder, 'other.json')
    const listen = { host: '127.0.0.1', port: 0 }
    await writeFile(other, JSON.stringify({ ...config, listen, instance: 'other', secretsDir: 'other-secrets' }))
    await expect(startRelayProgram(other)).rejects.toThrow(/CONFIG_INVALID secretsDir/)
  })

  it('are reached by TLS, which asks browsers to stay with it, and no item above the limit goes through', async () => {
    const { folder } = fleet.world
    const [keyFile, certFile] = [join(folder, 'key.pem'), join(folder, 'certificate.pem')]
    const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1']
    const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', keyFile]
    execFileSync('openssl', ['req', '-x509', ...key, '-out', certFile, '-days', '2', ...subject], { stdio: 'ignore' })
    await using proxy = await createNginx({ relayPorts: fleet.relayPorts, tls: { certFile, keyFile } })
    const ask = async (method: string, path: string, body?: Uint8Array) => {
      const asked = request({
        port: proxy.port,
        host: '127.0.0.1',
        method,
        path,
        headers: body ? { 'content-type': 'application/json', 'content-length': body.length } : {},
        ca: await readFile(certFile),
      })
      asked.end(body)
      const [answer] = (await once(asked, 'response')) as [IncomingMessage]
      return { answer, body: await text(answer) }
    }
    const { answer } = await ask('GET', '/log/checkpoint')
    expect(answer.statusCode).toBe(200)
    expect(answer.headers['strict-transport-security']).toBe('max-age=31536000')
    // The relay refuses it, in its own words, behind a proxy that lets every size through.
    const tooMuch = await ask('PUT', `/v1/pairings/${'A'.repeat(22)}/hello`, new Uint8Array(10 * 1024 * 1024))
    expect(tooMuch.answer.statusCode).toBe(413)
    expect(JSON.parse(tooMuch.body)).toMatchObject({ code: 'MESSAGE_TOO_LARGE' })
  })
})
