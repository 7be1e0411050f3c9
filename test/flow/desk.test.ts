/** An investigator at the desk, in a real browser against a real relay: keys, asking within limits, receiving, proving. */
import { execFileSync } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import {
  type ClipRequest,
  clipRequest,
  consentList,
  digestOfJws,
  encodeIdentity,
  findTemplate,
  type OwnerDetails,
  parseIdentityFile,
  policy as policyValidator,
  policyList,
  type Problem,
  sharedOn,
} from '@latchkey/shared'
import type { Locator, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { screenFindings } from '../support/chromium.ts'
import { latchkey } from '../support/command-line.ts'
import {
  type ChosenFile,
  createDeskRig,
  createKeyFiles,
  DESK_ZONE,
  type DeskRig,
  drawItems,
} from '../support/desk-rig.ts'
import { press, reach, write } from '../support/keyboard.ts'
import { createLiar, type Liar } from '../support/liar.ts'
import { eventually } from '../support/poll.ts'
import {
  acceptedRequest,
  codeOf,
  consentPlan,
  draftOutcome,
  draftRequest,
  enrolDevice,
  enrolHousehold,
  expectStatus,
  type Investigator,
  postConsent,
  postOutcome,
  postRequest,
  signConsent,
  uploadClip,
} from '../support/relay-world.ts'
import { createTemporaryFolder } from '../support/temporary-folder.ts'

const MINUTE_MS = 60_000
/** Above what every other test here asks, below what anybody waits for. */
const AGENCY_LIMIT = 12

let rig: DeskRig
let folder: Awaited<ReturnType<typeof createTemporaryFolder>>
let investigator: Investigator
let files: readonly ChosenFile[]
let page: Page

beforeAll(async () => {
  folder = await createTemporaryFolder()
  rig = await createDeskRig({
    policy: { agencyLimits: { perDay: AGENCY_LIMIT, per30Days: AGENCY_LIMIT, open: AGENCY_LIMIT } },
  })
  const made = await createKeyFiles(rig.world)
  investigator = made.investigator
  files = Object.values(made.files)
  page = (await rig.desk()).page
}, 120_000)
afterAll(async () => {
  await rig[Symbol.asyncDispose]()
  await folder[Symbol.asyncDispose]()
  expect(rig.complaints).toEqual([])
})

const button = (name: string | RegExp): Locator => page.getByRole('button', { name, exact: typeof name === 'string' })
const heading = (name: string): Locator => page.getByRole('heading', { name, exact: true })
const field = (label: string): Locator => page.getByLabel(label, { exact: true })
const go = (name: string): Promise<unknown> => page.getByRole('link', { name, exact: true }).click()

/** `YYYY-MM-DDTHH:MM` of the desk's computer. */
const localText = (ms: number): string =>
  new Intl.DateTimeFormat('sv-SE', { timeZone: DESK_ZONE, dateStyle: 'short', timeStyle: 'short' })
    .format(ms)
    .replace(' ', 'T')

/** Whole minutes, as the fields take them. */
const minutesAgo = (minutes: number): number => (Math.floor(Date.now() / MINUTE_MS) - minutes) * MINUTE_MS

type Area = ClipRequest['authorization_details'][0]['area']

/** A square of about this width in the middle of the city. */
function square(widthM: number): Area {
  const [lat, lon] = [37_776_000, -122_418_000]
  const [dLat, dLon] = [Math.round(widthM / 2 / 0.1112), Math.round(widthM / 2 / 0.0879)]
  return [
    [lat - dLat, lon - dLon],
    [lat - dLat, lon + dLon],
    [lat + dLat, lon + dLon],
    [lat + dLat, lon - dLon],
  ]
}
const cornersText = (area: Area): string => area.map(([lat, lon]) => `${lat / 1e6}, ${lon / 1e6}`).join('\n')

describe('set-up', () => {
  test('keys are made here, the evidence key is saved and read back, the agency certifies them, and they stay', async () => {
    const { page: fresh, context } = await rig.desk()
    await fresh.goto(`${rig.deskOrigin}/#relay=${encodeURIComponent(rig.world.relay.publicOrigin)}`)
    await fresh.getByRole('button', { name: 'Make my keys' }).waitFor()
    expect(await screenFindings(fresh)).toEqual([])
    await press(fresh.getByRole('button', { name: 'Make my keys' }))
    await fresh.getByRole('heading', { name: 'Save your evidence key' }).waitFor()
    expect(await screenFindings(fresh)).toEqual([])

    const [saving] = await Promise.all([
      fresh.waitForEvent('download'),
      press(fresh.getByRole('link', { name: 'Save the evidence key' })),
    ])
    const keyFile = join(folder.path, saving.suggestedFilename())
    await saving.saveAs(keyFile)
    const identity = parseIdentityFile(await readFile(keyFile, 'utf8'))
    // The stock program reads it.
    expect(execFileSync('age-keygen', ['-y', keyFile], { encoding: 'utf8' }).trim()).toBe(identity.recipient)
    await fresh.getByLabel('Then choose the file you saved').setInputFiles([files[1]!])
    await fresh.getByText('That is not the file that was saved just now.').waitFor()
    await fresh.getByLabel('Then choose the file you saved').setInputFiles(keyFile)

    await fresh.getByRole('heading', { name: 'Ask your agency to certify you' }).waitFor()
    // It may take days: the keys are kept.
    await fresh.reload()
    const saveEnrolment = fresh.getByRole('link', { name: 'Save enrolment.json' })
    await saveEnrolment.waitFor()
    expect(await screenFindings(fresh)).toEqual([])
    const [enrolling] = await Promise.all([fresh.waitForEvent('download'), press(saveEnrolment)])
    await enrolling.saveAs(join(folder.path, 'enrolment.json'))
    await fresh.getByLabel('Choose certificate.jws').setInputFiles([files[2]!])
    await fresh.getByText('The certificate is for other keys than these.').waitFor()
    const uri = 'https://sheriff.example.gov'
    expect((await latchkey(['keygen', 'agency', '--uri', uri, '--out', 'agency'], folder.path)).status).toBe(0)
    const certify = ['certify', 'enrolment.json', '--agency', 'agency', '--name', 'B. Example', '--role', 'Deputy']
    expect((await latchkey([...certify, '--out', 'certificate.jws'], folder.path)).status).toBe(0)
    await fresh.getByLabel('Choose certificate.jws').setInputFiles(join(folder.path, 'certificate.jws'))

    await fresh.getByRole('heading', { name: 'Ask', exact: true }).waitFor()
    const json = JSON.parse(await readFile(join(folder.path, 'agency/agency-public.jwk'), 'utf8')) as object
    const enrolment = { uri, name: 'Example Sheriff', kind: 'sheriff', status: 'active', keys: [json] }
    await expectStatus(await rig.world.operator.send('POST', '/v1/agencies', { json: enrolment }), 201)
    await fresh.getByRole('link', { name: 'You', exact: true }).click()
    await fresh.getByText('B. Example, Deputy').waitFor()
    await fresh.getByText('Example Sheriff. Takes part.').waitFor()
    expect(await screenFindings(fresh)).toEqual([])
    // No script of the page can copy them out, and nothing of the file's secret stays.
    const kept = await fresh.evaluate<{ extractable: boolean[]; text: string }>(`new Promise((resolve) => {
      const opening = indexedDB.open('latchkey')
      opening.onsuccess = () => {
        const reading = opening.result.transaction('records').objectStore('records').getAll()
        reading.onsuccess = () => {
          const { signing, opening: sealing } = reading.result.find((record) => record.keys).keys
          const extractable = [signing.privateKey, sealing.privateKey].map((key) => key.extractable)
          resolve({ extractable, text: JSON.stringify(reading.result) })
        }
      }
    })`)
    expect(kept.extractable).toEqual([false, false])
    expect(kept.text).not.toContain(encodeIdentity(identity))
    await context.close()
  })

  test('key files of the command line are taken together, in any order, and what is missing is named', async () => {
    await page.goto(`${rig.deskOrigin}/#relay=${encodeURIComponent(rig.world.relay.publicOrigin)}`)
    await press(button('I have key files'))
    await field('Choose the files').setInputFiles([files[0]!])
    await page
      .getByText('Still missing: the evidence key (requester.key), the certificate (certificate.jws).')
      .waitFor()
    expect(await screenFindings(page)).toEqual([])
    await field('Choose the files').setInputFiles(files.toReversed())
    await heading('Ask').waitFor()
  })
})

/** Everything that policy wants, in the order of the form. */
async function fillDraft(change: Partial<Record<'caseNumber' | 'contact', string>> = {}): Promise<void> {
  await field('Case number').fill(change.caseNumber ?? '26-4711')
  await field('Kind of incident').selectOption('burglary')
  await field('Your own words to the people who live there').fill('A burglary at about noon.')
  await field('Corners, one on each line: latitude, longitude').fill(cornersText(square(400)))
  await field('From').fill(localText(minutesAgo(70)))
  await field('To').fill(localText(minutesAgo(10)))
  await field('Days').fill('30')
  await field('Contact').fill(change.contact ?? 'Desk B, +1 555 0100')
}

/** Codes of what would be refused, as the page says now. */
const saidCodes = (): Promise<string[]> => page.locator('.findings .code').allTextContents()

describe('asking', () => {
  test('by keyboard alone: what is read is what is signed and what everybody can fetch', async () => {
    await heading('Ask').waitFor()
    await expect.poll(saidCodes).toContain('FIELD_MISSING')
    expect(await screenFindings(page)).toEqual([])
    await write(field('Case number'), 'N/A')
    await page.getByText('A real case number is needed, not a placeholder. (CASE_NUMBER_INVALID)').waitFor()
    await write(field('Case number'), '26-0815')
    await reach(field('Kind of incident'))
    await page.keyboard.type('A parcel')
    const own = field('Your own words to the people who live there')
    await expect.poll(() => own.inputValue()).toBe(findTemplate('general-1')!.text)
    await reach(field('Public template'))
    await page.keyboard.type('Parcel')
    // Nobody wrote anything yet: the words follow the template.
    await expect.poll(() => own.inputValue()).toBe(findTemplate('parcel-theft-1')!.text)
    await page.getByText('Nothing: these are the words of the template.').waitFor()
    await reach(own)
    await page.keyboard.press('ControlOrMeta+End')
    await page.keyboard.type(' A parcel was taken from a doorstep.')
    const added = () => page.locator('.changes ins').allTextContents()
    await expect.poll(added).toEqual(['Added: A parcel was taken from a doorstep.'])
    // Words of one's own stay when another template is chosen, and are compared with that.
    await field('Public template').selectOption('burglary-1')
    await page.locator('.changes del').first().waitFor()
    await field('Public template').selectOption('parcel-theft-1')
    await expect.poll(() => page.locator('.changes del').count()).toBe(0)
    expect(await own.inputValue()).toContain('doorstep')
    await write(field('Middle of the area'), '37.7760, -122.4180')
    await press(button('Draw a block'))
    const corner = page.getByRole('button', { name: /^Corner 1:/ })
    const before = await corner.getAttribute('aria-label')
    await reach(corner)
    for (let i = 0; i < 3; i++) await page.keyboard.press('ArrowDown')
    await page.keyboard.press('Shift+ArrowLeft')
    await expect.poll(() => corner.getAttribute('aria-label')).not.toBe(before)
    await press(button('Add a corner after corner 1'))
    await expect.poll(() => page.getByRole('button', { name: /^Corner \d:/ }).count()).toBe(5)
    const [startMs, endMs] = [minutesAgo(50), minutesAgo(20)]
    await field('From').fill(localText(startMs))
    await field('To').fill(localText(endMs))
    const utc = (ms: number) => `${new Date(ms).toISOString().slice(0, 16).replace('T', ' ')} UTC`
    await page.getByText(`${utc(startMs)} to ${utc(endMs)}`).waitFor()
    await write(field('Contact'), 'Desk B, +1 555 0100')
    await page.getByText('Nothing. It would be published.').waitFor()
    expect(await screenFindings(page)).toEqual([])
    // Nothing is lost when the page is closed in the middle of it.
    await page.reload()
    await page.getByText('Nothing. It would be published.').waitFor()
    await press(button('Read what will be public'))
    await heading('This will be public').waitFor()
    expect(await screenFindings(page)).toEqual([])
    await expect.poll(added).toEqual(['Added: A parcel was taken from a doorstep.'])
    const shown = JSON.parse((await page.locator('pre.exact').textContent())!) as ClipRequest
    await press(button('Sign and publish'))
    await heading('Published').waitFor()
    await page.getByText('The proof that came with it fits the log’s key.').waitFor()
    expect(await screenFindings(page)).toEqual([])
    const { requests } = (await expectStatus(
      await rig.world.anyone.send('GET', '/v1/cells/9q8yy/requests', { headers: { 'cache-control': 'no-cache' } }),
      200,
    )) as { requests: { request: string }[] }
    expect(requests.map(({ request }) => clipRequest.parse(request).payload)).toContainEqual(shown)
    expect(shown.authorization_details[0]!.window).toEqual({ startMs, endMs })
    expect(shown.authorization_details[0]!.area).toHaveLength(5)
  })

  test('corners follow the mouse, and the list says where they went', async () => {
    await press(button('Ask something else'))
    await heading('Ask').waitFor()
    await field('Corners, one on each line: latitude, longitude').fill(cornersText(square(400)))
    const corner = page.getByRole('button', { name: /^Corner 3:/ })
    await corner.scrollIntoViewIfNeeded()
    const box = (await corner.locator('.dot').boundingBox())!
    const [x, y] = [box.x + box.width / 2, box.y + box.height / 2]
    await page.mouse.move(x, y)
    await page.mouse.down()
    await page.mouse.move(x - 40, y + 20, { steps: 4 })
    await page.mouse.up()
    const lines = (await field('Corners, one on each line: latitude, longitude').inputValue()).split('\n')
    const [lat, lon] = lines[2]!.split(', ').map((text) => Number(text) * 1e6) as [number, number]
    const [wasLat, wasLon] = square(400)[2]!
    expect(lat).toBeLessThan(wasLat - 100)
    expect(lon).toBeLessThan(wasLon - 100)
    expect(lines.toSpliced(2, 1)).toHaveLength(3)
  })
})

interface LimitRow {
  readonly name: string
  readonly code: string
  readonly text?: Partial<Record<'caseNumber' | 'contact' | 'reason', string>>
  readonly area?: Area
  /** Minutes ago. */
  readonly window?: readonly [from: number, to: number]
  readonly incidentType?: string
}

const crossed = (area: Area): Area => [area[0]!, area[2]!, area[1]!, area[3]!]

const LIMITS: readonly LimitRow[] = [
  { name: 'no case number', code: 'FIELD_MISSING', text: { caseNumber: '' } },
  { name: 'no contact', code: 'FIELD_MISSING', text: { contact: '' } },
  { name: 'no words', code: 'FIELD_MISSING', text: { reason: '' } },
  { name: 'no kind of incident', code: 'FIELD_MISSING', incidentType: '' },
  { name: 'N/A as case number', code: 'CASE_NUMBER_INVALID', text: { caseNumber: 'N/A' } },
  { name: 'TBD as case number', code: 'CASE_NUMBER_INVALID', text: { caseNumber: 'TBD' } },
  { name: '000 as case number', code: 'CASE_NUMBER_INVALID', text: { caseNumber: '000' } },
  { name: 'an area under 0.065 km²', code: 'AREA_TOO_SMALL', area: square(250) },
  { name: 'an area over 1.295 km²', code: 'AREA_TOO_LARGE', area: square(1_145) },
  { name: 'an area that crosses itself', code: 'AREA_INVALID', area: crossed(square(400)) },
  { name: 'a window under 15 minutes', code: 'WINDOW_TOO_SHORT', window: [30, 16] },
  { name: 'a window over 12 hours', code: 'WINDOW_TOO_LONG', window: [12 * 60 + 11, 10] },
  { name: 'over 4 km²·h', code: 'AREA_TIME_BUDGET', area: square(1_000), window: [5 * 60, 10] },
  { name: 'a window that ends in the future', code: 'WINDOW_IN_FUTURE', window: [30, -30] },
  { name: 'a window of over 30 days ago', code: 'WINDOW_TOO_OLD', window: [31 * 24 * 60, 31 * 24 * 60 - 60] },
  ...['protest', 'immigration', 'general-intelligence', 'sting'].map((incidentType) => ({
    name: `the purpose “${incidentType}”`,
    code: 'PURPOSE_REFUSED',
    incidentType,
  })),
]

/** The row as a payload. */
function payloadOf({ text, area, window, incidentType }: LimitRow): ClipRequest {
  const draft = draftRequest(rig.world, investigator)
  const [from, to] = window ?? [70, 10]
  const asked = {
    ...draft.authorization_details[0]!,
    area: area ?? square(400),
    window: { startMs: minutesAgo(from), endMs: minutesAgo(to) },
  }
  const latchkeyPart = { ...draft.latchkey, ...text, ...(incidentType === undefined ? {} : { incidentType }) }
  return { ...draft, authorization_details: [asked], latchkey: latchkeyPart }
}

/** What the command line says of it, offline. */
async function checkedOffline(payload: ClipRequest, name: string): Promise<string[]> {
  const path = `draft-${name.replaceAll(/\W+/g, '-')}.json`
  await writeFile(join(folder.path, path), JSON.stringify(payload))
  const { stderr } = await latchkey(['check-request', path, '--policy', 'policy.json'], folder.path)
  return stderr
    .split('\n')
    .filter(Boolean)
    .map((line) => line.split(' ')[0]!)
}

/** What the relay answers. */
async function refusedBy(payload: ClipRequest): Promise<string[]> {
  const response = await postRequest(investigator, payload)
  const problem = (await response.json()) as Problem
  return [problem.code, ...(problem.findings ?? []).slice(1).map(({ code }) => code)]
}

async function writeRow({ text = {}, area, window = [70, 10], incidentType }: LimitRow): Promise<void> {
  await fillDraft()
  if (text.caseNumber !== undefined) await field('Case number').fill(text.caseNumber)
  if (text.contact !== undefined) await field('Contact').fill(text.contact)
  if (text.reason !== undefined) await field('Your own words to the people who live there').fill(text.reason)
  if (incidentType !== undefined) await field('Kind of incident').selectOption(incidentType)
  if (area) await field('Corners, one on each line: latitude, longitude').fill(cornersText(area))
  await field('From').fill(localText(minutesAgo(window[0])))
  await field('To').fill(localText(minutesAgo(window[1])))
}

describe('each limit has one code at the desk, at the relay and offline:', () => {
  beforeAll(async () => {
    const policy = await rig.world.anyone.json('GET', '/v1/policy.json', policyValidator)
    await writeFile(join(folder.path, 'policy.json'), JSON.stringify(policy))
    await page.goto(`${rig.deskOrigin}/#/ask`)
    await page.reload()
    await heading('Ask').waitFor()
  })

  test.each(LIMITS)('$name is $code', async (row) => {
    const payload = payloadOf(row)
    const [offline, relay] = await Promise.all([checkedOffline(payload, row.name), refusedBy(payload)])
    expect([offline, relay]).toEqual([[row.code], [row.code]])
    if (row.code === 'PURPOSE_REFUSED') {
      // Here it cannot even be chosen.
      const offered = await field('Kind of incident').locator('option').allTextContents()
      expect(offered).toHaveLength(rig.world.policy.incidentTypes.length + 1)
      expect(await field('Kind of incident').locator(`option[value="${row.incidentType}"]`).count()).toBe(0)
      return
    }
    await writeRow(row)
    await expect.poll(saidCodes).toEqual([row.code])
    expect(await button('Read what will be public').isDisabled()).toBe(true)
  })
})

/** A household nearby whose doorbell recorded six seconds of real video ten minutes ago. */
async function recordedHousehold() {
  const household = await enrolHousehold(rig.world)
  const device = await enrolDevice(rig.world, household)
  const plaintexts = drawItems(folder.path, 3)
  return { household, device, clip: await uploadClip(rig.world, { household, device }, { plaintexts }) }
}

/** Its owner says yes; resolves when the investigator can see it. */
async function given(request: Awaited<ReturnType<typeof acceptedRequest>>, disclosure: OwnerDetails | null = null) {
  const subject = { ...(await recordedHousehold()), investigator, request }
  const plan = consentPlan(rig.world, subject, { disclosure })
  const submission = await signConsent(subject, plan)
  await expectStatus(await postConsent(subject.household.owner, submission), 201)
  const digest = digestOfJws(submission.consent)
  await eventually(async () => {
    const inbox = await expectStatus(await investigator.client.send('GET', '/v1/releases'), 200)
    return (inbox['releases'] as { consent: string }[]).some(({ consent }) => digestOfJws(consent) === digest)
  }, 'the consent to be logged')
  return { ...subject, digest }
}

const inboxOf = async (): Promise<{ headers: [string, string][]; body: string }> => {
  const answer = await investigator.client.send('GET', '/v1/releases')
  const own = new Set(['date', 'dpop-nonce', 'x-request-id'])
  return { headers: [...answer.headers].filter(([name]) => !own.has(name)), body: await answer.text() }
}

describe('what was asked', () => {
  test('ten silent owners with recordings, and none, are the same inbox, to the byte', async () => {
    await acceptedRequest(rig.world, investigator)
    const nobody = await inboxOf()
    await Promise.all(Array.from({ length: 10 }, recordedHousehold))
    await acceptedRequest(rig.world, investigator)
    expect(await inboxOf()).toEqual(nobody)
  })

  test('is listed with its words and its end, and says nothing about anybody who lives there', async () => {
    await go('Requests')
    await heading('Case 26-0815').waitFor()
    await page.getByText(/^Open until /).waitFor()
    await page.getByText(/Entry \d+ of the public log/).waitFor()
    await page.getByText('The public text').click()
    await page.locator('blockquote', { hasText: 'A parcel was taken from a doorstep.' }).waitFor()
    expect(await screenFindings(page)).toEqual([])
    await page.locator('summary', { hasText: 'Report what came of it' }).click()
    expect(await button('Sign the report').isDisabled()).toBe(true)
    await page.getByLabel('No recordings came.').check()
    expect(await screenFindings(page)).toEqual([])
    await press(button('Sign the report'))
    await page.getByText('Reported: No recordings came.').waitFor()
    await page.reload()
    await page.getByText('Reported: No recordings came.').waitFor()
    const [shown] = await page.getByText(/^http.*\/v1\/requests\//).allTextContents()
    const other = draftOutcome(rig.world, investigator, shown!.slice(shown!.lastIndexOf('/') + 1))
    expect(await codeOf(postOutcome(investigator, other))).toBe('CONFLICT')
    await press(button('Ask again with other minutes or another area'))
    await heading('Ask').waitFor()
    expect(await field('Case number').inputValue()).toBe('26-0815')
    expect(await field('From').inputValue()).toBe('')
  })
})

/** Saves the file behind a link. */
async function saved(name: RegExp | string): Promise<string> {
  const link = page.getByRole('link', { name })
  const [saving] = await Promise.all([page.waitForEvent('download'), press(link)])
  const path = join(folder.path, saving.suggestedFilename())
  await saving.saveAs(path)
  return path
}

describe('what was given', () => {
  let givenBefore: Awaited<ReturnType<typeof given>> | null = null

  test('is fetched once however often the line breaks, opens with the key that stays here, plays, and is proved', async () => {
    const request = await acceptedRequest(rig.world, investigator)
    givenBefore = await given(request, { name: 'Ada Owner' })
    const { digest, clip } = givenBefore
    await go('Received')
    const card = page.getByRole('listitem').filter({ hasText: 'Given for the investigation of this case.' })
    await card.getByText('0 of 3 downloads taken.').waitFor()
    expect(await screenFindings(page)).toEqual([])
    // The first answer ends in the middle, as on a line that breaks.
    let asked = 0
    const ranges: (string | undefined)[] = []
    await page.route(/\/v1\/downloads\/[^/]+\/bundle\.zip$/, async (route) => {
      ranges.push(route.request().headers()['range'])
      if (asked++ > 0) return route.continue()
      const whole = await route.fetch()
      const body = (await whole.body()).subarray(0, 9_000)
      const size = String((await whole.body()).length)
      const headers = { ...whole.headers(), 'content-range': `bytes 0-8999/${size}`, 'content-length': '9000' }
      return route.fulfill({ status: 206, headers, body })
    })
    await press(card.getByRole('button', { name: 'Download' }))
    await page.getByText('The connection broke. What came is kept.').waitFor()
    await press(card.getByRole('button', { name: 'Go on with the download' }))
    await press(card.getByRole('button', { name: 'Open and check' }))
    await page.unroute(/\/v1\/downloads\/[^/]+\/bundle\.zip$/)
    expect(ranges).toEqual([undefined, 'bytes=9000-'])
    const { releases } = (await expectStatus(await investigator.client.send('GET', '/v1/releases'), 200)) as {
      releases: { consent: string; downloads: number }[]
    }
    expect(releases.find(({ consent }) => digestOfJws(consent) === digest)?.downloads).toBe(1)

    await heading('Evidence').waitFor()
    await page.getByText('Every check that applies passed.').waitFor()
    expect(await page.locator('.checks li').count()).toBe(15)
    expect(await page.locator('.checks .bad').count()).toBe(0)
    await page.getByText('The truth of the scene', { exact: false }).waitFor()
    await page.getByText('No trust file is loaded', { exact: false }).waitFor()
    await page.getByText('Ada Owner').waitFor()
    const video = page.locator('video')
    await expect
      .poll(() => video.evaluate((it) => Math.round((it as unknown as { duration: number }).duration)))
      .toBe(6)
    expect(await screenFindings(page)).toEqual([])

    // What is saved is what was recorded, and the stock programs say so too.
    const original = await readFile(await saved(/^Save original\.mp4/))
    expect(original).toEqual(Buffer.concat(clip.plaintexts.slice(0, 4)))
    for (const name of ['item-keys.json', 'import.csv', 'certification-draft.txt', 'owner-details.json'])
      await saved(new RegExp(`^Save ${name}`))
    const sums = await saved(/^Save SHA256SUMS/)
    expect(execFileSync('sha256sum', ['-c', '--quiet', sums], { cwd: folder.path, encoding: 'utf8' })).toBe('')
    const bundle = await saved('Save bundle.zip')
    expect(
      (await latchkey(['trust', '--from', rig.world.relay.publicOrigin, '--out', 'trust.json'], folder.path)).status,
    ).toBe(0)
    const verified = await latchkey(['verify', bundle, '--trust', 'trust.json'], folder.path)
    expect([verified.status, verified.stderr]).toEqual([0, ''])

    await press(button('Sign the receipt'))
    await page.getByText('Signed, and with the relay.').waitFor()
    expect(request.digest).toBeTruthy()
  })

  test('is said to have gone on, to whom and why, also against the consent; the household reads it, and a dead line loses nothing', async () => {
    await press(page.locator('summary', { hasText: 'Say who got it next' }))
    expect(await button('Sign the entry').isDisabled()).toBe(true)
    await field('Who received it').selectOption('state-or-federal-agency')
    await field('Its name').fill('State Bureau of Investigation')
    await page.getByLabel('For what the owner allowed.', { exact: false }).check()
    await field('Why').fill('They asked\nfor it.')
    await expect.poll(() => page.getByRole('alert').count()).toBe(0)
    await page.getByLabel('For something else').check()
    await page.getByText('Say it nevertheless', { exact: false }).waitFor()
    expect(await screenFindings(page)).toEqual([])
    const route = /\/v1\/shared-on$/
    await page.route(route, (call) => call.abort())
    await press(button('Sign the entry'))
    await page.getByText('Signed, but the relay does not have it yet.').waitFor()
    await page.unroute(route)
    await press(button('Send it again'))
    await expect.poll(() => page.getByText('Signed, but the relay does not have it yet.').count()).toBe(0)
    const entry = page.getByRole('listitem').filter({ hasText: 'To State Bureau of Investigation' })
    await entry.getByText('the owner allowed it for another purpose', { exact: false }).waitFor()
    expect(await screenFindings(page)).toEqual([])
    const { consents } = await givenBefore!.household.owner.client.json('GET', '/v1/consents', consentList)
    const told = consents[0]!.releases[0]!.sharedOn.map((one) => sharedOn.parse(one.sharedOn).payload.latchkey)
    const receiver = { kind: 'state-or-federal-agency', name: 'State Bureau of Investigation' }
    expect(told).toMatchObject([{ receiver, purpose: 'other', reason: 'They asked for it.' }])
  })

  test('is a report on paper: still pictures, times, keys, checks and the chain of custody', async () => {
    await press(button('A report to print'))
    await page.getByRole('heading', { name: /^Report on the evidence of case / }).waitFor()
    const stills = page.locator('.stills img')
    await expect.poll(() => stills.count()).toBe(4)
    for (const still of await stills.all())
      await expect
        .poll(() => still.evaluate((it) => (it as unknown as { naturalWidth: number }).naturalWidth))
        .toBe(320)
    await page.getByText('The relay released it', { exact: true }).waitFor()
    await page.getByText(/^The investigator passed it on to State Bureau of Investigation/).waitFor()
    await expect.poll(() => page.locator('.checks li').count()).toBe(15)
    expect(await screenFindings(page)).toEqual([])
    const pdf = (await page.pdf({ format: 'A4' })).toString('latin1')
    expect(pdf.startsWith('%PDF-')).toBe(true)
    expect(pdf.match(/\/Type\s*\/Page\b/g)!.length).toBeGreaterThanOrEqual(2)
    await press(button('Back'))
  })

  test('is checked against a trust file once one is loaded', async () => {
    await go('You')
    await field('Choose a trust file').setInputFiles([files[0]!])
    await page.getByText('This is not a trust file. (TRUST_INVALID)').waitFor()
    await field('Choose a trust file').setInputFiles(join(folder.path, 'trust.json'))
    await page.getByText(/^Your trust file counts: 1 log, \d agenc/).waitFor()
    await go('Received')
    await press(button('Open and check'))
    await page.getByText('Checked against your trust file.').waitFor()
    await page.getByText('Every check that applies passed.').waitFor()
  })

  test('is checked by one file from a disk, by anybody, without a network', async () => {
    const verifier = await saved('Save the verifier')
    const { page: apart, context } = await rig.desk()
    await context.setOffline(true)
    await apart.goto(`file://${verifier}`)
    const check = apart.getByRole('button', { name: 'Check it' })
    const choose = (label: string, file: string) => apart.getByLabel(label).setInputFiles(join(folder.path, file))
    expect(await check.isDisabled()).toBe(true)
    await writeFile(join(folder.path, 'requester.key'), files[1]!.buffer)
    await choose('The bundle', 'bundle.zip')
    await choose('Whom you believe', 'trust.json')
    await choose('The evidence key, if you have it', 'requester.key')
    await apart.getByText('Chosen: requester.key').waitFor()
    await press(check)
    await apart.getByText('Every check that applies passed.').waitFor()
    await expect.poll(() => apart.locator('.checks .good.mark').count()).toBe(15)
    expect(await screenFindings(apart)).toEqual([])
    const whole = await readFile(join(folder.path, 'bundle.zip'))
    await writeFile(join(folder.path, 'flipped.zip'), whole.with(whole.length - 9_000, whole.at(-9_000)! ^ 1))
    await choose('The bundle', 'flipped.zip')
    await apart.getByText('Chosen: flipped.zip').waitFor()
    await press(check)
    await apart.getByText('Not every check passed.', { exact: false }).waitFor()
    await apart
      .getByText(/data\/media\/.*\.age/)
      .first()
      .waitFor()
    await context.close()
  })

  test('a bundle that somebody changed in this browser is not opened, and the check that fails is named', async () => {
    await page.evaluate(`new Promise((resolve) => {
      const opening = indexedDB.open('latchkey')
      opening.onsuccess = () => {
        const store = opening.result.transaction('records', 'readwrite').objectStore('records')
        const reading = store.openCursor(IDBKeyRange.bound('bundle/', 'bundle0'))
        reading.onsuccess = () => {
          const cursor = reading.result
          const bytes = cursor.value.slice()
          bytes[bytes.length - 9000] ^= 1
          cursor.update(bytes).onsuccess = resolve
        }
      }
    })`)
    await press(button('All that was received'))
    await press(button('Open and check'))
    await page.getByText('Not every check passed.', { exact: false }).waitFor()
    expect(await page.locator('video').count()).toBe(0)
    await page.locator('.checks .code').first().waitFor()
    await expect.poll(() => page.getByRole('link', { name: /^Save original/ }).count()).toBe(0)
    expect(await screenFindings(page)).toEqual([])
    await press(button('All that was received'))
    await press(button('Remove from this browser'))
    await button('Download').waitFor()
    // A copy that was saved can still go on: what was said of it stays, and more can be said.
    await go('Requests')
    await heading('What was given on requests that are not in this browser').waitFor()
    await page.getByText('To State Bureau of Investigation').waitFor()
    await page.locator('summary', { hasText: 'Say who got it next' }).waitFor()
    expect(await screenFindings(page)).toEqual([])
  })
})

describe('the relay alone counts', () => {
  test('the requests of a case, and says so in words', async () => {
    for (let i = 0; i < rig.world.policy.requestsPerCase; i++) {
      const draft = draftRequest(rig.world, investigator)
      const again = { ...draft, latchkey: { ...draft.latchkey, caseNumber: '26-9000' } }
      await expectStatus(await postRequest(investigator, again), 201)
    }
    await go('Ask')
    await fillDraft({ caseNumber: '26-9000' })
    await press(button('Read what will be public'))
    await press(button('Sign and publish'))
    await page.getByText('This case has used its requests.').waitFor()
    await expect.poll(saidCodes).toEqual(['CASE_LIMIT'])
    expect(await screenFindings(page)).toEqual([])
  })

  test('the requests of an agency, and says when it may ask again', async () => {
    await eventually(async () => {
      const response = await postRequest(investigator, draftRequest(rig.world, investigator))
      return response.status === 429
    }, 'the agency’s limit')
    await press(button('Change something'))
    await fillDraft({ caseNumber: '26-9001' })
    await press(button('Read what will be public'))
    await press(button('Sign and publish'))
    await page.getByText('Your agency has used its requests for now.').waitFor()
    await expect.poll(saidCodes).toEqual(['AGENCY_LIMIT'])
    await page.getByText(/^The relay says: again in 1?\d{3} minutes\.$/).waitFor()
  })
})

describe('what was asked by an agency that stops', () => {
  async function change(status: 'active' | 'suspended' | 'withdrawn'): Promise<void> {
    const { uri, name, signer } = investigator.agency
    const json = { uri, name, kind: 'police', status, keys: [signer.jwk] }
    await expectStatus(await rig.world.operator.send('POST', '/v1/agencies', { json }), 201)
    await page.reload()
    await heading('Case 26-0815').waitFor()
  }

  test('is said to be shown to nobody while it is suspended, and over once it left, also when it comes back', async () => {
    // Whatever is routed is not taken from the browser's cache, where these lists may lie for a minute.
    await page.route(/\/v1\/(agencies|cells\/)/, (call) => call.continue())
    await go('Requests')
    await page.getByText(/^Open until /).waitFor()
    await change('suspended')
    await page.getByText(/^Not shown to anybody while your agency is suspended\./).waitFor()
    expect(await screenFindings(page)).toEqual([])
    await change('active')
    await page.getByText(/^Open until /).waitFor()
    await change('withdrawn')
    await page.getByText(/^Over: your agency left this relay/).waitFor()
    await change('active')
    await page.getByText(/^Over: your agency left this relay/).waitFor()
    await page.unroute(/\/v1\/(agencies|cells\/)/)
  })
})

describe('rules', () => {
  const POLICIES = /\/v1\/policies$/
  const untrue = 'The rules that the relay tells are not those of its public log'
  const listed = () => rig.world.anyone.json('GET', '/v1/policies', policyList)

  /** The page that asks, opened anew before a relay that lies like this. */
  async function askBefore(lie: (liar: Liar) => Promise<unknown>): Promise<void> {
    await page.unrouteAll()
    await lie(createLiar(page, rig.deskOrigin))
    await page.goto(`${rig.deskOrigin}/#/ask`)
    await page.reload()
  }

  test.each<[string, (liar: Liar) => Promise<unknown>]>([
    [
      'are not what the log names',
      (liar) => liar.change(/\/v1\/policies\/[\w-]{43}$/, policyValidator, (said) => ({ ...said, requestsPerCase: 9 })),
    ],
    [
      'stand elsewhere in the log',
      (liar) =>
        liar.change(POLICIES, policyList, ({ policies, ...said }) => ({
          ...said,
          policies: policies.map((one) => ({ ...one, index: one.index + 1 })),
        })),
    ],
    [
      'stand there since another hour',
      (liar) =>
        liar.change(POLICIES, policyList, ({ policies, ...said }) => ({
          ...said,
          policies: policies.map((one) => ({ ...one, hour: one.hour - 1 })),
        })),
    ],
  ])('that %s are not written by, and that is said', async (_, lie) => {
    await askBefore(lie)
    await page.getByText(untrue).waitFor()
    await expect.poll(() => page.getByLabel('Case number', { exact: true }).count()).toBe(0)
    expect(await screenFindings(page)).toEqual([])
  })

  test('that are only announced are not written by, and an entry that was seen cannot be hidden', async () => {
    const before = await listed()
    const { policy } = rig.world
    await rig.world.restart({ ...policy, incidentTypes: [...policy.incidentTypes, 'graffiti'] })
    // Its word that they count is not believed.
    await askBefore((liar) =>
      liar.change(POLICIES, policyList, (said) => ({ ...said, inForce: said.announced!.digest, announced: null })),
    )
    await heading('Ask').waitFor()
    await expect
      .poll(() => field('Kind of incident').locator('option').count())
      .toBe(rig.world.policy.incidentTypes.length + 1)
    await askBefore((liar) => liar.answer(POLICIES, () => ({ json: before })))
    await page.getByText(untrue).waitFor()
  })
})
