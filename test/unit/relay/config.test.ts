import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { isLoopback } from '../../../relay/src/config-reading.ts'
import { loadConfig } from '../../../relay/src/config.ts'
import { loadTestPolicy } from '../../support/relay-world.ts'

/** One of Latchkey's own names for a text, with the digest of nothing that Latchkey ships. */
const strayEntry = { id: 'burglary-1', digest: 'A'.repeat(43) }

let folder: string
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'latchkey-config-'))
  const policy = await loadTestPolicy()
  writeFileSync(join(folder, 'policy.json'), JSON.stringify(policy))
  writeFileSync(join(folder, 'other-texts.json'), JSON.stringify({ ...policy, templates: [strayEntry] }))
  writeFileSync(join(folder, 'codes.txt'), 'one\n\n two \n')
  writeFileSync(join(folder, 'tls.pem'), 'PEM')
  writeFileSync(join(folder, 'empty.txt'), '\n')
})
afterAll(() => rmSync(folder, { recursive: true }))

const listen = { host: '127.0.0.1', port: 0 }
const minimal = { listen, operatorListen: listen, broker: listen, dataDir: 'data', policyFile: 'policy.json' }
const mosquitto = {
  url: 'mqtts://broker.example:8883',
  relayUrl: 'mqtt://127.0.0.1:1884',
  username: 'relay',
  passwordFile: 'tls.pem',
}
const load = (change: object) => loadConfig({ ...minimal, ...change }, folder)

describe('a configuration', () => {
  it('of the fewest keys is a loopback relay that is open and quick', async () => {
    expect(await load({})).toMatchObject({
      publicOrigin: null,
      dataDir: join(folder, 'data'),
      database: null,
      secretsDir: join(folder, 'data/secrets'),
      instance: 'relay',
      enrolment: { mode: 'open' },
      operatorJwk: null,
      appOrigins: [],
      batchMs: 1_000,
      retentionDays: null,
      logLevel: 'info',
    })
  })

  it('for the outside asks for invitations, and waits a minute per batch', async () => {
    const config = await load({
      publicOrigin: 'https://relay.example',
      listen: { host: '0.0.0.0', port: 8420 },
      broker: { host: '0.0.0.0', port: 8883, tls: { certFile: 'tls.pem', keyFile: 'tls.pem' } },
      invitationsFile: 'codes.txt',
    })
    expect(config.enrolment).toEqual({ mode: 'invitation', codes: ['one', 'two'] })
    expect(config.batchMs).toBe(60_000)
    expect(config.broker).toMatchObject({ kind: 'embedded', tls: { cert: 'PEM', key: 'PEM' } })
  })

  it.each([
    ['an unknown key', { colour: 'red' }, 'configuration'],
    ['a number as text', { retentionDays: '7' }, 'retentionDays'],
    ['a port out of range', { listen: { host: '127.0.0.1', port: 70_000 } }, 'port'],
    ['http outside loopback', { publicOrigin: 'http://relay.example' }, 'publicOrigin'],
    ['no public origin outside loopback', { listen: { host: '0.0.0.0', port: 1 } }, 'publicOrigin'],
    ['plain MQTT outside loopback', { broker: { host: '0.0.0.0', port: 1 } }, 'broker.tls'],
    ['no broker at all', { broker: undefined }, 'broker, mosquitto'],
    ['two brokers', { mosquitto }, 'broker, mosquitto'],
    [
      'a plain way to a Mosquitto elsewhere',
      { broker: undefined, mosquitto: { ...mosquitto, relayUrl: 'mqtt://broker.example:1884' } },
      'mosquitto.relayUrl',
    ],
    [
      'doorbells told to report in the clear',
      { broker: undefined, mosquitto: { ...mosquitto, url: 'mqtt://broker.example' } },
      'mosquitto.url',
    ],
    [
      'no password for a Mosquitto',
      { broker: undefined, mosquitto: { ...mosquitto, passwordFile: 'empty.txt' } },
      'mosquitto.passwordFile',
    ],
    ['a password for no database', { databasePasswordFile: 'codes.txt' }, 'databasePasswordFile'],
    ['a database that is nowhere', { databaseUrl: 'postgres://a b' }, 'databaseUrl'],
    [
      'an empty password for its database',
      { databaseUrl: 'postgres://db', databasePasswordFile: 'empty.txt' },
      'databasePasswordFile',
    ],
    ['a missing policy', { policyFile: 'none.json' }, 'policyFile'],
    ['a policy that names other texts', { policyFile: 'other-texts.json' }, '“burglary-1”'],
    ['a policy that is none', { policyFile: 'codes.txt' }, 'policyFile'],
    ['push services that are no host names', { push: { services: ['https://push.example'] } }, 'services'],
    ['a push service of any name', { push: { services: ['*'] } }, 'services'],
    [
      'push services of its own machine for the outside',
      { publicOrigin: 'https://relay.example', push: { loopback: true } },
      'push.loopback',
    ],
    ['a contact that nobody can write to', { push: { contact: 'somebody' } }, 'contact'],
    ['an app without its list', { apps: [{ name: 'owner', filesList: 'none.txt' }] }, 'apps.filesList'],
    ['an app whose list is none', { apps: [{ name: 'owner', filesList: 'codes.txt' }] }, 'apps.filesList'],
    ['clips kept beyond the policy', { retentionDays: 31 }, 'retentionDays'],
  ])('with %s is refused, and the key is named', async (_what, change, named) => {
    await expect(load(change)).rejects.toMatchObject({ code: 'CONFIG_INVALID' })
    await expect(load(change)).rejects.toThrow(named)
  })

  it('takes passwords from files, without their line ends', async () => {
    const config = await load({
      broker: undefined,
      mosquitto,
      databaseUrl: 'postgres://db',
      databasePasswordFile: 'tls.pem',
    })
    expect(config.broker).toEqual({
      kind: 'mosquitto',
      url: mosquitto.url,
      relayUrl: mosquitto.relayUrl,
      username: 'relay',
      password: 'PEM',
      ca: null,
    })
    expect(config.database).toEqual({ url: 'postgres://db', password: 'PEM' })
  })

  it('never repeats a secret in its refusal', async () => {
    const databaseUrl = 'mysql://user:hunter2@db/latchkey'
    const refused = load({ databaseUrl }).catch((error: unknown) => String(error))
    expect(await refused).not.toContain('hunter2')
  })
})

it.each([
  ['127.0.0.1', true],
  ['127.9.9.9', true],
  ['::1', true],
  ['localhost', true],
  ['127.0.0.1.example.com', false],
  ['0.0.0.0', false],
  ['10.0.0.1', false],
])('%s is loopback: %s', (host, expected) => {
  expect(isLoopback(host)).toBe(expected)
})
