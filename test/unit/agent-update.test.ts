import { canonicalBytes, codeOf, createSigner, digestOf, randomBytes, type Signer, utf8 } from '@latchkey/shared'
import { readFile, stat, writeFile } from 'node:fs/promises'
import { describe, expect, test } from 'vitest'
import { openUpdateJournal } from '../../device-agent/src/update/disk-update-journal.ts'
import { controlOfStatus } from '../../device-agent/src/update/dpkg-packages.ts'
import { parseServiceState, type ServiceState, watchService } from '../../device-agent/src/update/doorbell-health.ts'
import {
  compareVersions,
  parseReleaseKeys,
  signUpdate,
  type Update,
  verifyUpdateManifest,
} from '../../device-agent/src/update/update-manifest.ts'
import { openUpdateSource } from '../../device-agent/src/update/update-source-client.ts'
import { createUpdater, type UpdaterParts } from '../../device-agent/src/update/updater.ts'
import { createLeapingClock } from '../support/leaping-clock.ts'
import { createTemporaryFolder } from '../support/temporary-folder.ts'

const SIGNERS = [1, 2, 3].map((seed) => createSigner(new Uint8Array(32).fill(seed))) as [Signer, Signer, Signer]
const STRANGER = createSigner(new Uint8Array(32).fill(9))
const RELEASE_KEYS = parseReleaseKeys({ threshold: 2, keys: SIGNERS.map(({ jwk }) => jwk) })
const PACKAGE = randomBytes(5_000)

const updateOf = (version: string, more: Partial<Update> = {}): Update => ({
  v: 1,
  package: 'latchkey-agent',
  version,
  issuedMs: 1_800_000_000_000,
  files: [
    {
      architecture: 'arm64',
      file: `latchkey-agent_${version}_arm64.deb`,
      sha256: digestOf(PACKAGE),
      sizeBytes: PACKAGE.length,
    },
  ],
  ...more,
})

async function manifestOf(update: Update, signers: readonly Signer[] = SIGNERS.slice(0, 2)): Promise<Uint8Array> {
  let manifest: Awaited<ReturnType<typeof signUpdate>> | { update: Update } = { update }
  for (const signer of signers) manifest = await signUpdate(manifest, signer)
  return canonicalBytes(manifest)
}

const refusal = (bytes: Uint8Array, keys = RELEASE_KEYS): string => {
  try {
    verifyUpdateManifest(bytes, keys)
    return 'accepted'
  } catch (error) {
    return codeOf(error)
  }
}

describe('an update manifest', () => {
  test('counts with the signatures of two of three release keys, in any order', async () => {
    expect(verifyUpdateManifest(await manifestOf(updateOf('1.2.3'), [SIGNERS[2], SIGNERS[0]]), RELEASE_KEYS)).toEqual(
      updateOf('1.2.3'),
    )
  })

  test.each([
    ['one signature', async () => manifestOf(updateOf('1.2.3'), [SIGNERS[0]]), 'SIGNATURE_INVALID'],
    [
      'a stranger as the second',
      async () => manifestOf(updateOf('1.2.3'), [SIGNERS[0], STRANGER]),
      'SIGNATURE_INVALID',
    ],
    [
      'one signature twice',
      async () => {
        const { update, signatures } = await signUpdate({ update: updateOf('1.2.3') }, SIGNERS[0])
        return canonicalBytes({ update, signatures: [...signatures, ...signatures] })
      },
      'SIGNATURE_INVALID',
    ],
    [
      'one signature under two names',
      async () => {
        const { update, signatures } = await signUpdate({ update: updateOf('1.2.3') }, SIGNERS[0])
        const other = { ...signatures[0]!, key: SIGNERS[1].thumbprint }
        return canonicalBytes({ update, signatures: [...signatures, other] })
      },
      'SIGNATURE_INVALID',
    ],
    [
      'signatures of another version',
      async () => {
        const former = JSON.parse(new TextDecoder().decode(await manifestOf(updateOf('1.2.3')))) as {
          signatures: unknown
        }
        return canonicalBytes({ update: updateOf('1.2.4'), signatures: former.signatures })
      },
      'SIGNATURE_INVALID',
    ],
    [
      'another package',
      async () => manifestOf(updateOf('1.2.3', { package: 'other' as 'latchkey-agent' })),
      'MESSAGE_INVALID',
    ],
    ['a version of another form', async () => manifestOf(updateOf('1.2.3-beta')), 'MESSAGE_INVALID'],
    [
      'a file outside its folder',
      async () => manifestOf(updateOf('1.2.3', { files: [{ ...updateOf('1.2.3').files[0]!, file: '../x.deb' }] })),
      'MESSAGE_INVALID',
    ],
    [
      'white space',
      async () => utf8(` ${new TextDecoder().decode(await manifestOf(updateOf('1.2.3')))}`),
      'JSON_NOT_CANONICAL',
    ],
    ['too much of it', () => Promise.resolve(new Uint8Array(20_000)), 'MESSAGE_TOO_LARGE'],
  ])('is refused for %s', async (_, make, code) => {
    expect(refusal(await make())).toBe(code)
  })

  test('is refused when it is cut off anywhere, or one bit of any byte is another', async () => {
    const bytes = await manifestOf(updateOf('1.2.3'))
    const outcomes = new Set<string>()
    for (let at = 0; at < bytes.length; at++) {
      outcomes.add(refusal(bytes.subarray(0, at)))
      const flipped = bytes.slice()
      flipped[at]! ^= 1 << (at % 8)
      outcomes.add(refusal(flipped))
    }
    expect(outcomes).not.toContain('accepted')
    expect(outcomes).not.toContain('INTERNAL')
  })

  test('is refused by a package without release keys, and keys may not stand twice', async () => {
    expect(refusal(await manifestOf(updateOf('1.2.3')), { threshold: 1, keys: [] })).toBe('KEY_INVALID')
    expect(() => parseReleaseKeys({ threshold: 2, keys: [SIGNERS[0].jwk, SIGNERS[0].jwk] })).toThrow(/twice/)
  })
})

test('versions are ordered by their numbers', () => {
  expect(['1.10.0', '1.9.9', '0.99999.1', '1.10.1'].toSorted(compareVersions)).toEqual([
    '0.99999.1',
    '1.9.9',
    '1.10.0',
    '1.10.1',
  ])
})

/** A machine on which everything is remembered, and the real journal in a folder. */
function createMachine(
  folder: string,
  manifest: Uint8Array,
  parts: Partial<UpdaterParts> & { bytes?: Uint8Array; inside?: string } = {},
) {
  const done: string[] = []
  let version = '1.0.0'
  const updater = createUpdater({
    source: {
      readManifest: () => Promise.resolve(manifest),
      readPackage: () => Promise.resolve(parts.bytes ?? PACKAGE),
    },
    packages: {
      installed: () => Promise.resolve({ name: 'latchkey-agent', version, architecture: 'arm64' }),
      describe: () =>
        Promise.resolve({ name: 'latchkey-agent', version: parts.inside ?? '1.1.0', architecture: 'arm64' }),
      pack: async (path) => {
        done.push('pack')
        await writeFile(path, 'the version from before')
      },
      install: () => {
        done.push('install')
        version = '1.1.0'
        return Promise.resolve()
      },
      putBack: () => {
        done.push('put back')
        version = '1.0.0'
        return Promise.resolve()
      },
    },
    health: { observe: () => Promise.resolve(), prove: () => Promise.resolve(null) },
    journal: openUpdateJournal(folder),
    releaseKeys: RELEASE_KEYS,
    say: () => {},
    ...parts,
  })
  return { updater, done, version: () => version }
}

const exists = (path: string) =>
  stat(path).then(
    () => true,
    () => false,
  )
const code = (work: Promise<unknown>) => work.then(() => 'done', codeOf)

describe('the updater', () => {
  test('installs a newer version that proves healthy, and forgets the way back at a restart', async () => {
    await using folder = await createTemporaryFolder()
    const { updater, done, version } = createMachine(folder.path, await manifestOf(updateOf('1.1.0')))
    expect(await updater.apply({ retry: false })).toBe('1.1.0')
    expect([version(), done]).toEqual(['1.1.0', ['pack', 'install']])
    expect(await exists(`${folder.path}/recover.sh`)).toBe(false)
    await updater.rollBack()
    expect(version()).toBe('1.0.0')
    expect(await code(updater.rollBack())).toBe('NOT_FOUND')
  })

  test('changes nothing for what it refuses', async () => {
    const newer = await manifestOf(updateOf('1.1.0'))
    const longer = new Uint8Array([...PACKAGE, 0])
    const flipped = PACKAGE.slice()
    flipped[2_500]! ^= 1
    const cases: [string, Uint8Array, Parameters<typeof createMachine>[2]][] = [
      ['CONFLICT', await manifestOf(updateOf('0.9.9')), {}],
      ['SIGNATURE_INVALID', await manifestOf(updateOf('1.1.0'), [STRANGER]), {}],
      ['ITEM_INVALID', newer, { bytes: longer }],
      ['ITEM_INVALID', newer, { bytes: PACKAGE.subarray(1) }],
      ['ITEM_INVALID', newer, { bytes: flipped }],
      ['ITEM_INVALID', newer, { inside: '1.2.0' }],
      [
        'NOT_FOUND',
        await manifestOf(updateOf('1.1.0', { files: [{ ...updateOf('1.1.0').files[0]!, architecture: 'amd64' }] })),
        {},
      ],
    ]
    for (const [expected, manifest, parts] of cases) {
      await using folder = await createTemporaryFolder()
      const { updater, done } = createMachine(folder.path, manifest, parts)
      expect(await code(updater.apply({ retry: false }))).toBe(expected)
      expect(done).toEqual([])
    }
    await using folder = await createTemporaryFolder()
    const { updater } = createMachine(folder.path, await manifestOf(updateOf('1.0.0')))
    expect(await updater.apply({ retry: false })).toBeNull()
  })

  test('puts a sick version back, does not try it again by itself, and takes the next one', async () => {
    await using folder = await createTemporaryFolder()
    const manifest = await manifestOf(updateOf('1.1.0'))
    const sick = { observe: () => Promise.resolve(), prove: () => Promise.resolve('it coughs') }
    const { updater, done, version } = createMachine(folder.path, manifest, { health: sick })
    expect(await code(updater.apply({ retry: false }))).toBe('UNAVAILABLE')
    expect([version(), done]).toEqual(['1.0.0', ['pack', 'install', 'put back']])
    expect(await code(updater.apply({ retry: false }))).toBe('CONFLICT')
    expect((await updater.check()).refused).toEqual({ version: '1.1.0', reason: 'it coughs' })
    expect(done).toHaveLength(3)
    const well = createMachine(folder.path, manifest)
    expect(await well.updater.apply({ retry: true })).toBe('1.1.0')
    const next = createMachine(folder.path, await manifestOf(updateOf('1.2.0')), { inside: '1.2.0' })
    expect(await next.updater.apply({ retry: false })).toBe('1.2.0')
  })

  test('leaves the way back on the disk from before the installation until the version has proved itself', async () => {
    await using folder = await createTemporaryFolder()
    const seen: boolean[] = []
    const look = async () => void seen.push(await exists(`${folder.path}/recover.sh`))
    const health = { observe: look, prove: () => look().then(() => null) }
    const { updater } = createMachine(folder.path, await manifestOf(updateOf('1.1.0')), { health })
    await updater.apply({ retry: false })
    expect(seen).toEqual([false, true])
    await openUpdateJournal(folder.path).begin('1.3.0')
    const script = await readFile(`${folder.path}/recover.sh`, 'utf8')
    expect(script).toContain(`--install '${folder.path}/previous.deb'`)
    expect(script).toContain('"version":"1.3.0"')
  })
})

describe('the health of the service', () => {
  const alive = (watchdogUs: number, more: Partial<ServiceState> = {}): ServiceState => ({
    active: 'active',
    mainPid: '7',
    restarts: 0,
    watchdogUs,
    ...more,
  })

  async function watch(stateAt: (seconds: number) => ServiceState): Promise<string | null> {
    const clock = createLeapingClock()
    const startMs = clock.monotonicMs()
    const read = () => Promise.resolve(stateAt((clock.monotonicMs() - startMs) / 1000))
    return watchService({ clock, read, timeoutMs: 120_000 })
  }

  test('is good after one process was steady and gave a sign of life', async () => {
    expect(await watch((seconds) => alive(seconds))).toBeNull()
    expect(await watch((seconds) => (seconds < 20 ? alive(0, { active: 'activating' }) : alive(seconds)))).toBeNull()
  })

  test('is bad without a sign of life, without being active, or with process after process', async () => {
    expect(await watch(() => alive(5))).toMatch(/not steady/)
    expect(await watch(() => alive(0, { active: 'failed' }))).toMatch(/failed/)
    expect(await watch((s) => alive(s, { restarts: Math.floor(s / 5), mainPid: String(s) }))).toMatch(/keeps ending/)
    expect(await watch((s) => alive(s, { mainPid: String(Math.floor(s / 30)) }))).toMatch(/not steady/)
  })

  test('is read from systemctl show, whatever it says', () => {
    expect(parseServiceState('ActiveState=active\nMainPID=9\nNRestarts=2\nWatchdogTimestampMonotonic=77\n')).toEqual(
      alive(77, { mainPid: '9', restarts: 2 }),
    )
    expect(parseServiceState('').active).toBe('unknown')
  })
})

test("a kept package's control has nothing of dpkg's book-keeping", () => {
  const status =
    'Package: latchkey-agent\nStatus: install ok installed\nVersion: 1.0.0\nConffiles:\n /etc/latchkey/agent.yml 0123\nDescription: a\n b\n .\n c\n\n'
  expect(controlOfStatus(status)).toBe('Package: latchkey-agent\nVersion: 1.0.0\nDescription: a\n b\n .\n c\n')
})

test('updates come from https or from a file, and from nowhere else', async () => {
  expect(() => openUpdateSource('http://releases.example/x.json')).toThrow(/https/)
  expect(() => openUpdateSource('updates/x.json')).toThrow(/absolute path/)
  await using folder = await createTemporaryFolder()
  expect(await code(openUpdateSource(`${folder.path}/none.json`).readManifest())).toBe('UNAVAILABLE')
})
