/** A household of several phones, in real browsers, on one relay and with one doorbell. */
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { axeFindings } from '../support/chromium.ts'
import { createOwnedPhone, createPhoneRig, type OwnedPhone, type Phone, type PhoneRig } from '../support/phone-rig.ts'
import { eventually } from '../support/poll.ts'

let rig: PhoneRig
let owned: OwnedPhone
let kim: Phone
let guest: Phone

beforeAll(async () => {
  rig = await createPhoneRig()
  owned = await createOwnedPhone(rig)
})
afterAll(() => rig[Symbol.asyncDispose]())

/** Three presses; the button itself keeps those apart that come too close. */
async function pressThrice(): Promise<void> {
  for (let presses = 0; presses < 3; presses++)
    await eventually(() => owned.doorbell.agent.ring(), 'a press that is not a bounce')
}

const digitsOn = async (page: Page): Promise<string> => (await page.locator('.digits').textContent())!

/** An owner adds a phone, as two people do it. */
async function addPhone(by: Page, name: string, role: RegExp): Promise<Phone> {
  const phone = await rig.phone()
  await by.goto(`${rig.appOrigin}/#/home`)
  await by.getByRole('button', { name: 'Add a phone' }).click()
  await by.getByLabel('What is it called?').fill(name)
  await by.getByLabel(role).check()
  expect(await axeFindings(by)).toEqual([])
  await by.getByRole('button', { name: 'Show the code' }).click()
  const link = (await by.getByText('/join#').textContent())!
  expect(await axeFindings(by)).toEqual([])
  await phone.page.goto(link)
  await phone.page.getByRole('button', { name: 'Make this phone’s keys' }).click()
  await by.getByRole('heading', { name: 'Does the new phone show these six digits?' }).waitFor()
  await phone.page.getByText('The other phone must show the same').waitFor()
  expect(await digitsOn(phone.page)).toBe(await digitsOn(by))
  expect(await axeFindings(phone.page)).toEqual([])
  await by.getByRole('button', { name: 'They are the same' }).click()
  await by.getByRole('heading', { name: 'Now say yes at the door' }).waitFor()
  await pressThrice()
  await by.getByRole('heading', { name: 'The phone belongs to your household' }).waitFor()
  expect(await axeFindings(by)).toEqual([])
  await by.getByRole('button', { name: 'Done' }).click()
  await by.getByText(name).waitFor()
  await phone.page.getByRole('heading', { level: 1, name: 'Clips' }).waitFor()
  return phone
}

async function playsFirstClip(page: Page): Promise<void> {
  await page.goto(`${rig.appOrigin}/#/clips`)
  await page.locator('.clip').first().click()
  const played = () =>
    page.locator('video').evaluate((video) => (video as unknown as { currentTime: number }).currentTime)
  await eventually(async () => (await played()) > 0.3, 'a picture')
}

test('a second owner’s phone joins in front of the first and by a yes at the door, and plays a clip from before', async () => {
  kim = await addPhone(owned.page, 'Kim', /^Decide as you do/)
  await playsFirstClip(kim.page)
  await kim.page.goto(`${rig.appOrigin}/#/home`)
  await kim.page.getByText('Kim').waitFor()
  await kim.page.getByText('37.77600, -122.41800').waitFor()
})

test('the second owner adds a phone that may only look', async () => {
  guest = await addPhone(kim.page, 'Guest', /^Only look/)
  await playsFirstClip(guest.page)
  await guest.page.goto(`${rig.appOrigin}/#/home`)
  await guest.page.getByText('This phone may look at your clips.').waitFor()
  expect(await guest.page.getByRole('button', { name: 'Add a phone' }).count()).toBe(0)
})

test('no page broke its own policy or stumbled', () => {
  expect(rig.complaints).toEqual([])
})
