/** What a person does on the screens of a new phone, from a doorbell's code to the first page. */
import type { Locator, Page } from 'playwright-core'

/** How a person reaches what is on the screen. */
export interface Hand {
  press(target: Locator): Promise<void>
  write(target: Locator, text: string): Promise<void>
}

const FINGER: Hand = { press: (target) => target.click(), write: (target, text) => target.fill(text) }

/** What a person copied from the recovery sheet on the screen. */
export interface PaperSheet {
  readonly words: readonly string[]
  /** The line for age. */
  readonly line: string
  readonly relay: string
  /** Sixteen characters, of relay and log. */
  readonly code: string
  readonly logVkey: string
}

/** Copies the sheet that stands on the page, and types back its last six characters. */
async function copySheet(page: Page, hand: Hand): Promise<PaperSheet> {
  const identity = page.getByText(/^AGE-SECRET-KEY-1/)
  await identity.waitFor()
  const line = (await identity.textContent())!.trim()
  const words = await page.locator('ol.words li').allTextContents()
  const [relay, code, logVkey] = await page.locator('main dd').allTextContents()
  await hand.press(page.getByRole('button', { name: 'I have it on paper' }))
  await hand.write(page.getByLabel('Last six characters'), line.slice(-6))
  await hand.press(page.getByRole('button', { name: 'Begin my household' }))
  return { words, line, relay: relay!, code: code!, logVkey: logVkey! }
}

/** Compares the six digits, which are not different. */
export async function acceptDoorbell(page: Page, hand = FINGER): Promise<void> {
  await hand.press(page.getByRole('button', { name: 'They are the same' }))
  await page.getByRole('heading', { level: 1, name: 'Clips' }).waitFor()
}

/**
 * From a pairing code to a phone that owns the doorbell: every screen, as a person goes through them.
 * @param place where the door is, as its owner types it
 * @returns the recovery sheet
 */
export async function setUpPhone(page: Page, pairingUrl: string, place: string, hand = FINGER): Promise<PaperSheet> {
  await page.goto(pairingUrl)
  await hand.press(page.getByRole('button', { name: 'Set up my household' }))
  await hand.write(page.getByLabel('Latitude, longitude'), place)
  await hand.press(page.getByRole('button', { name: 'Continue' }))
  const sheet = await copySheet(page, hand)
  await acceptDoorbell(page, hand)
  return sheet
}
