/** What somebody does who has a keyboard and no mouse. Everything waits until it is there, as a person does. */
import type { Locator } from 'playwright-core'
import { eventually } from './poll.ts'

/** More stops than any page of ours has. */
const MOST_STOPS = 150

/** Is the keyboard there, and can one see that? */
const isReached = (target: Locator): Promise<boolean> =>
  target.evaluate((element) => {
    const { document, getComputedStyle } = globalThis as unknown as {
      document: { activeElement: unknown }
      getComputedStyle(of: unknown): { outlineStyle: string; outlineWidth: string }
    }
    if (document.activeElement !== element) return false
    const { outlineStyle, outlineWidth } = getComputedStyle(element)
    if (outlineStyle === 'none' || outlineWidth === '0px') throw new Error('nobody sees where the keyboard is')
    return true
  })

/** A request of ours may take half a minute before it is given up and said. */
const PRESSABLE_MS = 60_000

/** Goes on from stop to stop. @throws when it is no stop, or cannot be seen */
export async function reach(target: Locator): Promise<void> {
  await eventually(() => target.isEnabled({ timeout: PRESSABLE_MS }), 'something to press')
  for (let stops = 0; stops < MOST_STOPS; stops++) {
    if (await isReached(target)) return
    await target.page().keyboard.press('Tab')
  }
  throw new Error(`no Tab leads to ${target.toString()}`)
}

/** Presses a button, follows a link. */
export async function press(target: Locator): Promise<void> {
  await reach(target)
  await target.page().keyboard.press('Enter')
}

/** Writes into a field, over what stood there. */
export async function write(target: Locator, text: string): Promise<void> {
  await reach(target)
  await target.page().keyboard.press('Control+A')
  await target.page().keyboard.press('Delete')
  await target.page().keyboard.type(text)
}

/** Sets or takes a tick. */
export async function tick(target: Locator): Promise<void> {
  await reach(target)
  await target.page().keyboard.press('Space')
}

/** Takes one of several that exclude each other: a group is one stop, and arrows lead through it. */
export async function choose(group: Locator, target: Locator): Promise<void> {
  const page = target.page()
  const at = group.getByRole('radio')
  await at.first().waitFor()
  for (let stops = 0; stops < MOST_STOPS; stops++) {
    if ((await group.locator('input:focus').count()) > 0) break
    await page.keyboard.press('Tab')
  }
  await page.keyboard.press('Space')
  for (let arrows = await at.count(); arrows > 0 && !(await target.isChecked()); arrows--)
    await page.keyboard.press('ArrowDown')
  if (!(await target.isChecked())) throw new Error(`no arrow leads to ${target.toString()}`)
}
