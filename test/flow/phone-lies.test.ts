/** A relay that lies, seen through by a real phone page and told in words; and hostile words on every screen. */
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import {
  type AgencyEntry,
  agencyList,
  type AgencyList,
  cellRequests,
  type ClipEntry,
  clipHeaders,
  clipList,
  type ClipManifest,
  clipManifest,
  consentList,
  createSigner,
  deviceList,
  digestOfJson,
  encodeBase64url,
  encodeDescriptor,
  hashLeaf,
  hello,
  mailboxOf,
  pairingHello,
  parseCheckpoint,
  parsePairingUrl,
  policyList,
  randomBytes,
  rootOfLeaves,
  signCheckpoint,
  type Signer,
  splitAgeFile,
} from '@latchkey/shared'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { loadDeviceKey } from '../../device-agent/src/keys/device-key.ts'
import { loadSecrets } from '../../relay/src/secrets.ts'
import { screenFindings } from '../support/chromium.ts'
import { press } from '../support/keyboard.ts'
import { createLiar, type Liar } from '../support/liar.ts'
import { createOwnedPhone, createPhoneRig, type OwnedPhone, type PhoneRig } from '../support/phone-rig.ts'
import { eventually } from '../support/poll.ts'
import {
  acceptedRequest,
  certifyInvestigator,
  draftRequest,
  enrolAgency,
  expectStatus,
  type Investigator,
  postRequest,
} from '../support/relay-world.ts'

const AGENCIES = /\/v1\/agencies$/
const POLICIES = /\/v1\/policies$/
const LIST = /\/v1\/clips\?after=/
const HOSTILE = '<img src=x onerror=alert(1)>"\'${7*7}</script><script>alert(2)</script>'

let rig: PhoneRig
let owned: OwnedPhone
let investigator: Investigator
/** The doorbell's own key: what a thief of it could sign, and what an honest one signed earlier. */
let device: Signer
/** The clip as the honest relay lists it. */
let entry: ClipEntry

beforeAll(async () => {
  rig = await createPhoneRig()
  owned = await createOwnedPhone(rig, { camera: HOSTILE })
  device = await loadDeviceKey(join(rig.world.folder, 'agent-0/keys/device.key'))
  investigator = await certifyInvestigator(rig.world, await enrolAgency(rig.world, { name: HOSTILE }), {
    name: HOSTILE,
    role: HOSTILE,
  })
  await acceptedRequest(rig.world, investigator)
  const draft = draftRequest(rig.world, investigator)
  const words = {
    caseNumber: `7 ${HOSTILE.slice(0, 40)}`,
    reason: HOSTILE,
    contact: HOSTILE,
    incidentType: 'vandalism',
  }
  await expectStatus(await postRequest(investigator, { ...draft, latchkey: { ...draft.latchkey, ...words } }), 201)
  let listed: ClipEntry | undefined
  const page = await visit('clips', (liar) =>
    liar.change(LIST, clipList, (said) => {
      listed ??= said.clips[0]
      return said
    }),
  )
  entry = await eventually(() => listed, 'the list')
  await page.close()
}, 120_000)
afterAll(() => rig[Symbol.asyncDispose]())

/** Another page of the owner's phone, whose relay lies. */
async function visit(hash: string, lie: (liar: Liar) => Promise<unknown> = async () => {}): Promise<Page> {
  const page = await owned.context.newPage()
  page.on('pageerror', (error) => expect.unreachable(String(error)))
  page.on('dialog', (dialog) => expect.unreachable(`a script of somebody else's ran: ${dialog.message()}`))
  await lie(createLiar(page, rig.appOrigin))
  await page.goto(`${rig.appOrigin}/#/${hash}`)
  return page
}

const listing = (clips: readonly ClipEntry[]) => (liar: Liar) =>
  liar.answer(LIST, () => ({
    json: { clips: clips.map((clip, i) => ({ ...clip, cursor: i + 1 })), next: null, days: { usual: 7, kept: 30 } },
  }))

/** The clip's manifest as the doorbell's key signs it with these changes. */
async function signedAnew(
  changes: Partial<ClipManifest['latchkey']>,
  { clip = entry.clip, items = entry.descriptors.length, iat = 0 } = {},
): Promise<ClipEntry> {
  const { payload } = clipManifest.parse(entry.manifest)
  const descriptors = entry.descriptors.slice(0, items)
  const itemsRoot = encodeBase64url(rootOfLeaves(descriptors.map((one) => hashLeaf(encodeDescriptor(one)))))
  const latchkey = { ...payload.latchkey, clip, items, itemsRoot, ...changes }
  const manifest = await clipManifest.encode({ ...payload, iat: iat || payload.iat, latchkey }, device)
  return { ...entry, clip, manifest, descriptors }
}

const manifestOf = ({ manifest }: ClipEntry) => clipManifest.parse(manifest).payload.latchkey
const newId = () => encodeBase64url(randomBytes(16))

describe('clips', () => {
  test('an older state of a clip than the phone has seen is said, in the list and on its page, and not opened', async () => {
    const { revision } = manifestOf(entry)
    const older = await signedAnew({ revision: revision - 1, open: true, previous: null }, { items: 4 })
    const page = await visit('clips', listing([older]))
    await page.getByText('Older than what this phone has seen').waitFor()
    await page.locator('.clip').click()
    await page.getByText('This phone has seen more of this clip than the relay shows now.').waitFor()
    expect(await page.locator('video, .poster img').count()).toBe(0)
    expect(await screenFindings(page)).toEqual([])
    await page.close()
  })

  test('a clip that is sealed to keys that the household never had is not opened', async () => {
    const foreign = await signedAnew({ keyset: encodeBase64url(randomBytes(32)) }, { clip: newId() })
    const page = await visit('clips', listing([foreign]))
    await page.getByText('Sealed to keys that are not yours').waitFor()
    expect(await page.locator('.clip img').count()).toBe(0)
    await page.close()
  })

  test('other papers of the same state mean that somebody else has the doorbell’s key', async () => {
    const twin = await signedAnew({
      gaps: [{ startMs: manifestOf(entry).startMs, endMs: manifestOf(entry).startMs + 1, reason: 'privacy' }],
    })
    const page = await visit(`clips/${entry.clip}`, listing([twin]))
    await page.getByText('Somebody else has your doorbell’s key').waitFor()
    await page.close()
  })

  test('a clip that is kept back, and one that was exchanged, are said of the clip after it, which is opened', async () => {
    const { sequence } = manifestOf(entry)
    const digest = encodeBase64url(createHash('sha256').update('another one').digest())
    const [afterHole, afterSwap] = [newId(), newId()]
    const missed = await signedAnew({ sequence: sequence + 2, previous: digest }, { clip: afterHole })
    const page = await visit(`clips/${afterHole}`, listing([entry, missed]))
    await page.getByText('The clip before this one is not in the list.').waitFor()
    await page.getByText('Signed by your doorbell, and nothing was changed since.').waitFor()
    await page.getByRole('link', { name: 'All clips' }).click()
    await page.getByText('A clip before this one is missing').waitFor()
    await page.close()
    const swapped = await signedAnew({ sequence: sequence + 1, previous: digest }, { clip: afterSwap })
    const other = await visit('clips', listing([entry, swapped]))
    await other.getByText('The clip before this one was exchanged').waitFor()
    await other.close()
  })

  test('a piece whose old header comes back, or another piece’s, is left out', async () => {
    const media = entry.descriptors.filter(({ kind }) => kind === 'media')
    const [second, third] = [media[1]!, media[2]!]
    const bodies = new Map<number, Uint8Array>()
    const page = await visit(`clips/${entry.clip}`, (liar) =>
      liar.hear(/\/items\/\d+$/, (address, body) => bodies.set(Number(address.split('/').at(-1)), body)),
    )
    await eventually(() => bodies.has(second.index) && bodies.has(third.index), 'both pieces')
    await page.close()
    const [own, foreign] = [splitAgeFile(bodies.get(second.index)!), splitAgeFile(bodies.get(third.index)!)]
    const replayed = Buffer.concat([foreign.header, own.payload])
    const lied = await visit(`clips/${entry.clip}`, (liar) =>
      liar.answer(new RegExp(`/items/${second.index}$`), () => ({ bytes: replayed })),
    )
    await lied.getByText('Left out because it is not what your doorbell recorded').waitFor()
    await lied.close()
  })
})

async function wantQuestions(page: Page): Promise<void> {
  const on = page.getByRole('button', { name: 'Show me questions that concern my door' })
  const off = page.getByRole('button', { name: 'Do not show me questions' })
  await on.or(off).waitFor()
  if (await on.isVisible()) await on.click()
  await off.waitFor()
}

describe('questions', () => {
  test('are shown while their agency stands in the log as it is told; hostile words are words', async () => {
    const page = await visit('questions')
    await wantQuestions(page)
    await page.getByText(`Asked by ${HOSTILE}`).first().waitFor()
    await page.close()
  })

  const eachAgency =
    (change: (agency: AgencyEntry) => AgencyEntry) =>
    ({ agencies }: AgencyList): AgencyList => ({ agencies: agencies.map(change) })

  test.each<[string, (agency: AgencyEntry) => AgencyEntry]>([
    ['another name than the log', (agency) => ({ ...agency, name: 'Your friendly police' })],
    ['a place in the log that holds something else', (agency) => ({ ...agency, index: 0 })],
    ['a place that the log does not have', (agency) => ({ ...agency, index: 1_000_000 })],
  ])('of an agency with %s are not shown, and that is said', async (_, change) => {
    const page = await visit('questions', (liar) => liar.change(AGENCIES, agencyList, eachAgency(change)))
    await wantQuestions(page)
    await page.getByText(`The relay says that ${investigator.agency.uri} asks`).waitFor()
    expect(await page.getByText('Asked by').count()).toBe(0)
    expect(await screenFindings(page)).toEqual([])
    await page.close()
  })

  test('of an agency whose key is another’s are not shown', async () => {
    const page = await visit('questions', (liar) =>
      liar.change(
        AGENCIES,
        agencyList,
        eachAgency((agency) => ({ ...agency, keys: [createSigner(randomBytes(32)).jwk] })),
      ),
    )
    await wantQuestions(page)
    await page.getByText('are not what they claim to be').waitFor()
    expect(await page.getByText('Asked by').count()).toBe(0)
    await page.close()
  })

  const looser = () => ({ ...rig.world.policy, outcomeDueMs: rig.world.policy.outcomeDueMs + 1 })
  const tellLooser = (liar: Liar) => liar.answer(/\/v1\/policies\/[\w-]{43}$/, () => ({ json: looser() }))

  test.each<[string, (liar: Liar) => Promise<unknown>]>([
    ['hash to something else than the log names', tellLooser],
    [
      'were never in the log',
      async (liar) => {
        await tellLooser(liar)
        await liar.change(POLICIES, policyList, ({ policies, ...said }) => ({
          ...said,
          policies: policies.map((one) => ({ ...one, digest: digestOfJson(looser()) })),
        }))
      },
    ],
    [
      'stand elsewhere in the log than it says',
      (liar) =>
        liar.change(POLICIES, policyList, ({ policies, ...said }) => ({
          ...said,
          policies: policies.map((one) => ({ ...one, index: one.index + 1 })),
        })),
    ],
  ])('are not shown by a relay whose rules %s, and that is said', async (_, lie) => {
    const page = await visit('questions', lie)
    await wantQuestions(page)
    await page.getByText('The rules by which your relay takes questions').waitFor()
    await expect.poll(() => page.getByText(/Asked by|No question concerns your door/).count()).toBe(0)
    expect(await screenFindings(page)).toEqual([])
    await page.close()
  })

  test('are not answered with headers that the relay exchanged', async () => {
    const page = await visit('questions', (liar) =>
      liar.change(/\/headers$/, clipHeaders, (said) => ({
        ...said,
        headers: said.headers.map((one, i) => ({
          ...one,
          header: said.headers[(i + 1) % said.headers.length]!.header,
        })),
      })),
    )
    await wantQuestions(page)
    await page.getByRole('button', { name: 'Read the question' }).first().click()
    await page.getByRole('button', { name: 'Share', exact: true }).click()
    await page.getByRole('button', { name: 'Sign and share' }).click()
    await page.getByText('What the relay sent is not what your doorbell recorded. It was not opened.').waitFor()
    await page.goto(`${rig.appOrigin}/#/shared`)
    await page.getByText('You have shared nothing.').waitFor()
    await page.close()
  })
})

/** What the doorbell behind a code says of itself. */
async function greetingOf(url: string) {
  const path = `/v1/pairings/${mailboxOf(parsePairingUrl(url).secret)}/hello`
  const answered = () => rig.world.anyone.json('GET', path, pairingHello).catch(() => null)
  return hello.parse((await eventually(answered, 'the greeting')).hello).payload
}

test('a relay that puts another doorbell into a pairing is caught before anything is signed', async () => {
  const { pairingUrl } = await rig.doorbell('Side door')
  const url = await pairingUrl()
  const thief = createSigner(randomBytes(32))
  const greeting = { ...(await greetingOf(url)), iss: thief.urn, cnf: { jwk: thief.jwk } }
  const swapped = { hello: await hello.encode(greeting, thief) }
  const page = await owned.context.newPage()
  const sent: string[] = []
  page.on('request', (request) => ['PUT', 'POST'].includes(request.method()) && sent.push(request.url()))
  await createLiar(page, rig.appOrigin).answer(/\/v1\/pairings\/[^/]+\/hello$/, () => ({ json: swapped }))
  await page.goto(url)
  await page.getByText('This is not the doorbell of that code.').waitFor()
  expect(sent).toEqual([])
  expect(await screenFindings(page)).toEqual([])
  await page.close()
})

test('a log that shows two histories is said wherever something could be shared', async () => {
  const before = await visit('questions')
  await before.getByText('Asked by').first().waitFor()
  await before.close()
  const raw = Buffer.from(await rig.world.anyone.bytes('GET', '/log/checkpoint'))
  const { origin, size } = parseCheckpoint(raw)
  const { logSigner } = await loadSecrets(join(rig.world.folder, 'data/secrets'), origin)
  const forked = await signCheckpoint({ origin, size, root: randomBytes(32) }, logSigner)
  const page = await visit('questions', (liar) => liar.answer(/\/log\/checkpoint$/, () => ({ bytes: forked })))
  await page.getByText('The public log contradicts itself').waitFor()
  await page.goto(`${rig.appOrigin}/#/shared`)
  await page.getByText('The public log contradicts itself').waitFor()
  await page.close()
  // It is not forgotten when the relay shows the honest history again.
  const after = await visit('questions')
  await after.getByText('The public log contradicts itself').waitFor()
  await after.close()
})

/** Nothing of what others wrote became a part of the page. */
async function expectWords(page: Page): Promise<void> {
  expect(await page.locator('main script, main img[src="x"], main iframe').count(), page.url()).toBe(0)
  expect(await page.title()).toBe('Latchkey')
}

test('hostile words are words on every screen, and so is what a relay says of its errors', async () => {
  const deciding = await visit('questions')
  const asked = deciding.getByRole('listitem').filter({ hasText: 'Damage done on purpose' })
  await asked.getByText(HOSTILE).waitFor()
  await expectWords(deciding)
  await asked.getByRole('button', { name: 'Read the question' }).click()
  await deciding.getByRole('heading', { name: 'Who asks' }).waitFor()
  await deciding.getByText(HOSTILE).first().waitFor()
  await expectWords(deciding)
  await deciding.getByRole('button', { name: 'Share', exact: true }).click()
  await deciding.getByRole('heading', { name: 'Before you sign' }).waitFor()
  await expectWords(deciding)
  await deciding.getByRole('button', { name: 'Sign and share' }).click()
  await deciding.getByRole('heading', { name: `To ${HOSTILE}` }).waitFor()
  await expectWords(deciding)
  await deciding.close()
  const problem = { type: 'about:blank', title: HOSTILE, status: 409, code: 'CONFLICT', detail: HOSTILE }
  for (const hash of ['clips', `clips/${entry.clip}`, 'questions', 'shared', 'home']) {
    const page = await visit(hash)
    await page.getByRole('heading', { level: 1 }).waitFor()
    await page.locator('.card, .clip').first().waitFor()
    await expectWords(page)
    await page.close()
    const broken = await visit(hash, (liar) => liar.answer(/\/v1\//, () => ({ json: problem, status: 409 })))
    await broken.getByRole('heading', { level: 1 }).waitFor()
    await expectWords(broken)
    await broken.close()
  }
  expect(rig.complaints).toEqual([])
})

test('a consent that the relay keeps out of the log is overdue after a batch and a minute, whenever the relay says that it came', async () => {
  const pass = async (ms: number): Promise<void> => {
    rig.world.clock.shift(ms)
    await owned.context.clock.setSystemTime(rig.world.clock.nowMs())
  }
  await pass(180_000)
  const page = await visit('shared', (liar) =>
    liar.change(/\/v1\/consents$/, consentList, ({ consents, ...said }) => ({
      ...said,
      consents: consents.map((one) => ({ ...one, index: null, receivedMs: rig.world.clock.nowMs() })),
    })),
  )
  await page.getByText('It should be in the public log by now and is not.').waitFor()
  expect(await screenFindings(page)).toEqual([])
  await page.close()
  const honest = await visit('shared')
  await honest.getByText('This phone found it in the public log.').waitFor()
  await honest.close()
  await pass(-180_000)
})

test('a question is judged and answered by the rules it was asked by, and a relay that goes back to them is seen through', async () => {
  const before = await rig.world.anyone.json('GET', '/v1/policies', policyList)
  const { consent } = rig.world.policy
  await rig.world.restart({ ...rig.world.policy, consent: { ...consent, undoSeconds: 60 } })
  await expect
    .poll(async () => (await rig.world.anyone.json('GET', '/v1/policies', policyList)).policies.length)
    .toBe(2)
  const rules = 'The rules by which your relay takes questions'
  // New rules that stand in the log are believed; what was asked by the old ones is asked still, and answered by them. A page
  // that is listened to has no cache: a list of rules may be a minute old elsewhere.
  const page = await visit('questions', (liar) => liar.hear(POLICIES, () => {}))
  await wantQuestions(page)
  await expect.poll(() => page.getByText('Asked by').count()).toBe(2)
  await expect.poll(() => page.getByText(rules).count()).toBe(0)
  await expect.poll(() => page.getByText(/not what (it|they) claims? to be/).count()).toBe(0)
  await page.getByRole('button', { name: 'Read the question' }).first().click()
  await page.getByRole('button', { name: 'Share', exact: true }).click()
  // By the new rules it would count in a minute.
  await page.getByText('It counts at once.').waitFor()
  await page.getByRole('button', { name: 'Sign and share' }).click()
  await page.getByRole('heading', { name: 'Shared' }).waitFor()
  await expect.poll(() => page.getByText('This phone found it in the public log.').count()).toBe(1)
  await page.close()
  // Neither is one that says it was asked before the rules it names, or that another question's place in the log is its own.
  for (const lie of ['before the rules', 'elsewhere'] as const) {
    const misplaced = await visit('questions', (liar) =>
      liar.change(/\/v1\/cells\/\w{5}\/requests$/, cellRequests, (said) => ({
        ...said,
        requests: said.requests.map((one, i) => ({
          ...one,
          index: lie === 'elsewhere' ? said.requests[1 - i]!.index : before.policies[0]!.index,
        })),
      })),
    )
    await misplaced.getByText('2 questions that the relay sent are not what they claim to be').waitFor()
    await expect.poll(() => misplaced.getByText('Asked by').count()).toBe(0)
    await misplaced.close()
  }
  const lied = await visit('questions', (liar) => liar.answer(POLICIES, () => ({ json: before })))
  await lied.getByText(rules).waitFor()
  await lied.close()
})

test('a doorbell that the household does not trust any more signs nothing that is shown, though its relay hides that', async () => {
  const page = await visit('home')
  const card = page
    .getByRole('listitem')
    .filter({ has: page.getByRole('heading', { level: 3 }) })
    .first()
  await card.getByText('Online').waitFor()
  await card.getByText('That stands in the public log.').waitFor()
  expect(await screenFindings(page)).toEqual([])
  await press(card.getByRole('button', { name: 'Stop trusting it' }))
  expect(await screenFindings(page)).toEqual([])
  await press(card.getByRole('button', { name: 'Stop trusting it for good' }))
  await page.getByText('Not trusted any more since').waitFor()
  await page.close()
  const later = await signedAnew(
    { sequence: manifestOf(entry).sequence + 1, previous: clipManifest.parse(entry.manifest).digest },
    { clip: newId(), iat: Math.floor(Date.now() / 1000) + 5 },
  )
  const lied = await visit('clips', async (liar) => {
    await liar.change(/\/v1\/devices$/, deviceList, ({ devices }) => ({
      devices: devices.map((one) => ({ ...one, revocations: [] })),
    }))
    await listing([entry, later])(liar)
  })
  await lied.getByText('From a doorbell that you no longer trust').waitFor()
  await lied.locator('.clip img').first().waitFor()
  await expect.poll(() => lied.locator('.clip img').count()).toBe(1)
  await lied.close()
})

test('a relay that hides the household’s newest list of phones is seen through on every page', async () => {
  const page = await visit('shared', (liar) => liar.answer(/\/v1\/keysets$/, () => ({ json: { keysets: [] } })))
  await page.getByText('The relay no longer shows the newest list of your household’s phones').waitFor()
  expect(await screenFindings(page)).toEqual([])
  await page.close()
})
