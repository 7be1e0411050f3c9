/** Every phone is lost, or the only one: a household comes back from its recovery sheet, in a real browser. */
import { join } from 'node:path'
import {
  createSigner,
  encodeEntries,
  encodeLeaf,
  encodeTilePath,
  extendTiles,
  hashLeaf,
  keyset,
  keysetLabel,
  type KeysetList,
  keysetList,
  parseCheckpoint,
  parseEntries,
  rawKeyOf,
  ROOT_DELAY_MS,
  rootOfLeaves,
  signCheckpoint,
  TILE_WIDTH,
  tileWidth,
} from '@latchkey/shared'
import { createRelayClient } from '@latchkey/shared/client'
import { createRecoverySheet, parseRecoverySheet, wordsOf } from '@latchkey/shared/recovery'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { loadSecrets } from '../../relay/src/secrets.ts'
import { screenFindings } from '../support/chromium.ts'
import { choose, press, tick, write } from '../support/keyboard.ts'
import { createLiar, type Liar } from '../support/liar.ts'
import {
  createOwnedPhone,
  createPhoneRig,
  type OwnedPhone,
  type PaperSheet,
  type Phone,
  type PhoneRig,
  RIG_PLACE,
} from '../support/phone-rig.ts'
import { openSheetPage, pasteSheet, restoreWithSheet, sheetCodeOf } from '../support/phone-sheet.ts'
import { eventually } from '../support/poll.ts'

const HOUR_MS = 3_600_000
/** Of the relay and of the pages: how far time has gone. */
let shiftedMs = 0

let rig: PhoneRig
let owned: OwnedPhone
let sheet: PaperSheet
let restored: Phone

beforeAll(async () => {
  rig = await createPhoneRig()
  owned = await createOwnedPhone(rig)
  sheet = owned.sheet
})
afterAll(() => rig[Symbol.asyncDispose]())

const button = (page: Page, name: string | RegExp) => page.getByRole('button', { name })
const heading = (page: Page, name: string) => page.getByRole('heading', { level: 1, name }).waitFor()
const goHome = (page: Page) => page.goto(`${rig.appOrigin}/#/home`)

/** Time goes on for the relay and for these phones. */
async function wait(ms: number, phones: readonly Phone[]): Promise<void> {
  shiftedMs += ms
  rig.world.clock.shift(ms)
  for (const { context } of phones) await context.clock.setSystemTime(Date.now() + shiftedMs)
}

/** An empty phone before the sheet's page. */
async function newPhone(lie: (liar: Liar) => unknown = () => undefined): Promise<Phone> {
  const phone = await rig.phone()
  if (shiftedMs > 0) await phone.context.clock.setSystemTime(Date.now() + shiftedMs)
  await lie(createLiar(phone.page, rig.appOrigin))
  await openSheetPage(phone.page, rig.appOrigin)
  return phone
}

async function plays(page: Page): Promise<void> {
  await page.goto(`${rig.appOrigin}/#/clips`)
  await press(page.locator('.clip').first())
  const video = page.locator('video')
  await video.waitFor({ timeout: 20_000 }).catch(async () => {
    throw new Error(`no video, but: ${await page.locator('main').innerText()}`)
  })
  const played = () => video.evaluate((element) => (element as unknown as { currentTime: number }).currentTime)
  await eventually(async () => (await played()) > 0.3, 'a picture', 20_000)
}

function isSheet(words: readonly string[]): boolean {
  try {
    parseRecoverySheet(words.join(' '))
    return true
  } catch {
    return false
  }
}

test('words that are no sheet are told by their place, and a wrong relay before anything of the sheet is sent there', async () => {
  const asked: string[] = []
  restored = await newPhone()
  const { page } = restored
  page.on('request', (request) => asked.push(new URL(request.url()).pathname))
  expect(await screenFindings(page)).toEqual([])
  // By the keyboard alone: four letters, and the next field.
  await page.getByLabel('Word 1', { exact: true }).focus()
  for (const word of sheet.words) await page.keyboard.type(`${word.length > 4 ? word.slice(0, 4) : word} `)
  for (const [at, word] of sheet.words.entries())
    await expect.poll(() => page.getByLabel(`Word ${at + 1}`, { exact: true }).inputValue()).toBe(word)
  await write(page.getByLabel('Word 7', { exact: true }), 'latchkey')
  await write(page.getByLabel('Word 9', { exact: true }), '')
  await press(button(page, 'Continue'))
  await page.getByText('Not on the list of words: word 7.').waitFor()
  expect(await screenFindings(page)).toEqual([])
  await page.keyboard.type('')
  await write(page.getByLabel('Word 7', { exact: true }), sheet.words[6]!)
  await press(button(page, 'Continue'))
  await page.getByText('Still missing: word 9.').waitFor()
  // One of 256 other words would make a sheet again.
  const other = wordsOf(createRecoverySheet()).find((word) => !isSheet(sheet.words.with(8, word)))!
  await write(page.getByLabel('Word 9', { exact: true }), other)
  await press(button(page, 'Continue'))
  await page.getByText('together they are no sheet').waitFor()
  await write(page.getByLabel('Word 9', { exact: true }), sheet.words[8]!)
  await page.getByLabel('Word 24', { exact: true }).press('Enter')
  await heading(page, 'Where is your household?')
  expect(await screenFindings(page)).toEqual([])
  expect(asked.filter((path) => path.startsWith('/v1/'))).toEqual([])

  // The page itself may talk to its own relays only, and says so in its console.
  await write(page.getByLabel('Relay', { exact: true }), 'http://127.0.0.1:9')
  await write(page.getByLabel('Its code'), sheet.code)
  await press(button(page, 'Continue'))
  await page.getByText('No relay answers at this address.').waitFor()
  await write(page.getByLabel('Relay', { exact: true }), sheet.relay)
  await write(page.getByLabel('Its code'), `${sheet.code.slice(0, -1)}${sheet.code.endsWith('0') ? '1' : '0'}`)
  await press(button(page, 'Continue'))
  await page.getByText('Nothing of your sheet was sent to it.').waitFor()
  expect(await screenFindings(page)).toEqual([])
  expect(asked.filter((path) => path.startsWith('/v1/'))).toEqual(['/v1/trust.json'])
})

test('the sheet finds the household, asks which phones are lost, says the delay, and opens an old clip meanwhile', async () => {
  const { page } = restored
  await write(page.getByLabel('Its code'), sheet.code.toLowerCase().replaceAll('-', ' '))
  await page.getByLabel('Its code').press('Enter')
  await heading(page, 'Which phones are lost?')
  await press(button(page, 'Continue'))
  await page.getByText('Say for every phone').waitFor()
  await choose(page.getByRole('group'), page.getByLabel('I still have it'))
  await page.getByText('It can add this one at once').waitFor()
  await choose(page.getByRole('group'), page.getByLabel('It is lost, or I do not know it'))
  expect(await screenFindings(page)).toEqual([])
  await press(button(page, 'Continue'))
  await write(page.getByLabel('Latitude, longitude'), RIG_PLACE)
  await press(button(page, 'Continue'))
  await page.getByText('One lost phone is taken out.').waitFor()
  await page.getByText('three days from now').waitFor()
  expect(await screenFindings(page)).toEqual([])
  await press(button(page, 'Restore my household'))
  await heading(page, 'Clips')
  await page.getByRole('heading', { name: 'This phone does not decide yet' }).waitFor()
  expect(await screenFindings(page)).toEqual([])
  await plays(page)
  await page.goto(`${rig.appOrigin}/#/questions`)
  await page.getByText('answers no questions before it took over').waitFor()
  await goHome(page)
  await page.getByText('Front door').first().waitFor()
  await expect.poll(() => button(page, 'Add a phone').count()).toBe(0)
})

test('every other phone is told who takes over, and when', async () => {
  await goHome(owned.page)
  await owned.page.reload()
  await owned.page.getByRole('heading', { name: 'Somebody uses your recovery sheet' }).waitFor()
  await owned.page.getByText('a new phone is added, which may decide').waitFor()
  await owned.page.getByText('The first phone is taken out').or(owned.page.getByText('A phone is taken out')).waitFor()
  expect(await screenFindings(owned.page)).toEqual([])
})

test('a second phone with the same sheet has to wait, and a relay that hides the change is found out by the log', async () => {
  const second = await newPhone()
  await pasteSheet(second.page, sheetCodeOf(sheet))
  await second.page.getByText('Somebody already began to restore this household').waitFor()
  expect(await screenFindings(second.page)).toEqual([])
  await second.context.close()
  const deceived = await newPhone((liar) =>
    liar.change(/\/v1\/keysets$/, keysetList, ({ keysets }) => ({ keysets: keysets.slice(0, 1) })),
  )
  await pasteSheet(deceived.page, sheetCodeOf(sheet))
  await deceived.page.getByText('The public log holds a newer list').waitFor()
  await deceived.context.close()
})

test('an older sheet, pasted as a numbered list, takes the relay at its word after a warning; one without such a household says so', async () => {
  const { page, context } = await newPhone()
  const numbered = (spelled: readonly string[]) => spelled.map((word, at) => `${at + 1}. ${word}`).join('\n')
  await pasteSheet(page, numbered(wordsOf(createRecoverySheet())))
  await press(button(page, 'Continue'))
  await tick(page.getByLabel('My sheet names no relay'))
  await page.getByText('this phone has to believe whoever answers').waitFor()
  expect(await screenFindings(page)).toEqual([])
  await write(page.getByLabel('Relay', { exact: true }), sheet.relay)
  await press(button(page, 'Continue'))
  await page.getByText('This relay knows no household of this sheet.').waitFor()
  await press(button(page, 'Back'))
  await pasteSheet(page, numbered(sheet.words))
  await press(button(page, 'Continue'))
  await tick(page.getByLabel('My sheet names no relay'))
  await write(page.getByLabel('Relay', { exact: true }), sheet.relay)
  await press(button(page, 'Continue'))
  await page.getByText('Somebody already began to restore this household').waitFor()
  await context.close()
})

/** Is the recovery key kept in this page's database? */
const keepsRecovery = (page: Page): Promise<boolean> =>
  page.evaluate(
    () =>
      new Promise<boolean>((resolve) => {
        const { indexedDB } = globalThis as unknown as { indexedDB: { open(name: string): never } }
        const opening = indexedDB.open('latchkey') as unknown as {
          result: { transaction(name: string): { objectStore(name: string): { get(name: string): never } } }
          onsuccess: () => void
        }
        opening.onsuccess = () => {
          const reading = opening.result.transaction('records').objectStore('records').get('home') as unknown as {
            result: { recovery: unknown }
            onsuccess: () => void
          }
          reading.onsuccess = () => resolve(reading.result.recovery !== null)
        }
      }),
  )

test('after its time the phone decides, the lost one is a stranger, and old clips open with its own key', async () => {
  const settings: string[] = []
  restored.page.on('response', (answer) => {
    if (/settings$/.test(answer.url()) && answer.ok()) settings.push(answer.request().method())
  })
  await wait(75 * HOUR_MS, [restored])
  await goHome(restored.page)
  await restored.page.reload()
  await button(restored.page, 'Add a phone').waitFor()
  await expect.poll(() => restored.page.getByText('This phone does not decide yet').count()).toBe(0)
  await expect.poll(() => restored.page.getByText('may decide').count()).toBe(1)
  expect(await keepsRecovery(restored.page)).toBe(true)
  // They were sealed to the lost phone alone.
  await eventually(() => settings.includes('PUT'), 'settings that are begun anew')
  await owned.page.reload()
  await owned.page.getByText('The relay no longer takes this phone').waitFor()
  await wait(25 * HOUR_MS, [restored])
  await restored.page.reload()
  await eventually(async () => !(await keepsRecovery(restored.page)), 'the recovery key to be forgotten', 20_000)
  await plays(restored.page)
})

test('the doorbell seals to the phone that took over: what it records from then on opens there', async () => {
  const agent = await owned.doorbell.again()
  await agent.captured
  expect(await agent.drained(20_000)).toBe(true)
  const { page } = restored
  await page.goto(`${rig.appOrigin}/#/clips`)
  await eventually(async () => (await page.locator('.clip img').count()) === 2, 'the new clip with its picture')
  await plays(page)
})

test('a thief of the sheet is stopped by an owner’s objection, and what he kept is forgotten', async () => {
  const thief = await newPhone()
  const { page } = thief
  await restoreWithSheet(page, sheet)
  await goHome(restored.page)
  await restored.page.reload()
  await press(button(restored.page, 'Object: nobody of us does this'))
  await restored.page.getByText('Somebody uses your recovery sheet').waitFor({ state: 'detached' })
  await button(restored.page, 'Add a phone').waitFor()
  await page.reload()
  await page.getByRole('heading', { name: 'The restoration was stopped' }).waitFor()
  expect(await screenFindings(page)).toEqual([])
  await press(button(page, 'Forget this household on this phone'))
  await button(page, 'I have a recovery sheet').waitFor()
})

/** The relay's log with one more entry, as a relay makes it that has its key: every answer by its path. */
async function logWith(entry: Uint8Array): Promise<ReadonlyMap<string, Uint8Array>> {
  const read = (path: string) => rig.world.anyone.bytes('GET', path)
  const { origin, size } = parseCheckpoint(await read('/log/checkpoint'))
  const entries: Uint8Array[] = []
  for (let index = 0; index * TILE_WIDTH < size; index++) {
    const tile = { level: 'entries', index, width: tileWidth('entries', index, size) } as const
    entries.push(...parseEntries(tile, await read(`/log/${encodeTilePath(tile)}`)))
  }
  entries.push(entry)
  const hashes = entries.map(hashLeaf)
  const said = new Map<string, Uint8Array>()
  const nothing = () => Promise.reject(new Error('a tree that begins has no tiles'))
  for (const { tile, bytes } of await extendTiles(0, hashes, nothing)) said.set(`/log/${encodeTilePath(tile)}`, bytes)
  for (let index = 0; index * TILE_WIDTH < hashes.length; index++) {
    const bundle = entries.slice(index * TILE_WIDTH, (index + 1) * TILE_WIDTH)
    said.set(`/log/${encodeTilePath({ level: 'entries', index, width: bundle.length })}`, encodeEntries(bundle))
  }
  const { logSigner } = await loadSecrets(join(rig.world.folder, 'data/secrets'), origin)
  const tree = { origin, size: hashes.length, root: rootOfLeaves(hashes) }
  return said.set('/log/checkpoint', await signCheckpoint(tree, logSigner))
}

/** A second holder of version 2, signed by the root as well, logged, and listed by a relay that takes part. */
async function createFork(): Promise<(liar: Liar) => Promise<void>> {
  const root = createSigner(parseRecoverySheet(sheet.words.join(' ')).rootSeed)
  const asRoot = createRelayClient({ origin: sheet.relay, signer: root, nowMs: rig.world.clock.nowMs })
  const { keysets } = await asRoot.json('GET', '/v1/keysets', keysetList)
  const first = keyset.parse(keysets[0]!.keyset)
  const nowMs = rig.world.clock.nowMs()
  const latchkey = { ...first.payload.latchkey, version: 2, previous: first.digest, effectiveMs: nowMs + ROOT_DELAY_MS }
  const raw = await keyset.encode({ ...first.payload, latchkey }, root)
  const data = { label: keysetLabel(rawKeyOf(root.jwk), 2), digest: keyset.parse(raw).digest }
  const said = await logWith(encodeLeaf({ v: 1, type: 'keyset', data, hour: Math.floor(nowMs / HOUR_MS) }))
  const index = parseCheckpoint(said.get('/log/checkpoint')!).size - 1
  const forked = { keyset: raw, index, press: null, approvals: [] }
  const list = (honest: KeysetList): KeysetList => ({ keysets: [...honest.keysets, forked] })
  return async (liar) => {
    await liar.change(/\/v1\/keysets$/, keysetList, list)
    for (const [path, bytes] of said)
      await liar.answer(new RegExp(`${path.replaceAll('.', '\\.')}$`), () => ({ bytes }))
  }
}

test('two lists of one number are found out by a new phone and by one of the household, the proof kept', async () => {
  const fork = await createFork()
  const deceived = await newPhone(fork)
  await pasteSheet(deceived.page, sheetCodeOf(sheet))
  await deceived.page.getByText('The relay shows two different lists').waitFor()
  expect(await screenFindings(deceived.page)).toEqual([])
  await deceived.context.close()
  await fork(createLiar(restored.page, rig.appOrigin))
  await restored.page.reload()
  await restored.page.getByText('The relay shows two different lists').waitFor()
  await restored.page.unrouteAll()
  await restored.page.reload()
  await restored.page.getByText('The relay shows two different lists').waitFor()
})

test('no page broke its own policy or stumbled', () => {
  const isForeign = (complaint: string): boolean => complaint.includes('http://127.0.0.1:9/v1/trust.json')
  expect(rig.complaints.filter((complaint) => !isForeign(complaint))).toEqual([])
})
