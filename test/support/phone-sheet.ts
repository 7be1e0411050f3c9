/** A recovery sheet on the way back into a phone. */
import { encodeRecoveryQr, parseRecoverySheet } from '@latchkey/shared/recovery'
import type { Page } from 'playwright-core'
import { choose, press, write } from './keyboard.ts'
import { type PaperSheet, RIG_PLACE } from './phone-rig.ts'

/** What the code on the paper says. */
export const sheetCodeOf = ({ words, relay, logVkey }: PaperSheet): string =>
  encodeRecoveryQr(parseRecoverySheet(words.join(' ')), { relay, logVkey })

/** As the clipboard gives it to the field. */
export const pasteSheet = (page: Page, text: string): Promise<unknown> =>
  page.getByLabel('Word 1', { exact: true }).evaluate((field, pasted) => {
    const { DataTransfer, ClipboardEvent } = globalThis as unknown as {
      DataTransfer: new () => { setData(type: string, text: string): void }
      ClipboardEvent: new (name: string, init: object) => never
    }
    const clipboardData = new DataTransfer()
    clipboardData.setData('text', pasted)
    const paste = new ClipboardEvent('paste', { clipboardData, bubbles: true, cancelable: true })
    ;(field as unknown as { dispatchEvent(event: never): unknown }).dispatchEvent(paste)
  }, text)

/** Opens the sheet's page on an empty phone. */
export async function openSheetPage(page: Page, appOrigin: string): Promise<void> {
  await page.goto(appOrigin)
  await press(page.getByRole('button', { name: 'I have a recovery sheet' }))
  await page.getByRole('heading', { level: 1, name: 'Your recovery sheet' }).waitFor()
}

/** From the sheet's page to a phone that waits to take over, all others taken out. */
export async function restoreWithSheet(page: Page, sheet: PaperSheet): Promise<void> {
  const goOn = page.getByRole('button', { name: 'Continue' })
  await pasteSheet(page, sheetCodeOf(sheet))
  await page.getByRole('heading', { level: 1, name: 'Which phones are lost?' }).waitFor()
  for (const phone of await page.getByRole('group').all())
    await choose(phone, phone.getByLabel('It is lost, or I do not know it'))
  await press(goOn)
  await write(page.getByLabel('Latitude, longitude'), RIG_PLACE)
  await press(goOn)
  await press(page.getByRole('button', { name: 'Restore my household' }))
  await page.getByRole('heading', { name: 'This phone does not decide yet' }).waitFor()
}
