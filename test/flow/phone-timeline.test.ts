/** From a pairing code to a clip that plays, in a real browser, against honest relays and such that lie. */
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { type ClipEntry, type ClipList, dayList, openFile } from '@latchkey/shared'
import type { Page, Route } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { screenFindings } from '../support/chromium.ts'
import { press, write } from '../support/keyboard.ts'
import { createLiar } from '../support/liar.ts'
import { decodeComplaints } from '../support/media-files.ts'
import { createOwnedPhone, createPhoneRig, type OwnedPhone, type PhoneRig } from '../support/phone-rig.ts'
import { eventually } from '../support/poll.ts'

let rig: PhoneRig
let owned: OwnedPhone
/** The one clip as the relay lists it, and the sealed items of its video, once it was saved. */
let entry: ClipEntry
const bodies = new Map<number, Buffer>()

const ITEM = /\/v1\/clips\/[\w-]{22}\/items\/(\d+)$/
const LIST = /\/v1\/clips\?after=/

beforeAll(async () => {
  rig = await createPhoneRig()
  // By the keyboard alone, every screen.
  owned = await createOwnedPhone(rig, { hand: { press, write } })
  let listed: ClipEntry | undefined
  const page = await visit('', (kept) =>
    kept.route(LIST, async (route) => {
      const response = await route.fetch()
      if (response.ok()) listed ??= ((await response.json()) as ClipList).clips[0]
      await route.fulfill({ response })
    }),
  )
  entry = await eventually(() => listed, 'the list')
  await page.close()
})
afterAll(() => rig[Symbol.asyncDispose]())

/** Another page of the same phone. `prepare`: what stands between it and the relay. */
async function visit(hash: string, prepare: (page: Page) => Promise<unknown> = async () => {}): Promise<Page> {
  const page = await owned.context.newPage()
  page.on('pageerror', (error) => expect.unreachable(String(error)))
  await prepare(page)
  await page.goto(`${rig.appOrigin}/${hash}`)
  return page
}

/** The list is what the relay says, not what the phone kept of it. */
const isHeard = (page: Page) => page.getByText(/New clips appear here by themselves|Checked \d/).waitFor()

interface Playing {
  readonly currentTime: number
  readonly duration: number
  readonly paused: boolean
  readonly error: unknown
  getVideoPlaybackQuality(): { totalVideoFrames: number }
}

function playingOf(page: Page) {
  return page.locator('video').evaluate((element) => {
    const video = element as unknown as Playing
    const { currentTime, duration, paused } = video
    return { currentTime, duration, paused, frames: video.getVideoPlaybackQuality().totalVideoFrames }
  })
}

const playedTo = (page: Page, seconds: number) =>
  eventually(async () => {
    const playing = await playingOf(page)
    return playing.currentTime >= seconds && playing.frames > 0 ? playing : null
  }, `a picture at ${seconds} s`)

const seek = (page: Page, seconds: number) =>
  page
    .locator('video')
    .evaluate((video, at) => void ((video as unknown as { currentTime: number }).currentTime = at), seconds)

const ofKind = (kind: string) => entry.descriptors.filter((descriptor) => descriptor.kind === kind)

const listOf = (clips: readonly ClipEntry[]): ClipList => ({
  clips: [...clips],
  next: null,
  days: { usual: 7, kept: 30 },
})

/** Answers in the relay's stead, so that the page may read it. */
const answer = (route: Route, options: { json?: unknown; body?: Buffer }) =>
  route.fulfill({
    ...options,
    headers: { 'access-control-allow-origin': rig.appOrigin, 'content-type': 'application/octet-stream' },
  })

interface Asked<T> {
  result: T
  onsuccess: () => void
}

interface Records {
  get(name: string): Asked<unknown>
  getAllKeys(range: unknown): Asked<string[]>
  delete(range: unknown): void
}

interface Browser {
  readonly indexedDB: {
    open(
      name: string,
    ): Asked<{ transaction(store: string, mode: string): { objectStore(name: string): Records }; close(): void }>
  }
  readonly IDBKeyRange: { bound(from: string, to: string): unknown }
}

/** What the phone keeps under this name. */
const keptRecord = (page: Page, name: string) =>
  page.evaluate(async (wanted) => {
    const done = <T>(asked: Asked<T>) => new Promise<T>((resolve) => (asked.onsuccess = () => resolve(asked.result)))
    const database = await done((globalThis as unknown as Browser).indexedDB.open('latchkey'))
    const kept = await done(database.transaction('records', 'readonly').objectStore('records').get(wanted))
    database.close()
    return kept
  }, name)

/** Names of what it keeps under this prefix. */
const keptNames = (page: Page, prefix: string) =>
  page.evaluate(async (wanted) => {
    const { indexedDB, IDBKeyRange } = globalThis as unknown as Browser
    const done = <T>(asked: Asked<T>) => new Promise<T>((resolve) => (asked.onsuccess = () => resolve(asked.result)))
    const database = await done(indexedDB.open('latchkey'))
    const records = database.transaction('records', 'readonly').objectStore('records')
    const names = await done(records.getAllKeys(IDBKeyRange.bound(wanted, `${wanted}\uffff`)))
    database.close()
    return names
  }, prefix)

/** The list for its next start. */
async function keptList(page: Page) {
  type Kept = { clips: { clip: string; isGenuine: boolean; refused: string[] }[] } | undefined
  const kept = (await keptRecord(page, 'clip-list')) as Kept
  return kept?.clips.map(({ clip, isGenuine, refused }) => ({ clip, isGenuine, refused }))
}

/** Until it is the true one. */
const isKept = (page: Page) =>
  expect.poll(() => keptList(page)).toEqual([{ clip: entry.clip, isGenuine: true, refused: [] }])

/** Forgets the sealed pictures that this phone keeps, so that it asks the relay for them again. */
const forgetPictures = (page: Page) =>
  page.evaluate(async () => {
    const { indexedDB, IDBKeyRange } = globalThis as unknown as Browser
    const opening = indexedDB.open('latchkey')
    await new Promise<void>((resolve) => (opening.onsuccess = resolve))
    opening.result
      .transaction('records', 'readwrite')
      .objectStore('records')
      .delete(IDBKeyRange.bound('sealed/', 'sealed0'))
    opening.result.close()
  })

test('the clip stands in the list with its picture, its reason and its doorbell’s name; axe finds nothing', async () => {
  const { page } = owned
  await page.getByText('Somebody moved').waitFor()
  const row = page.locator('.clip')
  await expect.poll(() => row.count()).toBe(1)
  expect(await row.innerText()).toMatch(/\d+ seconds[^]*Somebody moved[^]*Front door/)
  const width = () =>
    row.locator('img').evaluate((image) => (image as unknown as { naturalWidth: number }).naturalWidth)
  expect(await eventually(async () => (await width()) > 0 && (await width()), 'the picture')).toBe(640)
  expect(await screenFindings(page)).toEqual([])
})

test('one press plays it, by keyboard alone too: pictures are decoded and time goes on', async () => {
  const page = await visit('')
  await page.getByText('Somebody moved').waitFor()
  await page.locator('.clip').focus()
  await page.keyboard.press('Enter')
  const { duration, frames } = await playedTo(page, 0.5)
  expect(frames).toBeGreaterThan(0)
  const { startMs, durationMs } = ofKind('media').at(-1)!
  const lengthS = (startMs + durationMs - ofKind('media')[0]!.startMs) / 1000
  expect(duration).toBeCloseTo(lengthS, 0)
  await page.locator('video').focus()
  await page.keyboard.press('Space')
  await eventually(async () => (await playingOf(page)).paused, 'the pause')
  await seek(page, lengthS - 1)
  await page.keyboard.press('Space')
  await playedTo(page, lengthS - 0.6)
  await page.getByText('Signed by your doorbell, and nothing was changed since.').waitFor()
  expect(await screenFindings(page)).toEqual([])
  await page.close()
})

test('what is saved is what the doorbell recorded, byte for byte, and plays elsewhere', async () => {
  const page = await visit(`#/clips/${entry.clip}`, (kept) =>
    kept.route(ITEM, async (route) => {
      const response = await route.fetch()
      if (response.ok()) bodies.set(Number(ITEM.exec(response.url())![1]), await response.body())
      await route.fulfill({ response })
    }),
  )
  await press(page.getByRole('button', { name: 'Save as a file' }))
  const link = page.getByRole('link', { name: /^Save front-door-/ })
  const [download] = await Promise.all([page.waitForEvent('download'), link.click()])
  expect(download.suggestedFilename()).toMatch(/^front-door-\d{4}-\d\d-\d\d-\d{6}\.mp4$/)
  const saved = await readFile(await download.path())
  const pieces = [...ofKind('init'), ...ofKind('media')]
  // Opened outside the app, by the key on the recovery sheet.
  const recorded = Buffer.concat(pieces.map(({ index }) => openFile(bodies.get(index)!, owned.recovery)))
  expect(saved.equals(recorded)).toBe(true)
  await expect.poll(() => page.getByText(createHash('sha256').update(recorded).digest('hex')).count()).toBe(1)
  expect(decodeComplaints(saved)).toBe('')
  await page.close()
})

test('a piece that the relay swapped is said and left out; the rest plays on', async () => {
  const [first, second, third] = ofKind('media')
  const page = await visit(`#/clips/${entry.clip}`, (lied) =>
    lied.route(`**/v1/clips/*/items/${second!.index}`, (route) => answer(route, { body: bodies.get(third!.index)! })),
  )
  await page.getByText('Left out because it is not what your doorbell recorded').waitFor()
  await playedTo(page, (third!.startMs - first!.startMs) / 1000 + 0.2)
  await press(page.getByRole('button', { name: 'Save as a file' }))
  await page.getByText('One piece is left out').waitFor()
  await expect.poll(() => page.getByRole('link', { name: /^Save front-door-/ }).count()).toBe(2)
  await page.close()
})

test('a picture that the relay swapped is said and never shown', async () => {
  const [poster, init] = [ofKind('poster')[0]!, ofKind('init')[0]!]
  await forgetPictures(owned.page)
  const page = await visit('', (lied) =>
    lied.route(`**/v1/clips/*/items/${poster.index}`, (route) => answer(route, { body: bodies.get(init.index)! })),
  )
  await page.getByText('The relay sent another picture than your doorbell took. It is not shown.').waitFor()
  expect(await page.locator('.clip img').count()).toBe(0)
  await page.close()
})

test.each([
  ['pieces of another order', (clip: ClipEntry) => ({ ...clip, descriptors: clip.descriptors.toReversed() })],
  ['a name that it was not signed under', (clip: ClipEntry) => ({ ...clip, clip: 'AAAAAAAAAAAAAAAAAAAAAA' })],
  [
    'a signature that is not the doorbell’s',
    (clip: ClipEntry) => ({ ...clip, manifest: `${clip.manifest.slice(0, -8)}AAAAAAAA` }),
  ],
])('a clip with %s is said, and nothing of it is opened', async (_, forge) => {
  const forged = forge(entry)
  const asked: string[] = []
  const page = await visit('', async (lied) => {
    await lied.route(LIST, (route) =>
      route.request().method() === 'OPTIONS' ? route.continue() : answer(route, { json: listOf([forged]) }),
    )
    lied.on('request', (request) => ITEM.test(request.url()) && asked.push(request.url()))
  })
  await isHeard(page)
  await page.getByText('Not what your doorbell signed').waitFor()
  await page.locator('.clip').click()
  await page.getByText('Nothing of this clip is opened.').waitFor()
  expect(await page.locator('video, .poster img').count()).toBe(0)
  expect(asked).toEqual([])
  expect(await screenFindings(page)).toEqual([])
  await page.close()
})

test('no clip, and five hundred, are a list too: fifty at a time, and only those are fetched', async () => {
  const answerList = (clips: readonly ClipEntry[]) => (lied: Page) =>
    lied.route(LIST, (route) => answer(route, { json: listOf(clips) }))
  const empty = await visit('', answerList([]))
  await empty.getByText('Nothing was recorded yet.').waitFor()
  expect(await screenFindings(empty)).toEqual([])
  await empty.close()
  const idOf = (n: number) => `${String(n).padStart(21, '0')}A`
  const many = Array.from({ length: 500 }, (_, n) => ({ ...entry, cursor: n + 1, clip: idOf(n) }))
  const page = await visit('', answerList(many))
  await page.getByRole('button', { name: 'Show 50 older clips' }).waitFor()
  const wrong = page.getByText('Not what your doorbell signed')
  await eventually(async () => (await wrong.count()) === 50, 'fifty that are not what they say they are')
  await page.getByRole('button', { name: 'Show 50 older clips' }).click()
  await eventually(async () => (await wrong.count()) === 100, 'fifty more')
  await page.close()
})

test('a browser that takes no pieces plays the whole', async () => {
  const page = await visit(`#/clips/${entry.clip}`, (old) =>
    old.addInitScript(() => {
      const target = globalThis as { MediaSource?: unknown; ManagedMediaSource?: unknown }
      delete target.MediaSource
      delete target.ManagedMediaSource
    }),
  )
  expect((await playedTo(page, 0.5)).frames).toBeGreaterThan(0)
  await page.close()
})

test('a lost connection is said, and what was missed comes when it is back', async () => {
  const page = await visit('', (cut) => cut.route(LIST, (route) => route.abort()))
  await page.getByText('The relay does not answer.').waitFor()
  await page.unroute(LIST)
  await isHeard(page)
  await page.getByText('Somebody moved').waitFor()
  await page.close()
})

test('a second doorbell’s clip arrives without a reload, and is deleted for good', async () => {
  const { page } = owned
  await page.goto(`${rig.appOrigin}/#/clips`)
  // Told by the relay's stream, a page asks once a minute, which is longer than anything below waits.
  await page.getByText('New clips appear here by themselves.').waitFor()
  const deaf = await visit('', (cut) => cut.route(/\/v1\/events/, (route) => route.abort()))
  const listed = Promise.withResolvers<null>()
  const early = await visit('')
  await early.getByText('New clips appear here by themselves.').waitFor()
  await early.route(LIST, (route) => listed.promise.then(() => route.continue()))
  const { agent, pairingUrl } = await rig.doorbell('Back door')
  const pairing = await visit('#/home')
  await press(pairing.getByRole('button', { name: 'Add a doorbell' }))
  await write(pairing.getByLabel('Or type the address that the doorbell shows'), await pairingUrl())
  await press(pairing.getByRole('button', { name: 'Use this address' }))
  await press(pairing.getByRole('button', { name: 'They are the same' }))
  await pairing.getByRole('heading', { level: 2, name: 'Doorbells' }).waitFor()
  await pairing.close()
  // Before the clip is there, and before anything of it was fetched.
  await early.getByText(/^Somebody moved at the door at/).waitFor()
  expect(await screenFindings(early)).toEqual([])
  listed.resolve(null)
  await early.getByText('Back door').waitFor()
  await expect.poll(() => early.getByText(/^Somebody moved at the door at/).count()).toBe(0)
  await early.close()
  await agent.captured
  expect(await agent.drained(20_000)).toBe(true)
  await page.getByText('Back door').waitFor()
  await page.getByText('A new clip has arrived.').waitFor()
  // Without the stream it asks every three seconds.
  await deaf.getByText(/^Last clip .* Checked/).waitFor()
  await deaf.getByText('Back door').waitFor()
  await deaf.close()
  await page.locator('.clip', { hasText: 'Back door' }).click()
  // It is kept for longer, which another page of the household hears of; and then it is not.
  const other = await visit('')
  await other.getByText('New clips appear here by themselves.').waitFor()
  await page.getByText(/^It will be deleted on .* after 7 days\.$/).waitFor()
  await press(page.getByRole('button', { name: /^Keep until / }))
  await page.getByText(/^It is kept until .*\. Nothing stays longer than 30 days/).waitFor()
  await other.locator('.clip', { hasText: 'Back door' }).getByText('Kept', { exact: true }).waitFor()
  expect(await screenFindings(page)).toEqual([])
  await page.reload()
  await press(page.getByRole('button', { name: 'Do not keep it longer' }))
  await page.getByRole('button', { name: /^Keep until / }).waitFor()
  await eventually(async () => (await other.getByText('Kept', { exact: true }).count()) === 0, 'the mark to go')
  await other.close()
  await press(page.getByRole('button', { name: 'Delete', exact: true }))
  await page.getByRole('heading', { name: 'Delete this clip for good?' }).waitFor()
  expect(await screenFindings(page)).toEqual([])
  await press(page.getByRole('button', { name: 'Delete for good' }))
  await page.getByText(/^The clip of .* was deleted\.$/).waitFor()
  await isKept(page)
  await expect.poll(() => page.locator('.clip').count()).toBe(1)
  const again = await visit('')
  await again.getByText('Front door').waitFor()
  await expect.poll(() => again.locator('.clip').count()).toBe(1)
  await again.close()
})

test('a page that nobody looks at holds no connection for news, and takes it up again', async () => {
  const streams = async () => {
    const metrics = await (await fetch(`${rig.world.relay.operatorOrigin}/metrics`)).text()
    return Number(/latchkey_event_streams (\d+)/.exec(metrics)![1])
  }
  const { page } = owned
  const turn = (hidden: boolean) =>
    page.evaluate((value) => {
      const { document, Event } = globalThis as unknown as {
        document: EventTarget & object
        Event: new (type: string) => Event
      }
      Object.defineProperty(document, 'hidden', { configurable: true, value })
      document.dispatchEvent(new Event('visibilitychange'))
    }, hidden)
  await eventually(async () => (await streams()) === 1, 'the stream of the only page')
  await turn(true)
  await eventually(async () => (await streams()) === 0, 'its end')
  await turn(false)
  await eventually(async () => (await streams()) === 1, 'another one')
})

/** Of the first picture on the page, as it is drawn. */
const pictureWidth = (page: Page, place: string) =>
  page
    .locator(`${place} img`)
    .first()
    .evaluate((image) => (image as unknown as { naturalWidth: number }).naturalWidth)

test('without any network list and clip are there as they were, with pictures, and are said to be; a video opens when there is one', async () => {
  await owned.page.evaluate('navigator.serviceWorker.ready.then(() => {})')
  const before = await visit('')
  await isHeard(before)
  await isKept(before)
  // At rest there are times and digests; what the doorbell is called and what it saw stay sealed.
  expect(JSON.stringify(await keptRecord(before, 'clip-list'))).not.toContain('Front door')
  await before.close()
  await owned.context.setOffline(true)
  const page = await visit('')
  await page
    .getByText(/^The relay does not answer\. This is your list as of .*; videos open as soon as it does\.$/)
    .waitFor()
  const row = page.locator('.clip')
  await expect
    .poll(() => row.allInnerTexts())
    .toEqual([expect.stringMatching(/seconds[^]*Somebody moved[^]*Front door/)])
  await expect.poll(() => pictureWidth(page, '.clip')).toBe(640)
  expect(await screenFindings(page)).toEqual([])
  await press(row)
  await page.getByText(/^This is what this phone knew of the clip on /).waitFor()
  await page.getByRole('heading', { level: 1, name: 'Somebody moved' }).waitFor()
  await expect.poll(() => pictureWidth(page, 'main')).toBe(640)
  await expect.poll(() => page.locator('video').count()).toBe(0)
  expect(await screenFindings(page)).toEqual([])
  await owned.context.setOffline(false)
  await playedTo(page, 0.3)
  await expect.poll(() => page.getByText('This is what this phone knew').count()).toBe(0)
  await page.close()
})

test('what the phone kept is shown before the relay answers, and what it answers is judged anew', async () => {
  const answered = Promise.withResolvers<null>()
  const forged = { ...entry, manifest: `${entry.manifest.slice(0, -8)}AAAAAAAA` }
  const page = await visit('', (slow) =>
    slow.route(LIST, async (route) => {
      if (route.request().method() === 'OPTIONS') return route.continue()
      await answered.promise
      return answer(route, { json: listOf([forged]) })
    }),
  )
  await page.getByText(/^This is your list as of .* Asking the relay what is new…$/).waitFor()
  await expect.poll(() => pictureWidth(page, '.clip')).toBe(640)
  answered.resolve(null)
  await isHeard(page)
  await page.getByText('Not what your doorbell signed').waitFor()
  await expect.poll(() => page.locator('.poster img').count()).toBe(0)
  await page.close()
})

test('a clip whose time was up goes from the phone too, with its picture, though nobody can be asked', async () => {
  const before = await visit('')
  await isHeard(before)
  await isKept(before)
  await before.close()
  await owned.context.setOffline(true)
  await owned.context.clock.setSystemTime(Date.now() + 8 * 86_400_000)
  const page = await visit('')
  await page.getByText('Your clips appear here as soon as it does.').waitFor()
  await expect.poll(() => page.locator('.clip').count()).toBe(0)
  await expect.poll(() => keptNames(page, 'sealed/')).toEqual([])
  expect(await screenFindings(page)).toEqual([])
  await page.close()
  await owned.context.clock.setSystemTime(Date.now())
  await owned.context.setOffline(false)
})

test('what the doorbell watched is one line a day, as far as it signed it; what it did not sign is said', async () => {
  const page = await visit('#/home')
  const card = page.getByRole('listitem').filter({ has: page.getByRole('heading', { name: 'Front door' }) })
  const summary = card.first().locator('summary')
  const open = () => press(summary)
  await open()
  await card.first().getByText('It has signed nothing yet about what it watched.').waitFor()
  // It signs when it stops, and hands that in when it is there again.
  await owned.doorbell.again()
  await eventually(async () => {
    await page.reload()
    await summary.waitFor()
    return (
      (await card
        .first()
        .getByText(/until .*: watched/)
        .count()) > 0
    )
  }, 'a signed day')
  await open()
  await card
    .first()
    .getByText(/, until \d\d:\d\d: watched /)
    .waitFor()
  expect(await screenFindings(page)).toEqual([])
  await page.close()
  const lied = await visit('#/home', (lie) =>
    createLiar(lie, rig.appOrigin).change(/\/v1\/days$/, dayList, ({ days }) => ({
      days: days.map((day) => `${day.slice(0, -8)}AAAAAAAA`),
    })),
  )
  await lied.getByText(/of what was watched that no doorbell of yours signed/).waitFor()
  await expect.poll(() => lied.getByText(/until .*: watched/).count()).toBe(0)
  expect(await screenFindings(lied)).toEqual([])
  await lied.close()
})

test('no page broke its own policy or stumbled', () => {
  expect(rig.complaints).toEqual([])
})
