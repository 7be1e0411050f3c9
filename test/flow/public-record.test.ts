/** The public record as anybody reads it: pages without scripts, files, and one archive that needs no relay to be judged again. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import {
  digestOfJson,
  encodeBase64,
  findTemplate,
  leafHourStartMs,
  logTrustOf,
  monthEndMs,
  monthOf,
  openCheckpoint,
  parseWith,
  REQUEST_TEMPLATES,
  trust as trustFile,
  type Trust,
} from '@latchkey/shared'
import { createPublicRelay } from '@latchkey/shared/monitor'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createRecordKeeper, type RecordKeeper } from '../../relay/web/public/record.ts'
import type { PageListener } from '../../relay/web/page-listener.ts'
import { serveRecord } from '../../relay/web/public/record-server.ts'
import { screenFindings, startChromium } from '../support/chromium.ts'
import { latchkey } from '../support/command-line.ts'
import { consentLogged, takeDownload } from '../support/given-clip.ts'
import { eventually } from '../support/poll.ts'
import {
  acceptedRequest,
  type Agency,
  certifyInvestigator,
  codeOf,
  createCase,
  draftOutcome,
  draftRequest,
  enrolAgency,
  expectStatus,
  type Investigator,
  postOutcome,
  postRequest,
} from '../support/relay-world.ts'
import { createTemporaryFolder } from '../support/temporary-folder.ts'
import { createTwoFacedRelay, type TwoFacedRelay } from '../support/two-faced-relay.ts'

const HOSTILE = `<script>throw 1</script><img src=x onerror=alert(1)>"'&amp;`
const HOUR_MS = 3_600_000

let stack: AsyncDisposableStack
let relay: TwoFacedRelay
let trust: Trust
let keeper: RecordKeeper
let server: PageListener
let browser: Browser
let reader: BrowserContext
let agency: Agency
let suspended: Agency
let asked: Awaited<ReturnType<typeof acceptedRequest>>[]
let folder: string

const status = async ({ uri, name, signer }: Agency, is: string) =>
  expectStatus(
    await relay.world.operator.send('POST', '/v1/agencies', {
      json: { uri, name, kind: 'police', status: is, keys: [signer.jwk] },
    }),
    201,
  )

async function hostileRequest(investigator: Investigator): Promise<void> {
  const base = draftRequest(relay.world, investigator)
  const words = { reason: HOSTILE, contact: HOSTILE, caseNumber: `2026-${HOSTILE}`.slice(0, 64) }
  await expectStatus(await postRequest(investigator, { ...base, latchkey: { ...base.latchkey, ...words } }), 201)
}

async function fill(): Promise<void> {
  const { world } = relay
  agency = await enrolAgency(world, { name: HOSTILE })
  suspended = await enrolAgency(world)
  const investigator = await certifyInvestigator(world, agency, { name: HOSTILE, role: 'detective' })
  asked = [await acceptedRequest(world, investigator), await acceptedRequest(world, investigator)]
  await hostileRequest(investigator)
  const live = { startMs: world.clock.nowMs() - HOUR_MS, endMs: world.clock.nowMs() + HOUR_MS }
  expect(await codeOf(postRequest(investigator, draftRequest(world, investigator, live)))).toBe('WINDOW_IN_FUTURE')
  await status(suspended, 'suspended')
}

beforeAll(async () => {
  stack = new AsyncDisposableStack()
  folder = stack.use(await createTemporaryFolder()).path
  relay = stack.use(await createTwoFacedRelay())
  await fill()
  trust = parseWith(trustFile, JSON.parse(await text(relay.origin, '/v1/trust.json')), 'trust')
  await writeFile(join(folder, 'trust.json'), JSON.stringify(trust))
  const { nowMs } = relay.world.clock
  const reading = createPublicRelay(relay.origin, nowMs)
  keeper = await createRecordKeeper({ origin: relay.origin, relay: reading, trust, nowMs })
  await keeper.look()
  server = stack.use(await serveRecord({ keeper, relay: reading, host: '127.0.0.1', port: 0, nowMs }))
  browser = await startChromium()
  stack.defer(() => browser.close())
  reader = await browser.newContext({ javaScriptEnabled: false })
})

afterAll(() => stack.disposeAsync())

async function text(origin: string, path: string): Promise<string> {
  const response = await fetch(origin + path)
  expect(response.status, path).toBe(200)
  return response.text()
}

async function open(path: string): Promise<Page> {
  const page = await reader.newPage()
  const answer = await page.goto(server.origin + path)
  expect(answer!.status(), path).toBe(200)
  return page
}

const bodyOf = async (path: string): Promise<string> => {
  const page = await open(path)
  const words = await page.locator('body').innerText()
  await page.close()
  return words
}

test('a reader without scripts goes from the overview to the whole text of a request, and to its proof', async () => {
  const page = await open('/')
  expect(await page.locator('main').innerText()).toContain('surveillance camera')
  await page.getByRole('link', { name: 'Requests', exact: true }).click()
  expect(await page.locator('tbody tr').count()).toBe(3)
  await page.locator(`a[href="/requests/${asked[0]!.digest}"]`).click()
  const { reason, caseNumber, contact } = asked[0]!.payload.latchkey
  const words = await page.locator('main').innerText()
  for (const part of [reason, caseNumber, contact, 'voluntary']) expect(words).toContain(part)
  // The tests' investigator wrote all of it anew.
  const published = findTemplate('burglary-1')!
  const has = (mark: string) => page.locator(`blockquote.changes ${mark}`).allTextContents()
  expect((await has('ins')).map((added) => added.slice('Added: '.length)).join(' ')).toContain(reason.split(' ')[0]!)
  expect((await has('del')).length).toBeGreaterThan(0)
  await page.getByRole('link', { name: published.title, exact: true }).click()
  expect(new URL(page.url()).hash).toBe('#burglary-1')
  for (const template of REQUEST_TEMPLATES) await page.getByText(template.text, { exact: true }).waitFor()
  const { templates } = JSON.parse(await text(server.origin, '/templates.json')) as { templates: unknown[] }
  expect(templates).toEqual(
    REQUEST_TEMPLATES.map((template) => ({ ...template, digest: digestOfJson({ ...template }) })),
  )
  await page.goto(`${server.origin}/requests/${asked[0]!.digest}`)
  await page.getByRole('link', { name: `entry ${asked[0]!.index}` }).click()
  const entry = await page.locator('main').innerText()
  expect(entry).toContain(asked[0]!.digest)
  expect(entry).toContain('came to the root of the checkpoint')
  await page.close()
})

test('what strangers wrote is shown as they wrote it', async () => {
  expect(await bodyOf(`/agencies/${agency.uri.slice('https://'.length)}`)).toContain(HOSTILE)
  const csv = await text(server.origin, '/agencies.csv')
  expect(csv).toContain(`"${HOSTILE.replaceAll('"', '""')}"`)
  expect(await text(server.origin, '/feed.atom')).toContain('&lt;script&gt;')
})

test('what the relay holds stands there in words, and what it therefore cannot do', async () => {
  const page = await open('/holdings')
  const words = await page.locator('main').innerText()
  for (const part of ['Open a recording.', 'Nobody else signs this log yet', 'consents', 'A no leaves no trace'])
    expect(words).toContain(part)
  expect(words).not.toContain('Nobody described it')
  await page.locator('summary', { hasText: 'households' }).click()
  expect(await page.getByRole('row', { name: /^cell/ }).innerText()).toContain('the finest place')
  await page.close()
})

test('refusals stand by agency and reason, in words', async () => {
  const words = await bodyOf('/refusals')
  expect(words).toContain('it asked for what had not happened yet')
  expect(words).toContain('WINDOW_IN_FUTURE')
})

test('how many agencies took part is known for now and for any day before', async () => {
  const now = JSON.parse(await text(server.origin, '/agencies.json')) as { totals: object; agencies: { uri: string }[] }
  expect(now.totals).toEqual({ active: 1, suspended: 1 })
  expect(now.agencies.find(({ uri }) => uri === agency.uri)).toMatchObject({
    requests: 3,
    refused: 1,
    status: 'active',
    medianWindowMs: 3_599_000,
  })
  expect(JSON.parse(await text(server.origin, '/agencies.json?at=2020-01-01'))).toMatchObject({ agencies: [] })
  expect(await bodyOf('/agencies?at=2020-01-01')).toContain('0 agencies')
  const map = JSON.parse(await text(server.origin, '/agencies.geojson')) as {
    features: { id: string; geometry: { type: string } | null }[]
  }
  const places = new Map(map.features.map(({ id, geometry }) => [id, geometry?.type ?? null]))
  expect(places).toEqual(
    new Map([
      [agency.uri, 'MultiPolygon'],
      [suspended.uri, null],
    ]),
  )
})

test('what is no address, no day and no number is said in a page, and changes nothing', async () => {
  for (const [path, code] of [
    ['/nothing', 404],
    ['/agencies/nobody.example', 404],
    [`/requests/${'A'.repeat(43)}`, 404],
    ['/log/999999', 404],
    ['/agencies?at=yesterday', 400],
    ['/log/entry?index=-1', 400],
    ['/log/consistency?size=1&root=%3Cscript%3E', 400],
    ['/policy/../../etc/passwd', 404],
  ] as const) {
    const answer = await fetch(server.origin + path)
    expect([path, answer.status]).toEqual([path, code])
    expect(await answer.text()).not.toContain('<script')
    expect(answer.headers.get('content-security-policy')).toContain("default-src 'none'")
  }
  expect((await fetch(server.origin, { method: 'POST' })).status).toBe(405)
})

test('who kept an older root learns that nothing was changed since, and who kept another that it is not the same', async () => {
  const { checkpoint } = keeper.record
  const kept = openCheckpoint(checkpoint!.raw, logTrustOf(trust))
  await certifyInvestigator(relay.world, await enrolAgency(relay.world))
  await keeper.look()
  expect(keeper.record.checkpoint!.size).toBeGreaterThan(kept.size)
  const page = await open('/log')
  await page.getByLabel('Entries on that day').fill(String(kept.size))
  await page.getByLabel('Root on that day').fill(encodeBase64(kept.root))
  await page.getByRole('button', { name: 'Prove', exact: true }).click()
  expect(await page.getByRole('status').innerText()).toContain('Nothing was changed or dropped')
  await page.close()
  const other = encodeBase64(new Uint8Array(32).fill(7))
  expect(await bodyOf(`/log/consistency?size=${kept.size}&root=${encodeURIComponent(other)}`)).toContain(
    'does not begin with what you noted',
  )
})

const DISCLOSURE = {
  v: 1,
  book: 'disclosure',
  id: 'county-grant',
  kind: 'subsidy',
  giver: `County ${HOSTILE}`.slice(0, 200),
  receiver: 'Homeowners of the county',
  value: '10,000 USD',
  date: '2026-10-01',
  terms: 'No condition is attached.',
  link: 'https://county.example/grant.pdf',
  isResolved: false,
}

test('money and favours stand in the register, each version of them', async () => {
  const put = (entry: object) => relay.world.operator.send('POST', '/v1/register', { json: entry })
  const first = await expectStatus(await put(DISCLOSURE), 201)
  expect(await expectStatus(await put(DISCLOSURE), 201)).toEqual(first)
  expect(await expectStatus(await put({ ...DISCLOSURE, value: '12,000 USD' }), 201)).toMatchObject({ version: 2 })
  expect(await codeOf(put({ ...DISCLOSURE, date: '2026-02-30' }))).toBe('MESSAGE_INVALID')
  expect(await codeOf(put({ ...DISCLOSURE, giver: '' }))).toBe('MESSAGE_INVALID')
  await keeper.look()
  const words = await bodyOf('/disclosures')
  for (const part of [DISCLOSURE.giver, '12,000 USD', 'Version 2', 'Version 1', DISCLOSURE.terms])
    expect(words).toContain(part)
  const { entries } = JSON.parse(await text(server.origin, '/register.json')) as { entries: { text: object }[] }
  expect(entries.map((entry) => entry.text)).toEqual([
    { ...DISCLOSURE, version: 1 },
    { ...DISCLOSURE, value: '12,000 USD', version: 2 },
  ])
})

test('the law removes a text in public: its entry stays, nobody is shown the text, and no page accuses the relay', async () => {
  const { digest } = asked[1]!
  const demand = {
    v: 1,
    book: 'legal',
    id: 'victims-name',
    kind: 'removal',
    from: 'Superior Court',
    date: '2026-11-20',
    asked: 'That the name of a victim be removed.',
    answered: 'The text is no longer shown.',
    contentDisclosed: 0,
    ownerNotified: 'nobody-concerned',
    removes: digest,
  }
  const put = (entry: object) => relay.world.operator.send('POST', '/v1/register', { json: entry })
  expect(await codeOf(put({ ...demand, contentDisclosed: 1 }))).toBe('MESSAGE_INVALID')
  expect(await codeOf(put({ ...demand, removes: 'A'.repeat(43) }))).toBe('MESSAGE_INVALID')
  await expectStatus(await put(demand), 201)
  const { removes, ...withoutIt } = demand
  expect(removes).toBe(digest)
  expect(await codeOf(put(withoutIt))).toBe('CONFLICT')
  for (const path of [`/v1/requests/${digest}`, `/v1/requests/${digest}/certificate`])
    expect(await codeOf(fetch(relay.origin + path))).toBe('NOT_FOUND')
  const cell = await text(relay.origin, '/v1/cells/9q8yy/requests')
  expect(cell).not.toContain(asked[1]!.raw)
  expect(cell).toContain(asked[0]!.raw)
  await keeper.look()
  expect(keeper.record.findings).toEqual([])
  const page = await bodyOf(`/requests/${digest}`)
  expect(page).toContain('The text of this request is not shown')
  expect(page).not.toContain(asked[1]!.payload.latchkey.caseNumber)
  const words = await bodyOf('/legal')
  for (const part of ['Superior Court', demand.answered, 'demand to remove a text\t1', 'warrant\t0'])
    expect(words).toContain(part)
})

test('each page is readable by everyone: axe finds nothing, nothing is wider than a narrow phone, nothing runs', async () => {
  const context = await browser.newContext()
  const page = await context.newPage()
  const complaints: string[] = []
  page.on('console', (message) => complaints.push(message.text()))
  page.on('pageerror', (error) => complaints.push(error.message))
  const host = agency.uri.slice('https://'.length)
  const paths = ['/', '/agencies', `/agencies/${host}`, '/requests', `/requests/${asked[1]!.digest}`, '/refusals']
  for (const path of [
    ...paths,
    '/templates',
    '/policy',
    '/disclosures',
    '/legal',
    '/holdings',
    '/log',
    '/log/0',
    `/log/${asked[0]!.index}`,
  ]) {
    await page.goto(server.origin + path)
    expect(await screenFindings(page), path).toEqual([])
    // What strangers wrote is text, wherever it stands.
    expect(await page.locator('script, img, iframe').count(), path).toBe(0)
  }
  expect(complaints).toEqual([])
  await context.close()
})

test('everything in one file is judged again without the relay, and one changed byte of it is found', async () => {
  const answer = await fetch(`${server.origin}/export.zip`)
  const zip = new Uint8Array(await answer.arrayBuffer())
  await writeFile(join(folder, 'record.zip'), zip)
  relay.isAway = true
  const judge = (file: string) =>
    latchkey(['monitor', '--log', relay.origin, '--export', file, '--trust', 'trust.json', '--json'], folder)
  const { status: ended, stdout, stderr } = await judge('record.zip')
  expect([ended, stderr]).toEqual([0, expect.not.stringContaining(':')])
  const said = JSON.parse(stdout)
  expect(said).toMatchObject({ size: keeper.record.checkpoint!.size, isWhole: true, findings: [] })
  // The third is the one whose text the law removed.
  expect(said.accepted).toEqual({ derived: 2, open: 1, contradicted: 0 })
  relay.beHonest()
  const at = zip.length >> 1
  const changed = zip.slice()
  changed[at] = changed[at]! ^ 1
  await writeFile(join(folder, 'changed.zip'), changed)
  expect((await judge('changed.zip')).status).toBe(1)
})

test('a relay that hides a request is accused on every page', async () => {
  const reading = createPublicRelay(relay.origin, relay.world.clock.nowMs)
  const parts = { origin: relay.origin, relay: reading, trust, nowMs: relay.world.clock.nowMs }
  const other = await createRecordKeeper(parts)
  const { body, status: gone } = await fetch(`${relay.origin}/v1/requests/${'A'.repeat(43)}`)
  relay.lies.set(`/v1/requests/${asked[0]!.digest}`, { status: gone, body: await new Response(body).text() })
  await other.look()
  relay.beHonest()
  expect(other.record.findings.map(({ code }) => code)).toEqual(['DOCUMENT_MISSING'])
  await using lied = await serveRecord({ ...parts, keeper: other, host: '127.0.0.1', port: 0 })
  const page = await reader.newPage()
  await page.goto(lied.origin)
  expect(await page.getByRole('status').innerText()).toContain('Something is wrong with this relay')
  await page.goto(`${lied.origin}/log`)
  expect(await page.locator('main').innerText()).toContain('what an entry names is not shown to the public')
  await page.close()
})

test('while the relay is away the record stays readable and says so', async () => {
  relay.isAway = true
  await keeper.look()
  expect(await bodyOf('/')).toContain('The relay does not answer')
  relay.beHonest()
  await keeper.look()
  expect(await bodyOf('/')).not.toContain('The relay does not answer')
})

test('a month that has ended is told once, in steps, and stands beside the agencies', async () => {
  const { world } = relay
  const { clock } = world
  const subject = await createCase(world)
  const consent = await consentLogged(world, subject)
  // Two downloads of one consent are one thing given.
  for (let n = 0; n < 2; n++) await takeDownload(subject, consent)
  const { investigator, request } = subject
  await expectStatus(await postOutcome(investigator, draftOutcome(world, investigator, request.digest)), 201)
  const month = monthOf(clock.nowMs())
  const monthsTold = async (count: number) => {
    clock.shift(monthEndMs(monthOf(clock.nowMs())) + 2 * HOUR_MS - clock.nowMs())
    await eventually(async () => {
      clock.tick()
      await keeper.look()
      return keeper.record.months.length >= count
    }, 'the month to be told')
    return keeper.record.months.map(({ text }) => text)
  }
  const outcomes = { used: '0', 'not-used': '1-5', 'no-clips': '0', 'charge-without': '0' }
  const { uri } = investigator.agency
  const first = {
    v: 1,
    book: 'statistics',
    id: month,
    version: 1,
    agencies: [{ agency: uri, releases: '1-5', outcomes }],
  }
  expect(await monthsTold(1)).toEqual([first])
  const second = { ...first, id: monthOf(clock.nowMs()), agencies: [] }
  expect(await monthsTold(2)).toEqual([first, second])
  expect(keeper.record.findings).toEqual([])
  expect(await text(server.origin, '/numbers.csv')).toBe(
    `month,agency,releases,used,not-used,no-clips,charge-without\r\n${month},${uri},1-5,0,1-5,0,0\r\n`,
  )
  expect(JSON.parse(await text(server.origin, '/numbers.json')).months).toMatchObject([
    { text: first },
    { text: second },
  ])
  expect(await bodyOf('/numbers')).toContain('0 of everything, for every agency.')
  expect(await bodyOf(`/agencies/${uri.slice('https://'.length)}`)).toContain('Given to it, and reported by it')
  await using context = await browser.newContext()
  const page = await context.newPage()
  await page.goto(`${server.origin}/numbers`)
  expect(await screenFindings(page)).toEqual([])
})

test('looser rules stand there before they count: what gets looser, from when, and then since when', async () => {
  const { world } = relay
  const { window } = world.policy
  const loose = {
    ...world.policy,
    version: world.policy.version + 1,
    window: { ...window, maximumAgeMs: 2 * window.maximumAgeMs },
    incidentTypes: [...world.policy.incidentTypes, 'graffiti'],
  }
  const digest = digestOfJson(loose)
  await world.restart(loose)
  await eventually(async () => {
    await keeper.look()
    return keeper.record.audit.rules.announced?.digest === digest
  }, 'the announcement to be read')
  const { announced } = keeper.record.audit.rules
  const from = `${new Date(leafHourStartMs(announced!.fromHour)).toISOString().slice(0, 16).replace('T', ' ')} UTC`
  const words = await bodyOf('/policy')
  for (const part of [
    `Rules “us”, version ${world.policy.version}, in force since`,
    'Looser rules are announced',
    `they cannot count before ${from}`,
    'Looser rules wait 14 days in public',
    'Requests may reach back 60 days instead of 30 days.',
    'May now be asked about: graffiti.',
  ])
    expect(words).toContain(part)
  expect(await bodyOf(`/policy/${digest}`)).toContain(`do not count yet: not before ${from}`)
  expect(await bodyOf('/')).toContain('Looser rules are announced.')
  expect(await bodyOf('/holdings')).toContain(`not before ${from}`)
  const feed = await text(server.origin, '/feed.atom')
  expect(feed).toContain(`<title>Looser rules are announced, in force from ${from} at the earliest</title>`)
  expect(feed).toContain(
    '<summary>requests may reach back 60 days instead of 30 days; may now be asked about: graffiti.',
  )
  await using context = await browser.newContext()
  const page = await context.newPage()
  for (const path of ['/', '/policy', `/policy/${digest}`]) {
    await page.goto(server.origin + path)
    expect(await screenFindings(page), path).toEqual([])
  }
  world.clock.shift(leafHourStartMs(announced!.fromHour) - world.clock.nowMs())
  await eventually(async () => {
    world.clock.tick()
    await keeper.look()
    return keeper.record.audit.rules.inForce?.digest === digest
  }, 'the rules to come into force')
  expect(await bodyOf('/policy')).toContain(`Rules “us”, version ${loose.version}, in force since`)
  expect(await bodyOf(`/policy/${digestOfJson(world.policy)}`)).toContain('They are no longer in force.')
  expect(await text(server.origin, '/feed.atom')).toContain('<title>New rules are in force</title>')
  expect(keeper.record.findings).toEqual([])
})
