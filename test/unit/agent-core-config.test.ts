import { writeFile } from 'node:fs/promises'
import { describe, expect, test } from 'vitest'
import { LatchkeyError } from '@latchkey/shared'
import {
  checkAgentConfig,
  CONFIG_SCHEMA,
  loadAgentConfig,
  loadCameraAddress,
  parseAgentConfig,
} from '../../device-agent/src/config.ts'
import { exampleConfig } from '../../device-agent/src/config-document.ts'
import { type ConfigKey, keysOf, pathText, ruleOf } from '../../device-agent/src/config-rule.ts'
import { createTemporaryFolder } from '../support/temporary-folder.ts'

const GOOD = {
  dataDir: '/var/lib/latchkey-agent',
  camera: { source: '/dev/video0', name: 'Front door' },
  relay: { origin: 'https://relay.example' },
}

const withButton = (button: unknown) => ({ ...GOOD, button })
const withHome = (home: unknown) => ({ ...GOOD, home })

const withZone = (zone: unknown) => ({ ...GOOD, motion: { zones: { porch: zone } } })

const withCamera = (keys: object) => ({ ...GOOD, camera: { ...GOOD.camera, ...keys } })

function messageOf(value: unknown): string {
  try {
    parseAgentConfig(value)
    return ''
  } catch (error) {
    if (error instanceof LatchkeyError && error.code === 'CONFIG_INVALID') return error.message
    throw error
  }
}

describe('the configuration', () => {
  test('takes the smallest one', () => {
    expect(parseAgentConfig(GOOD)).toEqual(GOOD)
  })

  test('names every wrong key at once, and no value', () => {
    const message = messageOf({
      ...GOOD,
      camera: { source: '/dev/video0', name: '', secretWord: 'hunter2' },
      clip: { preRollMs: '15s' },
      colour: 'red',
    })
    expect(message).toMatch(/colour is not a known key/)
    expect(message).toMatch(/camera\.secretWord is not a known key/)
    expect(message).toMatch(/camera\.name /)
    expect(message).toMatch(/clip\.preRollMs /)
    expect(message).not.toMatch(/hunter2|15s|red/)
  })

  test.each([
    ['a camera without a source', { ...GOOD, camera: { name: 'x' } }, /exactly one of source and sourceFile/],
    ['two sources', { ...GOOD, camera: { ...GOOD.camera, sourceFile: '/x' } }, /exactly one of/],
    ['a password in the file', { ...GOOD, camera: { source: 'rtsp://u:hunter2@cam/1', name: 'x' } }, /sourceFile/],
    ['two substreams', withCamera({ substream: 'rtsp://cam/2', substreamFile: '/x' }), /only one of substream/],
    ['a password in a substream', withCamera({ substream: 'rtsp://u:hunter2@cam/2' }), /substreamFile/],
    ['a substream of a replay', withCamera({ substream: '/video.mp4', rate: 10 }), /leave rate out/],
    ['http to another machine', { ...GOOD, relay: { origin: 'http://relay.example' } }, /https outside loopback/],
    ['a path in the origin', { ...GOOD, relay: { origin: 'https://relay.example/x' } }, /relay\.origin/],
    ['a relative data directory', { ...GOOD, dataDir: 'data' }, /dataDir/],
    ['two contacts', withButton({ gpio: { line: 'GPIO17' }, input: { device: '/dev/x' } }), /either gpio or input/],
    ['a line named twice', withButton({ gpio: { line: 'GPIO17', chip: 'gpiochip0', offset: 1 } }), /line, or chip/],
    ['a chip without an offset', withButton({ gpio: { chip: 'gpiochip0' } }), /line, or chip and offset/],
    ['a line and half a place', withButton({ gpio: { line: 'GPIO17', offset: 1 } }), /line, or chip and offset/],
    ['a line that is an option', withButton({ gpio: { line: '--help' } }), /button\.gpio\.line/],
    ['a bias that is none', withButton({ gpio: { line: 'GPIO17', bias: 'up' } }), /button\.gpio\.bias/],
    ['a relative device', withButton({ input: { device: 'event0' } }), /button\.input\.device/],
    ['a key that is none', withButton({ input: { device: '/dev/x', key: 0 } }), /button\.input\.key/],
    ['a chime for a shell', withButton({ chime: { command: ['aplay', 'x'] } }), /chime\.command must begin with/],
    ['a chime of nothing', withButton({ chime: { command: [] } }), /button\.chime\.command/],
    ['a chime for ever', withButton({ chime: { command: ['/x'], timeoutMs: 1e9 } }), /button\.chime\.timeoutMs/],
    ['a home broker with a password', withHome({ broker: 'mqtt://u:hunter2@ha' }), /home\.broker must be/],
    ['a home broker that is no address', withHome({ broker: 'mqtt://ha:99999' }), /home\.broker is not/],
    ['a password without a user', withHome({ broker: 'mqtt://ha', passwordFile: '/x' }), /needs home\.usernameFile/],
    ['an authority for plain text', withHome({ broker: 'mqtt://ha', caFile: '/x' }), /caFile is for a broker at mqtts/],
    ['a prefix with a wildcard', withHome({ broker: 'mqtt://ha', topicPrefix: 'a/#' }), /home\.topicPrefix must be/],
    [
      'a zone of two points',
      withZone({
        kind: 'include',
        points: [
          [0, 0],
          [1, 1],
        ],
      }),
      /motion\.zones must be up to 16 zones/,
    ],
    [
      'a zone beside the picture',
      withZone({
        kind: 'exclude',
        points: [
          [0, 0],
          [1, 1],
          [0, 1.5],
        ],
      }),
      /motion\.zones must/,
    ],
    [
      'a zone of an unknown kind',
      withZone({
        kind: 'hunter2',
        points: [
          [0, 0],
          [1, 1],
          [0, 1],
        ],
      }),
      /motion\.zones must/,
    ],
    [
      'a zone without a name',
      { ...GOOD, motion: { zones: { '': { kind: 'include', points: [] } } } },
      /motion\.zones must/,
    ],
    ['something that is no object', 'GOOD', /the file/],
  ])('refuses %s', (_, value, reason) => {
    expect(messageOf(value)).toMatch(reason)
    expect(messageOf(value)).not.toMatch(/hunter2/)
  })

  test('reads the camera address from a file of its own', async () => {
    await using folder = await createTemporaryFolder()
    await writeFile(`${folder.path}/camera`, 'rtsp://u:p@cam/1\n')
    const camera = { sourceFile: `${folder.path}/camera`, name: 'x' }
    await writeFile(`${folder.path}/agent.json`, JSON.stringify({ ...GOOD, camera }))
    const config = await loadAgentConfig(`${folder.path}/agent.json`)
    expect(await loadCameraAddress(config)).toBe('rtsp://u:p@cam/1')
    await writeFile(`${folder.path}/agent.json`, '{"dataDir": hunter2')
    await expect(loadAgentConfig(`${folder.path}/agent.json`)).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.not.stringContaining('hunter2') as string,
    })
  })
})

const KEYS = [...keysOf(CONFIG_SCHEMA)]
const UNKNOWN = 'unheardOf'
const CANARY = 'hunter2'

/** A copy of `whole` with `value` at `path`; `'[]'` is a list's first member. */
function withValue(whole: unknown, [name, ...rest]: readonly string[], value: unknown): unknown {
  if (name === undefined) return value
  if (name === '[]') {
    const [first, ...others] = (whole ?? []) as unknown[]
    return [withValue(first, rest, value), ...others]
  }
  const group = (whole ?? {}) as Record<string, unknown>
  return { ...group, [name]: withValue(group[name], rest, value) }
}

/** Every key at once, with what holds without it, or its example. */
const FULL = KEYS.filter(({ path }) => !path.includes('[]')).reduce<unknown>(
  (whole, { path, schema }) => withValue(whole, path, schema.default ?? schema.example),
  {},
)

/** Values that no rule of this key allows. */
function wrongValues({ schema }: ConfigKey): unknown[] {
  const outside = [
    ...(schema.minimum === undefined ? [] : [schema.minimum - 1]),
    ...(schema.maximum === undefined ? [] : [schema.maximum + (schema.type === 'integer' ? 1 : 0.1)]),
    ...(schema.type === 'integer' ? [1.5] : []),
    ...(schema.anyOf === undefined ? [] : [CANARY]),
    ...(schema.type === 'string' ? ['', `${CANARY}\n${'x'.repeat(5_000)}`] : []),
  ]
  return [...outside, schema.type === 'string' ? 5 : `${CANARY} 15s`, { [CANARY]: 1 }, null]
}

describe('every key of the configuration', () => {
  test('has a meaning, and a default or an example that its own rule allows', () => {
    expect(KEYS.filter(({ schema }) => !schema.description).map(({ path }) => pathText(path))).toEqual([])
    // All keys at once are one source, one contact and one line too many.
    const formOf = (finding: string) => !/^(camera (needs exactly|takes only) one|button)/.test(finding)
    expect(checkAgentConfig(FULL).filter(formOf)).toEqual([])
  })

  test.each(KEYS.map((key) => [pathText(key.path), key] as const))(
    '%s, when wrong, is named with its rule',
    (_, key) => {
      const name = pathText(key.path).replace('[]', '[0]')
      for (const value of wrongValues(key)) {
        const findings = checkAgentConfig(withValue(FULL, key.path, value))
        expect(findings).toContain(`${name} must be ${ruleOf(key.schema)}`)
        expect(findings.join()).not.toContain(CANARY)
      }
    },
  )

  test.each(KEYS.map((key) => [pathText(key.path), key] as const))('beside %s, an unknown one is named', (_, key) => {
    const path = [...key.path.slice(0, -1), UNKNOWN]
    const findings = checkAgentConfig(withValue(FULL, path, CANARY))
    expect(findings).toContain(`${pathText(path).replace('[]', '[0]')} is not a known key`)
    expect(findings.join()).not.toContain(CANARY)
  })

  test.each(KEYS.filter(({ required }) => required).map((key) => [pathText(key.path), key] as const))(
    '%s, when missing, is named with its rule',
    (_, key) => {
      const findings = checkAgentConfig(JSON.parse(JSON.stringify(withValue(FULL, key.path, undefined))))
      const name = pathText(key.path).replace('[]', '[0]')
      expect(findings).toContain(`${name} is missing: it must be ${ruleOf(key.schema)}`)
    },
  )
})

describe('the annotated file', () => {
  const load = async (text: string) => {
    await using folder = await createTemporaryFolder()
    await writeFile(`${folder.path}/agent.yml`, text)
    return await loadAgentConfig(`${folder.path}/agent.yml`)
  }

  test('is a whole configuration in which only what is required stands', async () => {
    expect(await load(exampleConfig())).toEqual({
      dataDir: '/var/lib/latchkey',
      camera: { source: 'rpicam', name: 'Front door' },
      relay: { origin: 'https://relay.example' },
    })
  })

  test('holds every key: with each # taken away it is the configuration of defaults and examples', async () => {
    const text = exampleConfig()
      .replace(/^(\s*)#(?=[\w])/gm, '$1')
      .replace(/^ +(sourceFile|substreamFile|line|input|device|key):.*\n/gm, '')
    const alternatives = [
      ['camera', 'sourceFile'],
      ['camera', 'substreamFile'],
      ['button', 'gpio', 'line'],
      ['button', 'input'],
    ]
    const others = alternatives.reduce<unknown>((whole, path) => withValue(whole, path, undefined), FULL)
    expect(await load(text)).toEqual(JSON.parse(JSON.stringify(others)))
  })
})
