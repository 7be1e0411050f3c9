/** A phone that nobody looks at: told of a ring by its doorbell, and once a day of the rest, the same way asked or not. */
import type { CDPSession, Worker } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createLog } from '../../relay/src/kernel/log.ts'
import { drawQrVideo } from '../support/qr-video.ts'
import { screenFindings } from '../support/chromium.ts'
import { databaseUrlOf } from '../support/kill-database.ts'
import {
  acceptDoorbell,
  createPhoneRig,
  type PaperSheet,
  type Phone,
  type PhoneRig,
  setUpPhone,
} from '../support/phone-rig.ts'
import { openSheetPage, sheetCodeOf } from '../support/phone-sheet.ts'
import { press } from '../support/keyboard.ts'
import { eventually } from '../support/poll.ts'
import { createPushService, type PushServiceDouble } from '../support/push-service.ts'
import { stubPush } from '../support/push-stub.ts'
import { createTestDatabase, dumpDatabase, type TestDatabase } from '../support/relay-database.ts'
import {
  acceptedRequest,
  certifyInvestigator,
  draftRequest,
  enrolAgency,
  expectStatus,
  type Investigator,
  postRequest,
} from '../support/relay-world.ts'
import { createTemporaryFolder } from '../support/temporary-folder.ts'

let folder: Awaited<ReturnType<typeof createTemporaryFolder>>
let store: TestDatabase
let service: PushServiceDouble
let rig: PhoneRig
let phone: Phone
let sheet: PaperSheet
let browser: Awaited<ReturnType<typeof stubPush>>
let doorbell: Awaited<ReturnType<PhoneRig['doorbell']>>
const logged: string[] = []

beforeAll(async () => {
  ;[store, service] = await Promise.all([createTestDatabase(), createPushService()])
  folder = await createTemporaryFolder()
  rig = await createPhoneRig({
    chromium: ['--use-fake-device-for-media-stream', `--use-file-for-fake-video-capture=${folder.path}/camera.y4m`],
    log: createLog({ level: 'info', destination: { write: (line) => void logged.push(line) } }),
    config: { databaseUrl: databaseUrlOf(store.target), push: { loopback: true } },
  })
  ;[phone, doorbell] = await Promise.all([rig.phone(), rig.doorbell()])
  await phone.context.grantPermissions(['notifications'], { origin: rig.appOrigin })
  browser = await stubPush(phone.context, service)
  sheet = await setUpPhone(phone, await doorbell.pairingUrl())
  await doorbell.agent.captured
  expect(await doorbell.agent.drained(20_000)).toBe(true)
}, 120_000)
afterAll(async () => {
  await rig[Symbol.asyncDispose]()
  await service[Symbol.asyncDispose]()
  await store[Symbol.asyncDispose]()
  await folder[Symbol.asyncDispose]()
  expect(rig.complaints).toEqual([])
})

const focused = (page: Phone['page']): Promise<string> =>
  page.evaluate('document.activeElement === document.body ? "" : document.activeElement.textContent')
const home = () => phone.page.goto(`${rig.appOrigin}/#/home`)
const button = (name: string) => phone.page.getByRole('button', { name })
const keysHeld = async () => {
  const [row] = await store.database.query<{ keys: string; minute_utc: number }>(
    "SELECT encode(keys, 'hex') AS keys, minute_utc FROM push_subscriptions",
  )
  return row ?? null
}

/** How many doorbells push keys are sealed to: stanzas of an age header. */
const doorbellsToldBy = (keys: string): number =>
  Buffer.from(keys, 'hex').toString('latin1').split('\n-> X25519 ').length - 1

/** The worker of the app, and the browser's own way to hand it a push. */
async function openWorker(): Promise<{ worker: Worker; deliver: (data: string) => Promise<void>; cdp: CDPSession }> {
  const page = await phone.context.newPage()
  const cdp = await phone.context.newCDPSession(page)
  const registration = new Promise<string>((resolve) => {
    cdp.on('ServiceWorker.workerRegistrationUpdated', ({ registrations }) => {
      const [ours] = registrations.filter(({ scopeURL }) => scopeURL.startsWith(rig.appOrigin))
      if (ours) resolve(ours.registrationId)
    })
  })
  const active = new Promise<void>((resolve) => {
    cdp.on('ServiceWorker.workerVersionUpdated', ({ versions }) => {
      if (versions.some((one) => one.status === 'activated')) resolve()
    })
  })
  await cdp.send('ServiceWorker.enable')
  const [registrationId] = await Promise.all([registration, active])
  const [worker] = phone.context.serviceWorkers()
  return {
    worker: worker!,
    cdp,
    deliver: async (data) => {
      await cdp.send('ServiceWorker.deliverPushMessage', { origin: rig.appOrigin, registrationId, data })
    },
  }
}

/** The debugger loses a push now and then on a busy machine, without a word: what shows nothing for so long is handed over again. */
const LOST_MS = 8_000
/** Longer than between two requests of one look. */
const QUIET_MS = 1_500

/** Hands a push over and waits for what it shows: the same however often it comes. */
async function showing<T>(
  deliver: (data: string) => Promise<void>,
  data: string,
  look: () => Promise<T | null>,
  what: string,
) {
  await deliver(data)
  let deliveredMs = performance.now()
  return eventually(
    async () => {
      const found = await look()
      if (found !== null || performance.now() - deliveredMs < LOST_MS) return found
      await deliver(data)
      deliveredMs = performance.now()
      return null
    },
    what,
    60_000,
  )
}

interface Shown {
  readonly title: string
  readonly body: string
  readonly tag: string
  readonly silent: boolean
}

/** What the phone shows, newest last. */
const shown = (worker: Worker): Promise<Shown[]> =>
  worker.evaluate(async () => {
    const { registration } = globalThis as unknown as {
      registration: { getNotifications(): Promise<Shown[]> }
    }
    return (await registration.getNotifications()).map(({ title, body, tag, silent }) => ({ title, body, tag, silent }))
  })

test('is told of rings after one tap; the relay learns where and when, and not how to write to it', async () => {
  await home()
  await button('Tell me when somebody rings').waitFor()
  expect(await screenFindings(phone.page)).toEqual([])
  await button('Tell me when somebody rings').press('Enter')
  await phone.page.getByText('This phone is told when somebody rings.').waitFor()
  await eventually(async () => (await focused(phone.page)) === 'When somebody rings', 'the focus on the heading')
  expect(await screenFindings(phone.page)).toEqual([])
  const dump = await dumpDatabase(store.database)
  expect(dump).toContain(browser.endpoint)
  for (const secret of [browser.p256dh, browser.auth])
    for (const spelling of [secret, Buffer.from(secret, 'base64url').toString('hex')])
      expect(dump).not.toContain(spelling)
})

test('chooses what and when by keyboard; both hold after a reload and reach the relay', async () => {
  const local = new Date()
  local.setHours(7, 0, 0, 0)
  const minuteUtc = local.getUTCHours() * 60 + local.getUTCMinutes()
  const hour = phone.page.getByLabel('The daily look')
  await hour.focus()
  await phone.page.keyboard.type('07')
  await eventually(async () => (await keysHeld())?.minute_utc === minuteUtc, 'another minute')
  const between = await keysHeld()
  const what = phone.page.getByLabel('Tell me of')
  await what.focus()
  await phone.page.keyboard.press('ArrowDown')
  await eventually(async () => (await keysHeld())?.keys !== between!.keys, 'another wish')
  const [from, until] = [phone.page.getByLabel('Without a sound from'), phone.page.getByLabel('Until')]
  await expect.poll(() => from.inputValue()).toBe('-1')
  await from.focus()
  await phone.page.keyboard.press('ArrowDown')
  await expect.poll(() => until.inputValue()).toBe('7')
  await until.focus()
  await phone.page.keyboard.press('Home')
  await phone.page.getByText('That is the whole day.').waitFor()
  expect(await screenFindings(phone.page)).toEqual([])
  await phone.page.reload()
  await expect.poll(async () => [await from.inputValue(), await until.inputValue()]).toEqual(['0', '0'])
  await expect.poll(() => hour.inputValue()).toBe('7')
  await expect.poll(() => what.inputValue()).toBe('1')
  expect((await keysHeld())!.minute_utc).toBe(minuteUtc)
})

test('hears a ring from a doorbell that came later, encrypted by it, and says which door and when', async () => {
  const back = await rig.doorbell('Back door', 1)
  await phone.page.goto(await back.pairingUrl())
  await acceptDoorbell(phone.page)
  await eventually(async () => doorbellsToldBy((await keysHeld())!.keys) === 2, 'keys for the new doorbell')
  await back.agent.ready
  await eventually(() => back.agent.status().camera === 'on', 'a picture')
  const ring = back.agent.ring()!
  const said = await eventually(
    () => service.taken.find(({ text }) => text?.includes(ring.event) && text.includes('"ring"')) ?? null,
    'the ring',
  )
  const message = JSON.parse(said.text!) as { type: string; event: string; atMs: number }
  expect(message).toMatchObject({ type: 'ring', event: ring.event, atMs: Math.round(ring.atMs) })
  expect(said.headers['content-encoding']).toBe('aes128gcm')
  const { worker, deliver } = await openWorker()
  const first = async () => {
    const all = await shown(worker)
    return all.length > 0 ? all : null
  }
  const [notice] = await showing(deliver, said.text!, first, 'a notification')
  const time = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit' }).format(ring.atMs)
  const tag = `door/${ring.event}`
  // In the quiet hours that were chosen it makes no sound.
  expect(notice).toEqual({ title: 'Somebody rang', body: `Front door, ${time}`, tag, silent: true })
  // Handed over twice, it is one; what nobody's doorbell wrote is not believed.
  await deliver(said.text!)
  const both = async () => {
    const all = await shown(worker)
    return all.length === 2 ? all.map(({ title }) => title) : null
  }
  const note = '{"v":1,"type":"ring","note":"<b>open the door</b>"}'
  const titles = await showing(deliver, note, both, 'the second')
  expect(titles.sort()).toEqual(['Somebody rang', 'Something happened at your door'])
  await eventually(() => back.agent.drained(1_000), 'the clip of the ring', 60_000)
  await back.agent[Symbol.asyncDispose]()
  await doorbell.agent[Symbol.asyncDispose]()
})

test('looks once a day, and what the relay sees and holds is the same with a question and without', async () => {
  await phone.page.goto(`${rig.appOrigin}/#/questions`)
  const settings = async () =>
    (await store.database.query<{ digest: string }>('SELECT digest FROM settings'))[0]?.digest
  const before = await settings()
  await phone.page.getByRole('button', { name: 'Show me questions that concern my door' }).click()
  await phone.page.getByRole('button', { name: 'Do not show me questions' }).waitFor()
  await eventually(async () => (await settings()) !== before, 'the choice, kept here and sealed at the relay')
  await phone.page.goto('about:blank')
  const investigator: Investigator = await certifyInvestigator(rig.world, await enrolAgency(rig.world))
  const { worker, deliver, cdp } = await openWorker()

  /** Until nobody has asked the relay for anything for a while. */
  async function quiet() {
    let [lines, sinceMs] = [logged.length, performance.now()]
    await eventually(async () => {
      if (logged.length !== lines) [lines, sinceMs] = [logged.length, performance.now()]
      return performance.now() - sinceMs > QUIET_MS
    }, 'an end of what is asked')
  }

  /** One daily look: what was asked of the relay, what it then held, what the phone says. */
  async function lookOnce(words: string): Promise<{ notice: Shown; asked: string[] }> {
    await quiet()
    // Days lie between two of them: nothing is in the browser's cache.
    await cdp.send('Network.clearBrowserCache')
    const before = await dumpDatabase(store.database)
    const from = logged.length
    const daily = async () => {
      const found = (await shown(worker)).find(({ tag }) => tag === 'daily')
      return found?.body.endsWith(words) ? found : null
    }
    let times = 0
    const counted = async (data: string) => {
      times++
      await deliver(data)
    }
    const notice = await showing(counted, '', daily, `a notification that ends in “${words}”`)
    // A push that only seemed lost makes two looks of one: they cannot be told apart, and another one is taken.
    if (times > 1) {
      await quiet()
      await worker.evaluate(async () => {
        const { registration } = globalThis as unknown as {
          registration: { getNotifications(): Promise<{ close(): void }[]> }
        }
        for (const one of await registration.getNotifications()) one.close()
      })
      return lookOnce(words)
    }
    expect(await dumpDatabase(store.database)).toBe(before)
    const asked = logged.slice(from).flatMap((line) => {
      const { msg, method, route, status } = JSON.parse(line) as Record<string, unknown>
      return msg === 'http.answered' ? [`${String(method)} ${String(route)} ${String(status)}`] : []
    })
    return { notice, asked: asked.sort() }
  }

  // Both are asked in this very square, by the same agency: one about another street, one about this very door.
  const draft = draftRequest(rig.world, investigator)
  const detail = draft.authorization_details[0]!
  const area = detail.area.map(([lat, lon]) => [lat - 15_000, lon] as [number, number])
  await expectStatus(await postRequest(investigator, { ...draft, authorization_details: [{ ...detail, area }] }), 201)
  const without = await lookOnce('no questions')
  await acceptedRequest(rig.world, investigator)
  const asked = await lookOnce('one question')

  const [row] = await store.database.query<{ count: number }>(
    'SELECT count(DISTINCT clip)::int AS count FROM manifests',
  )
  expect(row!.count).toBeGreaterThan(1)
  expect(without.notice).toEqual({
    title: 'Your doorbell today',
    body: `${row!.count} clips, no questions`,
    tag: 'daily',
    silent: false,
  })
  expect(asked.notice.body).toBe(`${row!.count} clips, one question`)
  expect(asked.asked).toEqual(without.asked)
  expect(asked.asked).toContain('GET /v1/cells/:cell/requests 200')
  expect(service.taken.filter(({ text }) => text === null)).toEqual([])
})

test('tells doorbells that another phone paired', async () => {
  await home()
  await phone.page.evaluate(async () => {
    const { indexedDB } = globalThis as unknown as { indexedDB: { open(name: string): Opening } }
    interface Opening {
      onsuccess: () => void
      result: {
        transaction(store: string, mode: string): { objectStore(store: string): Store; oncomplete: () => void }
      }
    }
    interface Store {
      get(name: string): { onsuccess: () => void; result: object }
      put(value: object, name: string): void
    }
    const opening = indexedDB.open('latchkey')
    await new Promise<void>((resolve) => (opening.onsuccess = resolve))
    const transaction = opening.result.transaction('records', 'readwrite')
    const store = transaction.objectStore('records')
    const found = store.get('home')
    found.onsuccess = () => store.put({ ...found.result, doorbells: [] }, 'home')
    await new Promise<void>((resolve) => (transaction.oncomplete = resolve))
  })
  await phone.page.reload()
  const { minute_utc: before } = (await keysHeld())!
  await phone.page.getByLabel('The daily look').selectOption('20')
  await eventually(async () => (await keysHeld())!.minute_utc !== before, 'another minute')
  expect(doorbellsToldBy((await keysHeld())!.keys)).toBe(2)
})

test('says which app it is, and finds it in the public log by itself', async () => {
  await home()
  const { apps } = await expectStatus(await rig.world.anyone.send('GET', '/v1/apps'), 200)
  const [{ digest, index }] = apps as [{ digest: string; index: number }]
  await phone.page.getByText(digest).waitFor()
  await phone.page.getByText(`recorded in the public log as entry ${index},`).waitFor()
  await phone.page.getByText(`latchkey monitor --app ${rig.appOrigin}`).waitFor()
  expect(await screenFindings(phone.page)).toEqual([])
  for (const [apps, words] of [
    [[], 'It is not in the public log of your relay.'],
    [[{ name: 'owner', digest, index: index + 1 }], 'names an entry of the public log that says something else'],
  ] as const) {
    const lied = await phone.context.newPage()
    const headers = { 'access-control-allow-origin': rig.appOrigin }
    await lied.route(/\/v1\/apps$/, (route) => route.fulfill({ headers, json: { apps } }))
    await lied.goto(`${rig.appOrigin}/#/home`)
    await lied.getByText(words).waitFor()
    await lied.close()
  }
})

/** How many of the page's cameras are on. */
const camerasOn = (page: Phone['page']): Promise<number> =>
  page.evaluate(() => {
    const { cameras } = globalThis as unknown as {
      cameras: { getTracks(): { readyState: string }[] }[]
    }
    return cameras.flatMap((stream) => stream.getTracks()).filter(({ readyState }) => readyState === 'live').length
  })

/** An empty phone that counts its cameras. */
async function emptyPhone(permissions: string[]): Promise<Phone> {
  const empty = await rig.phone()
  await empty.context.grantPermissions(permissions, { origin: rig.appOrigin })
  await empty.context.addInitScript(() => {
    const page = globalThis as unknown as {
      cameras: unknown[]
      navigator: { mediaDevices: { getUserMedia(wish: object): Promise<unknown> } }
    }
    page.cameras = []
    const { mediaDevices } = page.navigator
    const open = mediaDevices.getUserMedia.bind(mediaDevices)
    mediaDevices.getUserMedia = async (wish) => {
      const stream = await open(wish)
      page.cameras.push(stream)
      return stream
    }
  })
  await empty.page.goto(rig.appOrigin)
  return empty
}

test('scans the doorbell’s code with its camera, which is off afterwards', async () => {
  const video = `${folder.path}/camera.y4m`
  await drawQrVideo('https://example.org/pair', video)
  const side = await rig.doorbell('Side door')
  const { page, context } = await emptyPhone(['camera'])
  await page.getByText('The picture stays on this phone').waitFor()
  expect(await screenFindings(page)).toEqual([])
  await page.getByRole('button', { name: 'Scan the code with the camera' }).press('Enter')
  await page.getByText('That is a code, but not one of a doorbell.').waitFor()
  expect(await screenFindings(page)).toEqual([])
  expect(await camerasOn(page)).toBe(1)
  // The next stop of who uses no mouse is the button that ends it.
  await page.keyboard.press('Tab')
  expect(await focused(page)).toBe('Turn the camera off')
  await page.keyboard.press('Enter')
  await eventually(async () => (await camerasOn(page)) === 0, 'a camera that is off')
  await drawQrVideo(await side.pairingUrl(), video)
  await page.getByRole('button', { name: 'Scan the code with the camera' }).click()
  await page.getByRole('button', { name: 'Set up my household' }).waitFor()
  await eventually(async () => (await camerasOn(page)) === 0, 'a camera that is off')
  await context.close()
  await side.agent[Symbol.asyncDispose]()
})

test('scans the code of a recovery sheet, and finds its household by that alone', async () => {
  await drawQrVideo(sheetCodeOf(sheet), `${folder.path}/camera.y4m`)
  const { page, context } = await emptyPhone(['camera'])
  await openSheetPage(page, rig.appOrigin)
  await press(page.getByRole('button', { name: 'Scan the code with the camera' }))
  await page.getByRole('heading', { level: 1, name: 'Which phones are lost?' }).waitFor()
  await eventually(async () => (await camerasOn(page)) === 0, 'a camera that is off')
  await context.close()
})

test('without a camera, or without leave to use it, says so and takes the address', async () => {
  const { page, context } = await emptyPhone([])
  await page.getByRole('button', { name: 'Scan the code with the camera' }).click()
  await page.getByText('Your browser does not let Latchkey use the camera.').waitFor()
  expect(await screenFindings(page)).toEqual([])
  await page.getByLabel('Or type the address that the doorbell shows').waitFor()
  await context.close()
})

test('is told nothing more after one tap, and says so where a browser cannot be told', async () => {
  await home()
  await button('Do not tell me any more').click()
  await button('Tell me when somebody rings').waitFor()
  expect(await keysHeld()).toBeNull()
  await phone.context.addInitScript('delete globalThis.PushManager')
  await phone.page.reload()
  await phone.page.getByText('This browser cannot be told anything while Latchkey is closed.').waitFor()
  expect(await screenFindings(phone.page)).toEqual([])
})
