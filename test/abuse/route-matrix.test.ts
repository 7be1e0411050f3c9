/**
 * Every route × everyone who may knock. What each cell answers is written down here, not read from the routes: a route that
 * lets in whom it should not fails, and so does a route that nobody wrote down.
 */
import { consent as consentMessage, digestOfJws, indexesOf, readZip, thumbprintOfUrn } from '@latchkey/shared'
import { isDeepStrictEqual } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { OPERATOR_ROUTES } from '../../relay/src/http/operator-app.ts'
import { ROUTES } from '../../relay/src/http/routes.ts'
import { eventually } from '../support/poll.ts'
import { expectStatus, randomId, randomSigner } from '../support/relay-world.ts'
import { createRoleWorld, type Role, ROLES, type RoleWorld } from '../support/role-world.ts'
import { addressOf, bodyOf, givenTo } from '../support/route-calls.ts'

/**
 * `yes`: taken or answered · `own`: answered, with nothing of anybody else · `--`: no proof of a key · `no`: this key is not
 * for this route · `none`: as if nothing stood there · anything else: the code of the refusal. Rows are called in this order: the last
 * makes another keyset.
 */
const MATRIX = `
                                                nobody stranger operator other removed viewer owner root lost device rival suspended asker
PUT /v1/pairings/:id/hello                      yes    yes      yes      yes   yes     yes    yes   yes  yes  yes    yes   yes       yes
GET /v1/pairings/:id/hello                      yes    yes      yes      yes   yes     yes    yes   yes  yes  yes    yes   yes       yes
PUT /v1/pairings/:id/answer                     yes    yes      yes      yes   yes     yes    yes   yes  yes  yes    yes   yes       yes
GET /v1/pairings/:id/answer                     yes    yes      yes      yes   yes     yes    yes   yes  yes  yes    yes   yes       yes
PUT /v1/pairings/:id/done                       yes    yes      yes      yes   yes     yes    yes   yes  yes  yes    yes   yes       yes
GET /v1/pairings/:id/done                       yes    yes      yes      yes   yes     yes    yes   yes  yes  yes    yes   yes       yes

POST /v1/households                             --     no       no       no    no      no     no    yes  no   no     no    no        no
GET /v1/keysets                                 --     no       no       own   no      yes    yes   yes  no   yes    no    no        no
PUT /v1/keysets/proposed                        --     no       no       KEYSET_SUPERSEDED no no yes   no   no   no     no    no        no
GET /v1/keysets/proposed                        --     no       no       none  no      yes    yes   no   no   yes    no    no        no
DELETE /v1/keysets/proposed                     --     no       no       own   no      no     yes   no   no   no     no    no        no
POST /v1/keysets/proposed/press                 --     no       no       no    no      no     no    no   no   none   no    no        no
POST /v1/devices                                --     no       no       KEYSET_SUPERSEDED no DEVICE_INVALID yes no no no no no      no
GET /v1/devices                                 --     no       no       own   no      yes    yes   no   no   no     no    no        no
POST /v1/mqtt-credentials                       --     no       no       no    no      no     no    no   no   yes    no    no        no
PUT /v1/settings                                --     no       no       own   no      no     yes   no   no   no     no    no        no
GET /v1/settings                                --     no       no       own   no      yes    yes   no   no   no     no    no        no
GET /v1/events                                  --     no       no       own   no      yes    yes   no   no   no     no    no        no
PUT /v1/push-subscriptions                      --     no       no       own   no      yes    yes   no   no   no     no    no        no
GET /v1/push-subscriptions                      --     no       no       own   no      yes    yes   no   no   yes    no    no        no
DELETE /v1/push-subscriptions                   --     no       no       own   no      yes    yes   no   no   no     no    no        no
POST /v1/pushes                                 --     no       no       no    no      no     no    no   no   none   no    no        no

GET /v1/clips                                   --     no       no       own   no      yes    yes   no   no   no     no    no        no
GET /v1/clips/:clip/headers                     --     no       no       none  no      yes    yes   no   no   no     no    no        no
GET /v1/clips/:clip/headers/original            --     no       no       none  no      yes    yes   no   no   no     no    no        no
PUT /v1/clips/:clip/headers/:keyset             --     no       no       KEYSET_SUPERSEDED no no yes no  no   no     no    no        no
GET /v1/clips/:clip/items/:index                --     no       no       none  no      yes    yes   no   no   no     no    no        no
PUT /v1/clips/:clip/items/:index                --     no       no       no    no      no     no    no   no   yes    no    no        no
PUT /v1/clips/:clip/manifest                    --     no       no       no    no      no     no    no   no   yes    no    no        no
PUT /v1/clips/:clip/kept                        --     no       no       none  no      no     yes   no   no   no     no    no        no
DELETE /v1/clips/:clip/kept                     --     no       no       none  no      no     yes   no   no   no     no    no        no
DELETE /v1/clips/:clip                          --     no       no       none  no      no     yes   no   no   no     no    no        no
PUT /v1/days/:digest                            --     no       no       no    no      no     no    no   no   yes    no    no        no
GET /v1/days                                    --     no       no       own   no      yes    yes   no   no   no     no    no        no

GET /log/checkpoint                             yes    yes      yes      yes   yes     yes    yes   yes  yes  yes    yes   yes       yes
GET /log/tile/*                                 yes    yes      yes      yes   yes     yes    yes   yes  yes  yes    yes   yes       yes
GET /v1/policy.json                             yes    yes      yes      yes   yes     yes    yes   yes  yes  yes    yes   yes       yes
GET /v1/policies                                yes    yes      yes      yes   yes     yes    yes   yes  yes  yes    yes   yes       yes
GET /v1/policies/:digest                        yes    yes      yes      yes   yes     yes    yes   yes  yes  yes    yes   yes       yes
GET /v1/trust.json                              yes    yes      yes      yes   yes     yes    yes   yes  yes  yes    yes   yes       yes
GET /v1/holdings                                yes    yes      yes      yes   yes     yes    yes   yes  yes  yes    yes   yes       yes
GET /v1/agencies                                yes    yes      yes      yes   yes     yes    yes   yes  yes  yes    yes   yes       yes
GET /v1/apps                                    yes    yes      yes      yes   yes     yes    yes   yes  yes  yes    yes   yes       yes
GET /v1/cells/:cell/requests                    yes    yes      yes      yes   yes     yes    yes   yes  yes  yes    yes   yes       yes
GET /v1/requests/:digest                        yes    yes      yes      yes   yes     yes    yes   yes  yes  yes    yes   yes       yes
GET /v1/requests/:digest/certificate            yes    yes      yes      yes   yes     yes    yes   yes  yes  yes    yes   yes       yes
GET /v1/register/:digest                        yes    yes      yes      yes   yes     yes    yes   yes  yes  yes    yes   yes       yes
POST /v1/agencies                               --     no       yes      no    no      no     no    no   no   no     no    no        no
POST /v1/register                               --     no       yes      no    no      no     no    no   no   no     no    no        no

POST /v1/consents                               --     no       no       CONSENT_ISSUER no CONSENT_INVALID yes no no no no no     no
GET /v1/consents                                --     no       no       own   no      yes    yes   no   no   no     no    no        no
POST /v1/approvals                              --     no       no       CONSENT_QUORUM no CONSENT_QUORUM yes no no no no no        no
POST /v1/revocations                            --     no       no       REVOCATION_INVALID no yes yes no no  no     no    no        no

POST /v1/requests                               --     no       no       no    no      no     no    no   no   no     yes   AGENCY_SUSPENDED yes
POST /v1/outcomes                               --     no       no       no    no      no     no    no   no   no     OUTCOME_INVALID yes yes
GET /v1/releases                                --     no       no       no    no      no     no    no   no   no     own   own       own
POST /v1/releases/:consent/downloads            --     no       no       no    no      no     no    no   no   no     CONSENT_REQUIRED AGENCY_SUSPENDED own
GET /v1/downloads/:download/items/:index        --     no       no       no    no      no     no    no   no   no     CONSENT_REQUIRED AGENCY_SUSPENDED own
GET /v1/downloads/:download/bundle.zip          --     no       no       no    no      no     no    no   no   no     CONSENT_REQUIRED AGENCY_SUSPENDED own
POST /v1/received                               --     no       no       no    no      no     no    no   no   no     RECEIPT_INVALID yes yes
POST /v1/shared-on                              --     no       no       no    no      no     no    no   no   no     SHARED_ON_INVALID yes yes

POST /v1/keysets                                --     no       no       KEYSET_INVALID no SIGNATURE_INVALID yes KEYSET_FORK no no no no no
`

const [columns, ...lines] = MATRIX.split('\n').filter((line) => line.trim() !== '')
const rows = lines.map((line) => {
  const [method, url, ...cells] = line.trim().split(/\s+/)
  return { key: `${method} ${url}`, method: method as 'GET', cells }
})
const CODES: Readonly<Record<string, string>> = { '--': 'DPOP_INVALID', no: 'CALLER_REFUSED', none: 'NOT_FOUND' }
/** Whoever holds the secret of a pairing reads its letters: that is what it is for. */
const isMailbox = (key: string): boolean => key.includes('/v1/pairings/')

let at: RoleWorld
/** Bodies of the refusals that must be the same for everybody, by code. */
const refusals = new Map<string, Set<string>>()
beforeAll(async () => {
  at = await createRoleWorld(randomSigner())
})
afterAll(async () => {
  await at[Symbol.asyncDispose]()
})

/** What stands for the household and for what it recorded and gave: nobody else may be told any of it. */
function householdSecrets(role: Role): string[] {
  const { household, device, clip, spare, viewer, asker, suspended, doomed } = at
  const { root, owner } = household
  const ofHousehold = [root, owner.signer, viewer.signer, device.signer].map(({ thumbprint }) => thumbprint)
  const ofClips = [clip.clip, spare.clip, device.device, owner.identity.recipient]
  const known: Partial<Record<Role, readonly string[]>> = {
    asker: [...ofHousehold, ...ofClips, asker.consent, asker.download, asker.release, doomed],
    suspended: [...ofHousehold, ...ofClips, suspended.consent, suspended.download, suspended.release],
  }
  const given = [asker, suspended].flatMap(({ consent, download, release }) => [consent, download, release])
  const all = [...ofHousehold, ...ofClips, ...given, doomed]
  return ['viewer', 'owner', 'root', 'device'].includes(role) ? [] : all.filter((word) => !known[role]?.includes(word))
}

/** What an answer holds; of a stream without an end, its beginning. */
async function textOf(answer: Response): Promise<string> {
  if (!answer.headers.get('content-type')?.includes('x-ndjson'))
    return Buffer.from(await answer.arrayBuffer()).toString('latin1')
  const reader = answer.body!.getReader()
  const { value } = await reader.read()
  await reader.cancel()
  return Buffer.from(value ?? []).toString('latin1')
}

async function knock(key: string, role: Role): Promise<{ word: string; text: string }> {
  const [method] = key.split(' ')
  const body = await bodyOf(key, at, role)
  const answer = await at.clients[role].send(method as 'GET', addressOf(key, at, role), body)
  const text = await textOf(answer)
  if (answer.status < 300) return { word: 'taken', text }
  const { code } = JSON.parse(text) as { code: string }
  if (!refusals.has(code)) refusals.set(code, new Set())
  refusals.get(code)!.add(text)
  return { word: code, text }
}

describe('the table', () => {
  it('has every route of the relay, and no other', async () => {
    expect(columns!.trim().split(/\s+/)).toEqual(ROLES)
    expect(rows.map(({ cells }) => cells.length)).toEqual(rows.map(() => ROLES.length))
    const coded = ROUTES.map(({ method, url }) => `${method} ${url}`)
    expect(rows.map(({ key }) => key).toSorted()).toEqual(coded.toSorted())
    const described = (await (await at.world.anyone.send('GET', '/v1/openapi.json')).json()) as { paths: object }
    const served = Object.entries(described.paths).flatMap(([path, methods]) =>
      Object.keys(methods as object).map(
        (method) => `${method.toUpperCase()} ${path.replace('{*}', '*').replaceAll(/\{(\w+)\}/g, ':$1')}`,
      ),
    )
    expect(served.toSorted()).toEqual(coded.toSorted())
  })

  it('lets the operator do two things more than a stranger, and see nothing more', () => {
    const [operator, stranger] = [ROLES.indexOf('operator'), ROLES.indexOf('stranger')]
    const more = rows.filter(({ cells }) => cells[operator] !== cells[stranger])
    expect(more.map(({ key }) => key)).toEqual(['POST /v1/agencies', 'POST /v1/register'])
  })
})

describe.each(rows)('$key', ({ key, cells }) => {
  it.each(ROLES.map((role, i) => ({ role, cell: cells[i]! })))('to $role: $cell', async ({ role, cell }) => {
    const { word, text } = await knock(key, role)
    expect(word).toBe(cell === 'yes' || cell === 'own' ? 'taken' : (CODES[cell] ?? cell))
    const told = isMailbox(key) ? [] : householdSecrets(role).filter((secret) => text.includes(secret))
    expect(told).toEqual([])
  })
})

describe('refusals', () => {
  it.each(['DPOP_INVALID', 'CALLER_REFUSED', 'CONSENT_REQUIRED'])('%s has one body for everybody', (code) => {
    expect([...(refusals.get(code) ?? [])]).toHaveLength(1)
  })

  it('of another household’s clip are those of a clip that never was', async () => {
    const paths = ['headers', 'headers/original', 'items/0', 'kept']
    const bodies = await Promise.all(
      [at.clip.clip, randomId()].map((clip) =>
        Promise.all(
          paths.map(async (path) => {
            const method = path === 'kept' ? 'PUT' : 'GET'
            const answer = await at.clients.other.send(method, `/v1/clips/${clip}/${path}`)
            return { status: answer.status, body: await answer.text() }
          }),
        ),
      ),
    )
    expect(bodies[0]).toEqual(bodies[1])
  })
})

describe('the operator’s listener', () => {
  it('answers at three addresses, which the public one does not know, and names nobody', async () => {
    expect(Object.keys(OPERATOR_ROUTES)).toEqual(['/healthz', '/readyz', '/metrics'])
    const { operatorOrigin, publicOrigin } = at.world.relay
    for (const path of Object.keys(OPERATOR_ROUTES)) {
      const shown = await fetch(operatorOrigin + path)
      const text = await shown.text()
      expect(shown.status).toBe(200)
      expect(householdSecrets('operator').filter((secret) => text.includes(secret))).toEqual([])
      expect((await fetch(publicOrigin + path)).status).toBe(404)
    }
    expect((await fetch(`${operatorOrigin}/v1/clips`)).status).toBe(404)
  })
})

/**
 * Everything that an agency's account can read and the public cannot. What it reads of the neighbourhood, everybody reads: these are
 * its own inbox.
 */
const INBOX: Readonly<Record<string, string>> = {
  'GET /v1/releases': 'consents that owners gave to this key',
  'GET /v1/downloads/:download/items/:index': 'items that an owner gave to this key, sealed to it',
  'GET /v1/downloads/:download/bundle.zip': 'the same items with their proofs',
}

describe('an agency’s account and the public', () => {
  const accounts = ['rival', 'suspended', 'asker'] as const
  const readable = rows.filter(({ key, cells }) => {
    const open = accounts.map((role) => cells[ROLES.indexOf(role)])
    return key.startsWith('GET ') && open.some((cell) => cell === 'yes' || cell === 'own')
  })

  it.each(readable.filter(({ key }) => !(key in INBOX)))('read the same at $key', async ({ key }) => {
    const path = addressOf(key, at, 'asker')
    const read = async (role: Role) => {
      const answer = await at.clients[role].send('GET', path)
      return { status: answer.status, bytes: Buffer.from(await answer.arrayBuffer()).toString('base64') }
    }
    // The log may grow while it is read: only between two like readings of the public is there something to compare.
    const readings = await eventually(async () => {
      const before = await read('nobody')
      const told = await Promise.all(accounts.map(read))
      return isDeepStrictEqual(before, await read('nobody')) ? [before, ...told] : null
    }, 'a moment in which nothing is written')
    expect(readings[0]!.status).toBe(200)
    for (const reading of readings) expect(reading).toEqual(readings[0])
  })

  it('differ in the account’s inbox alone', () => {
    const nobody = ROLES.indexOf('nobody')
    const more = readable.filter(({ cells }) => cells[nobody] !== 'yes')
    expect(more.map(({ key }) => key)).toEqual(Object.keys(INBOX))
  })

  it.each(accounts)('and the inbox of the %s holds what owners gave to that key', async (role) => {
    const { releases } = (await expectStatus(await at.clients[role].send('GET', '/v1/releases'), 200)) as {
      releases: { consent: string; request: string }[]
    }
    const { thumbprint } = at.signers[role]
    expect(releases.length > 0).toBe(role !== 'rival')
    for (const { consent } of releases) {
      const { payload } = consentMessage.parse(consent)
      expect(thumbprintOfUrn(payload.sub)).toBe(thumbprint)
      expect(payload.latchkey.request).toBe(givenTo(at, role).subject.request.digest)
    }
  })

  it('and a download holds the items that its consent names, and no other', async () => {
    const { download, consent } = at.asker
    const { client } = at.asker.subject.investigator
    const { releases } = (await expectStatus(await client.send('GET', '/v1/releases'), 200)) as {
      releases: { consent: string }[]
    }
    const jws = releases.map((entry) => entry.consent).find((raw) => digestOfJws(raw) === consent)!
    const named = indexesOf(consentMessage.parse(jws).payload.authorization_details[0]!.items)
    const all = at.clip.descriptors.map(({ index }) => index)
    expect(named.length).toBeLessThan(all.length)
    const answers = await Promise.all(
      all.map(async (index) => (await client.send('GET', `/v1/downloads/${download}/items/${index}`)).status),
    )
    expect(answers).toEqual(all.map((index) => (named.includes(index) ? 200 : 404)))
    const { files } = readZip(await client.bytes('GET', `/v1/downloads/${download}/bundle.zip`))
    const media = [...files.keys()].filter((path) => path.startsWith('data/media/'))
    const numbers = media.map((path) => Number(/\/(\d{5})-/.exec(path)![1]))
    expect(numbers.toSorted((a, b) => a - b)).toEqual(named)
    expect(media.filter((path) => !path.startsWith(`data/media/${at.clip.clip}/`))).toEqual([])
  })
})
