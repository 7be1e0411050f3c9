/** A person draws a zone in a real browser, with a mouse and with the keyboard alone. */
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { parse } from 'yaml'
import { axeFindings, startChromium } from '../support/chromium.ts'
import { createPageRig, type PageRig } from '../support/page-rig.ts'

const HOSTILE = '<img src=x onerror=alert(1)>'
const MOVING = {
  kind: 'finding',
  moving: true,
  captureMs: 1,
  changedShare: 0.1,
  threshold: 0.005,
  boxes: [{ x: 0.2, y: 0.2, width: 0.3, height: 0.6 }],
  zones: [HOSTILE],
}
/** One grey pixel. */
const JPEG = Buffer.from(
  '/9j/4AAQSkZJRgABAQEASABIAAD/2wBDAP//////////////////////////////////////////////////////////////////////////////////////wgALCAABAAEBAREA/8QAFBABAAAAAAAAAAAAAAAAAAAAAP/aAAgBAQABPxA=',
  'base64',
)

let browser: Browser
let rig: PageRig
beforeAll(async () => {
  browser = await startChromium()
  rig = await createPageRig({
    status: async () => ({
      name: HOSTILE,
      headline: 'Recording. All is well.',
      level: 'good',
      lines: [{ label: 'Disk', text: '41.2 GB free', level: 'good' }],
    }),
    still: async () => JPEG,
    async *news(signal) {
      while (!signal.aborted) {
        yield MOVING
        await new Promise((resolve) => setTimeout(resolve, 50))
      }
    },
  })
})
afterAll(async () => {
  await browser.close()
  await rig[Symbol.asyncDispose]()
})

async function visit(options: { width: number; height: number; colorScheme: 'light' | 'dark' }): Promise<Page> {
  const { colorScheme, ...viewport } = options
  const context = await browser.newContext({ viewport, colorScheme, reducedMotion: 'reduce' })
  const page = await context.newPage()
  page.on('dialog', () => expect.unreachable('no script of a name may run'))
  return page
}

const zonesOf = () =>
  (parse(rig.text) as { motion: { zones: Record<string, { kind: string; points: number[][] }> } }).motion.zones

test('a wrong code is refused in words; the right one opens, by keyboard, and what moves is framed', async () => {
  const page = await visit({ width: 390, height: 844, colorScheme: 'dark' })
  await page.goto(rig.origin)
  await page.fill('#code', 'AAAA-AAAA')
  await page.keyboard.press('Enter')
  await page.getByText('That is not the code').waitFor()
  expect(await axeFindings(page)).toEqual([])
  await page.fill('#code', rig.code())
  await page.keyboard.press('Enter')
  await page.locator('#overlay .motion').waitFor({ state: 'attached' })
  await expect
    .poll(() => page.locator('#motion').textContent())
    .toContain(`in ${HOSTILE}: 10.0 % of the picture changed`)
  await expect.poll(() => page.locator('#camera-name').textContent()).toBe(HOSTILE)
  expect(await axeFindings(page)).toEqual([])
  await page.context().close()
})

test('a zone is drawn with the mouse, reviewed and saved; comments stay', async () => {
  const page = await visit({ width: 1280, height: 800, colorScheme: 'light' })
  await page.goto(`${rig.origin}/#${rig.code()}`)
  await page.locator('#app').waitFor()
  expect(page.url()).toBe(`${rig.origin}/`)
  await page.click('#add-exclude')
  await page.fill('#region-name', 'waving tree')
  const stage = (await page.locator('#stage').boundingBox())!
  const corner = (await page.locator('.corner').first().boundingBox())!
  await page.mouse.move(corner.x + corner.width / 2, corner.y + corner.height / 2)
  await page.mouse.down()
  await page.mouse.move(stage.x + stage.width * 0.1, stage.y + stage.height * 0.2, { steps: 3 })
  await page.mouse.up()
  expect(await axeFindings(page)).toEqual([])
  await page.click('#review')
  await page.getByText('+     waving tree').waitFor()
  expect(await axeFindings(page)).toEqual([])
  await page.click('#save')
  await page.getByText('Saved and applied').waitFor()
  const { kind, points } = zonesOf()['waving tree']!
  expect(kind).toBe('exclude')
  expect(points[0]![0]).toBeCloseTo(0.1, 1)
  expect(points[0]![1]).toBeCloseTo(0.2, 1)
  for (const comment of ['# The doorbell of the Example family', '# the street is busy', '# where visitors stand'])
    expect(rig.text).toContain(comment)
  await page.context().close()
})

test('a zone is drawn by the keyboard alone, at 320 px and 200 % text, without sideways scrolling', async () => {
  const page = await visit({ width: 320, height: 640, colorScheme: 'light' })
  await page.goto(`${rig.origin}/#${rig.code()}`)
  await page.locator('#app').waitFor()
  await page.evaluate("document.documentElement.style.fontSize = '200%'")
  await page.locator('#add-include').focus()
  await page.keyboard.press('Enter')
  const before = await page.locator('.corner').first().getAttribute('aria-label')
  for (const key of ['ArrowLeft', 'Shift+ArrowUp', '+']) await page.keyboard.press(key)
  expect(before).not.toBe(await page.locator('.corner').first().getAttribute('aria-label'))
  await expect.poll(() => page.locator('.corner').count()).toBe(5)
  await page.keyboard.press('Delete')
  await expect.poll(() => page.locator('.corner').count()).toBe(4)
  await page.locator('#done').focus()
  await page.keyboard.press('Enter')
  expect(await page.evaluate('document.activeElement.id')).toBe('review')
  await page.keyboard.press('Enter')
  await page.locator('#preview').waitFor()
  const wide = `[...document.querySelectorAll('body *')].filter((e) => e.getBoundingClientRect().right > innerWidth + 1 && !e.closest('pre, svg, .corner')).map((e) => e.tagName + '#' + e.id)`
  expect(await page.evaluate(wide)).toEqual([])
  await page.locator('#save').focus()
  await page.keyboard.press('Enter')
  await page.getByText('Saved and applied').waitFor()
  expect(Object.keys(zonesOf())).toContain('zone 1')
  await page.context().close()
})
