import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { type Browser, chromium, type Page } from 'playwright-core'

/** Debian's Chromium without what it would otherwise ask of the outside. */
const QUIET = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

/** A browser with its windows: what asks for a camera, for notifications or for pushed messages. */
export const WHOLE_CHROMIUM = '/usr/bin/chromium'
/** The same engine without windows, which nobody sees here: a fifth less time for every page. */
const CHROMIUM = '/usr/bin/chromium-headless-shell'

/** Of the narrowest phones, CSS pixels. */
const NARROW_PX = 320

/** Starts a browser; close it. `program`: something that becomes one. `more`: arguments of this browser alone. */
export function startChromium(program = CHROMIUM, more: readonly string[] = []): Promise<Browser> {
  return chromium.launch({ executablePath: program, args: [...QUIET, ...more] })
}

/** What axe finds wrong with the page as it stands, WCAG 2.2 A and AA: `rule: element`, empty when nothing. */
export async function axeFindings(page: Page): Promise<string[]> {
  const source = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
  // By the debugger, as the page's own policy lets no script in.
  await page.evaluate(source)
  const found = await page.evaluate(async () => {
    const { axe } = globalThis as unknown as {
      axe: { run(options: object): Promise<{ violations: { id: string; nodes: { html: string }[] }[] }> }
    }
    const values = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']
    return (await axe.run({ runOnly: { type: 'tag', values } })).violations
  })
  return found.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html}`))
}

/** On a phone of the narrowest kind, with text of twice the size: what stands outside of it. @see WCAG 1.4.4, 1.4.10 */
async function widthFindings(page: Page): Promise<string[]> {
  const before = page.viewportSize()!
  await page.setViewportSize({ width: NARROW_PX, height: 640 })
  const found = await page.evaluate<string[], number>((width) => {
    interface Part {
      readonly tagName: string
      readonly textContent: string
      readonly scrollWidth: number
      readonly style: { fontSize: string }
      getBoundingClientRect(): { right: number }
      querySelectorAll(selector: string): Iterable<Part>
    }
    const { documentElement } = (globalThis as unknown as { document: { documentElement: Part } }).document
    documentElement.style.fontSize = '200%'
    const isWide = documentElement.scrollWidth > width
    const parts = [...documentElement.querySelectorAll('main *')]
    const wide = parts.filter((part) => part.getBoundingClientRect().right > width + 1)
    documentElement.style.fontSize = ''
    return isWide ? ['the page', ...wide.map((part) => `${part.tagName} ${part.textContent.slice(0, 60)}`)] : []
  }, NARROW_PX)
  await page.setViewportSize(before)
  return found.map((part) => `wider than ${NARROW_PX} px at 200 %: ${part}`)
}

/** What is wrong with a screen as it stands: axe's findings, and what a narrow one with large text cannot hold. */
export async function screenFindings(page: Page): Promise<string[]> {
  return [...(await axeFindings(page)), ...(await widthFindings(page))]
}
