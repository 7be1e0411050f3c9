/** A household of several phones, in real browsers, on one relay and with one doorbell. */
import { writeFile } from 'node:fs/promises'
import { createVerifierTrust, digestOfJws, releaseList, trust, verifyBundleZip } from '@latchkey/shared'
import type { Locator, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { screenFindings } from '../support/chromium.ts'
import { run } from '../support/command-line.ts'
import { MAIN } from '../support/doorbell.ts'
import { takeDownload } from '../support/given-clip.ts'
import { choose, press, write } from '../support/keyboard.ts'
import { createOwnedPhone, createPhoneRig, type OwnedPhone, type Phone, type PhoneRig } from '../support/phone-rig.ts'
import { openSheetPage, restoreWithSheet } from '../support/phone-sheet.ts'
import { eventually } from '../support/poll.ts'
import {
  acceptedRequest,
  certifyInvestigator,
  draftSharedOn,
  enrolAgency,
  expectStatus,
  type Investigator,
  postSharedOn,
  randomId,
} from '../support/relay-world.ts'

let rig: PhoneRig
let owned: OwnedPhone
let kim: Phone
let guest: Phone
/** Two agencies that ask the same door. */
let investigator: Investigator
let other: Investigator
let caseNumber: string

beforeAll(async () => {
  rig = await createPhoneRig()
  owned = await createOwnedPhone(rig)
  const enrol = async () => certifyInvestigator(rig.world, await enrolAgency(rig.world))
  investigator = await enrol()
  other = await enrol()
  // Both before a page looks for the first time: a square's questions may be half a minute old.
  caseNumber = (await acceptedRequest(rig.world, investigator)).payload.latchkey.caseNumber
  await acceptedRequest(rig.world, other)
})
afterAll(() => rig[Symbol.asyncDispose]())

/** Three presses; the button itself keeps those apart that come too close. */
async function pressThrice(): Promise<void> {
  for (let presses = 0; presses < 3; presses++)
    await eventually(() => owned.doorbell.agent.ring(), 'a press that is not a bounce')
}

/** Where the doorbell has no button: whoever can sit at it says yes there. */
async function acceptAtTheTerminal(): Promise<void> {
  const configPath = `${rig.world.folder}/accept.yml`
  const { dataDir, scene } = { dataDir: `${rig.world.folder}/agent-0`, scene: rig.scene }
  const config = {
    dataDir,
    camera: { source: scene, name: 'Front door' },
    relay: { origin: rig.world.relay.publicOrigin },
  }
  await writeFile(configPath, JSON.stringify(config))
  const accept = () => run([process.execPath, MAIN, 'accept', '--config', configPath], rig.world.folder)
  expect(await accept()).toEqual({
    status: 0,
    stdout: 'Added. The household now has 2 phones of owners and 1 phone that may only look.\n',
    stderr: '',
  })
  expect(await accept()).toMatchObject({
    status: 1,
    stdout: '',
    stderr: expect.stringContaining('no phone waits to be added'),
  })
}

const digitsOn = async (page: Page): Promise<string> => (await page.locator('.digits').textContent())!

/** An owner adds a phone, as two people do it. */
async function addPhone(by: Page, name: string, role: RegExp, sayYes = pressThrice): Promise<Phone> {
  const phone = await rig.phone()
  await by.goto(`${rig.appOrigin}/#/home`)
  await press(by.getByRole('button', { name: 'Add a phone' }))
  await write(by.getByLabel('What is it called?'), name)
  await choose(by.getByRole('group'), by.getByLabel(role))
  expect(await screenFindings(by)).toEqual([])
  await press(by.getByRole('button', { name: 'Show the code' }))
  const link = (await by.getByText('/join#').textContent())!
  expect(await screenFindings(by)).toEqual([])
  await phone.page.goto(link)
  await press(phone.page.getByRole('button', { name: 'Make this phone’s keys' }))
  await by.getByRole('heading', { name: 'Does the new phone show these six digits?' }).waitFor()
  await phone.page.getByText('The other phone must show the same').waitFor()
  expect(await digitsOn(phone.page)).toBe(await digitsOn(by))
  expect(await screenFindings(phone.page)).toEqual([])
  await press(by.getByRole('button', { name: 'They are the same' }))
  await by.getByRole('heading', { name: 'Now say yes at the door' }).waitFor()
  await sayYes()
  await by.getByRole('heading', { name: 'The phone belongs to your household' }).waitFor()
  expect(await screenFindings(by)).toEqual([])
  await press(by.getByRole('button', { name: 'Done' }))
  await by.getByRole('button', { name: `Take out ${name}` }).waitFor()
  await phone.page.getByRole('heading', { level: 1, name: 'Clips' }).waitFor()
  return phone
}

/** An owner's app wraps older clips for a new phone within seconds: until then they do not open there. */
async function playsFirstClip(page: Page): Promise<void> {
  const opens = async (): Promise<boolean> => {
    await page.goto(`${rig.appOrigin}/#/clips`)
    await page.reload()
    await page.locator('.clip').first().click()
    const video = page.locator('video').waitFor({ timeout: 3_000 })
    return video.then(
      () => true,
      () => false,
    )
  }
  await eventually(opens, 'an older clip that opens', 60_000)
  await plays(page)
}

async function plays(page: Page): Promise<void> {
  const played = () =>
    page.locator('video').evaluate((video) => (video as unknown as { currentTime: number }).currentTime)
  await eventually(async () => (await played()) > 0.3, 'a picture')
}

test('a second owner’s phone joins in front of the first and by a yes at the door, and plays a clip from before', async () => {
  kim = await addPhone(owned.page, 'Kim', /^Decide as you do/)
  await playsFirstClip(kim.page)
  await kim.page.goto(`${rig.appOrigin}/#/home`)
  await kim.page.getByText('Kim').first().waitFor()
  await kim.page.getByText('37.77600, -122.41800').waitFor()
})

test('the second owner adds a phone that may only look', async () => {
  guest = await addPhone(kim.page, 'Guest', /^Only look/, acceptAtTheTerminal)
  await playsFirstClip(guest.page)
  await guest.page.goto(`${rig.appOrigin}/#/home`)
  await guest.page.getByText('This phone may look at your clips.').waitFor()
  expect(await guest.page.getByRole('button', { name: 'Add a phone' }).count()).toBe(0)
})

/** Kim’s and the first owner’s phones, at home. */
const goHome = (page: Page) => page.goto(`${rig.appOrigin}/#/home`)
const button = (page: Page | Locator, name: string | RegExp) => page.getByRole('button', { name })
/** The card of an agency's question. */
const askedBy = (page: Page, { agency }: Investigator) =>
  page
    .getByRole('listitem')
    .filter({ has: page.getByRole('heading', { name: `Asked by ${agency.name}`, exact: true }) })

test('two owners must agree from then on, and every phone knows', async () => {
  await goHome(owned.page)
  await press(button(owned.page, 'Let two owners agree'))
  await owned.page.getByText('only your recovery sheet helps').waitFor()
  expect(await screenFindings(owned.page)).toEqual([])
  await press(button(owned.page, 'Let two owners agree'))
  await owned.page.getByText('Two owners must agree before').waitFor()
  await goHome(kim.page)
  await kim.page.reload()
  await kim.page.getByText('Two owners must agree before').waitFor()
})

test('a clip that one owner shares waits for the other, who sees the words and agrees; its bundle verifies', async () => {
  for (const { page } of [owned, guest]) {
    await page.goto(`${rig.appOrigin}/#/questions`)
    await page.reload()
  }
  await guest.page.getByText('Only a phone that may decide can answer questions').waitFor()
  expect(await button(guest.page, /Read|Show me/).count()).toBe(0)
  await press(button(owned.page, 'Show me questions that concern my door'))
  await press(button(askedBy(owned.page, investigator), 'Read the question'))
  await press(owned.page.getByRole('button', { name: 'Share', exact: true }))
  await eventually(() => button(owned.page, 'Sign and share').isEnabled(), 'the headers')
  await press(button(owned.page, 'Sign and share'))
  await owned.page.getByText('another owner of the household must agree').waitFor()

  const inbox = async () => (await investigator.client.json('GET', '/v1/releases', releaseList)).releases
  await goHome(kim.page)
  await kim.page.reload()
  await press(kim.page.getByRole('link', { name: 'See what was shared' }))
  await kim.page.getByText(caseNumber).waitFor()
  await kim.page.getByText('Signed on').first().waitFor()
  expect(await screenFindings(kim.page)).toEqual([])
  expect(await inbox()).toEqual([])
  await press(button(kim.page, 'Agree to share'))
  await kim.page.getByText('They may download it until').waitFor()
  await kim.page.getByText('Kim agreed as well.').waitFor()
  const [released] = await eventually(async () => {
    const releases = await inbox()
    return releases.length > 0 && releases
  }, 'the release')
  const json = { download: randomId() }
  const given = digestOfJws(released!.consent)
  const path = `/v1/releases/${given}/downloads`
  await eventually(
    async () => (await investigator.client.send('POST', path, { json })).status === 200,
    'the release to be logged',
  )
  const zip = await investigator.client.bytes('GET', `/v1/downloads/${json.download}/bundle.zip`)
  const trusted = createVerifierTrust(await rig.world.anyone.json('GET', '/v1/trust.json', trust))
  const verdict = verifyBundleZip(zip, trusted, { identity: investigator.identity })
  expect(verdict).toMatchObject({ passed: true })
  await kim.page.getByText('Downloaded 1 of 3 times.').waitFor()
  await goHome(guest.page)
  await guest.page.reload()
  await guest.page.getByText('Another phone of your household agreed to share a clip.').waitFor()
  // Every phone is told at once who got it next, also one that only looks.
  const { release } = await takeDownload({ investigator }, given, json.download)
  const of = { consent: given, release: digestOfJws(release) }
  await expectStatus(await postSharedOn(investigator, draftSharedOn(rig.world, investigator, of)), 201)
  await guest.page.getByText('A recording that you shared was passed on.').waitFor()
  await press(guest.page.getByRole('link', { name: 'See what was shared' }))
  await guest.page.getByText('To Office of the District Attorney').waitFor()
  expect(await screenFindings(guest.page)).toEqual([])
})

test('the questions of one agency are hidden on every phone of the household, and no others; and are shown again', async () => {
  const openQuestions = async (page: Page): Promise<void> => {
    await page.goto(`${rig.appOrigin}/#/questions`)
    await page.reload()
    await askedBy(page, investigator).waitFor()
  }
  await openQuestions(owned.page)
  await press(button(askedBy(owned.page, other), 'Hide all questions from them'))
  const hidden = `Questions from ${other.agency.uri} are hidden.`
  await owned.page.getByText(hidden).waitFor()
  await expect.poll(() => askedBy(owned.page, other).count()).toBe(0)
  expect(await screenFindings(owned.page)).toEqual([])
  // After a restart too, and on the phone of the other owner.
  for (const { page } of [owned, kim]) {
    await openQuestions(page)
    await page.getByText(hidden).waitFor()
    await expect.poll(() => askedBy(page, other).count()).toBe(0)
  }
  await press(button(kim.page, 'Show them again'))
  await askedBy(kim.page, other).waitFor()
  await askedBy(owned.page, other).waitFor()
  await expect.poll(() => owned.page.getByText(hidden).count()).toBe(0)
})

test('all questions are paused on every phone of the household, which says until when, and are shown again when somebody ends it', async () => {
  for (const { page } of [owned, kim]) {
    await page.goto(`${rig.appOrigin}/#/questions`)
    await page.reload()
    await askedBy(page, investigator).waitFor()
  }
  await press(button(owned.page, 'None for a week'))
  const paused = (page: Page) => page.getByRole('heading', { name: /^No questions until/ })
  for (const { page } of [owned, kim]) {
    await paused(page).waitFor()
    await expect.poll(() => page.getByText(/^Asked by|No question concerns/).count()).toBe(0)
  }
  expect(await screenFindings(owned.page)).toEqual([])
  // Of a whole week: to the midnight after the same day of the next one, by this phone.
  const until = await owned.page.evaluate<string>(`(() => {
    const now = new Date()
    const end = new Date(now.getFullYear(), now.getMonth(), now.getDate() + 7)
    return new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'short' }).format(end)
  })()`)
  await owned.page.getByText(`No questions until ${until}`).waitFor()
  await kim.page.reload()
  await paused(kim.page).waitFor()
  await press(button(kim.page, 'Show them now'))
  for (const { page } of [owned, kim]) await askedBy(page, investigator).waitFor()
})

test('doors and phones have the names that the household gives them, on every phone', async () => {
  await goHome(owned.page)
  await press(owned.page.getByRole('button', { name: /^Rename “.*door/i }).first())
  const field = owned.page.getByLabel(/^Another name for/)
  await write(field, '\u200B')
  await owned.page.getByText('A name has letters that one can see').waitFor()
  expect(await button(owned.page, 'Keep this name').isDisabled()).toBe(true)
  await write(field, '<b>Garden gate</b>')
  expect(await screenFindings(owned.page)).toEqual([])
  await press(button(owned.page, 'Keep this name'))
  await owned.page.getByRole('heading', { name: '<b>Garden gate</b>' }).waitFor()
  await press(button(owned.page, 'Rename “Guest”'))
  await write(owned.page.getByLabel('Another name for “Guest”'), 'Guest of June')
  await press(button(owned.page, 'Keep this name'))
  await goHome(kim.page)
  await kim.page.getByRole('heading', { name: '<b>Garden gate</b>' }).waitFor()
  await kim.page.getByText('Guest of June').first().waitFor()
  await press(button(kim.page, 'Rename “Guest of June”'))
  await write(kim.page.getByLabel('Another name for “Guest of June”'), 'Guest')
  await press(button(kim.page, 'Keep this name'))
  await button(owned.page, 'Rename “Guest”').waitFor()
  // Who may only look names nothing.
  await goHome(guest.page)
  await guest.page.getByRole('heading', { name: '<b>Garden gate</b>' }).waitFor()
  await expect.poll(() => guest.page.getByRole('button', { name: /^Rename/ }).count()).toBe(0)
})

test('one owner alone takes nobody out; when the other agrees, the phone is refused from then on', async () => {
  await goHome(owned.page)
  await press(button(owned.page, 'Take out Guest'))
  await owned.page.getByText('it may have kept').waitFor()
  expect(await screenFindings(owned.page)).toEqual([])
  await press(button(owned.page, 'Take it out'))
  await owned.page.getByText('Another owner must agree on their own phone').first().waitFor()
  await goHome(guest.page)
  await guest.page.reload()
  await guest.page.getByText('Guest').first().waitFor()
  await goHome(kim.page)
  await kim.page.reload()
  await kim.page.getByText('Guest is taken out').waitFor()
  expect(await screenFindings(kim.page)).toEqual([])
  await press(kim.page.getByRole('button', { name: 'Agree', exact: true }))
  await kim.page.getByText('A change waits').waitFor({ state: 'detached' })
  await eventually(async () => (await kim.page.getByText('Guest').count()) === 0, 'the household without the guest')
  await guest.page.reload()
  await guest.page.getByText('The relay no longer takes this phone for one of your household’s.').waitFor()
  expect(await screenFindings(guest.page)).toEqual([])
})

test('a doorbell that comes later is paired by a phone that came later, and seals to everybody who is left', async () => {
  const { agent, pairingUrl } = await rig.doorbell('Back door')
  const page = await kim.context.newPage()
  await page.goto(await pairingUrl())
  await press(page.getByRole('button', { name: 'They are the same' }))
  await page.close()
  await agent.captured
  expect(await agent.drained(20_000)).toBe(true)
  await owned.page.goto(`${rig.appOrigin}/#/clips`)
  await owned.page.getByText('Back door').waitFor()
  await owned.page.locator('.clip', { hasText: 'Back door' }).click()
  await plays(owned.page)
})

test('where two must agree, two object to a thief of the sheet; until the second did, it waits', async () => {
  const { page, context } = await rig.phone()
  await openSheetPage(page, rig.appOrigin)
  await restoreWithSheet(page, owned.sheet)
  for (const phone of [owned, kim]) {
    await goHome(phone.page)
    await phone.page.reload()
    await phone.page.getByRole('heading', { name: 'Somebody uses your recovery sheet' }).waitFor()
  }
  await press(button(owned.page, 'Object: nobody of us does this'))
  await owned.page.getByText('Your objection is signed. Another owner must agree').waitFor()
  expect(await screenFindings(owned.page)).toEqual([])
  await page.reload()
  await page.getByRole('heading', { name: 'This phone does not decide yet' }).waitFor()
  await kim.page.reload()
  await kim.page.getByText('what was signed with the recovery sheet alone is stopped').waitFor()
  expect(await screenFindings(kim.page)).toEqual([])
  await press(kim.page.getByRole('button', { name: 'Agree', exact: true }))
  await kim.page.getByText('Somebody uses your recovery sheet').waitFor({ state: 'detached' })
  await owned.page.reload()
  await owned.page.getByText('Two owners must agree before').waitFor()
  await expect.poll(() => owned.page.getByText('Somebody uses your recovery sheet').count()).toBe(0)
  await page.reload()
  await page.getByRole('heading', { name: 'The restoration was stopped' }).waitFor()
  await context.close()
})

test('no page broke its own policy or stumbled', () => {
  expect(rig.complaints).toEqual([])
})
