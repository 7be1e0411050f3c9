/** Later versions of a built package, good, sick and forged, with the keys of a trial. */
import { spawnSync } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { cpSync, mkdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { MANIFEST_FILE, showKey, signUpdate } from '../pi/sign-update.ts'

function run(program: string, ...args: readonly string[]): void {
  const { status, stderr } = spawnSync(program, args, { encoding: 'utf8' })
  if (status !== 0) throw new Error(`${program} failed: ${stderr.trim()}`)
}

/** A source of updates that has to be refused, and the code by which. */
export interface ForgedUpdate {
  readonly name: string
  readonly code: string
}

/** What lies in the folder: `base.deb`, and a folder per update. */
export const FORGED_UPDATES: readonly ForgedUpdate[] = [
  { name: 'one-signature', code: 'SIGNATURE_INVALID' },
  { name: 'wrong-keys', code: 'SIGNATURE_INVALID' },
  { name: 'altered-manifest', code: 'SIGNATURE_INVALID' },
  { name: 'truncated-manifest', code: 'JSON_INVALID' },
  { name: 'altered-package', code: 'ITEM_INVALID' },
  { name: 'truncated-package', code: 'ITEM_INVALID' },
  { name: 'another-inside', code: 'ITEM_INVALID' },
  { name: 'downgrade', code: 'CONFLICT' },
]

const MAIN = 'usr/lib/latchkey/device-agent/src/main.ts'

/**
 * Writes versions and manifests into `folder`: `base.deb` with the trial's keys (two of three have to sign), `good` and
 * `sick` as updates, and all of {@link FORGED_UPDATES}.
 */
export async function writeVersions(folder: string, built: string): Promise<void> {
  const at = (...names: readonly string[]) => join(folder, ...names)
  mkdirSync(folder, { recursive: true })
  const tree = at('tree')
  run('dpkg-deb', '--raw-extract', built, tree)
  const keyFiles = [1, 2, 3, 4, 5].map((number) => {
    const { privateKey } = generateKeyPairSync('ed25519')
    writeFileSync(at(`${number}.pem`), privateKey.export({ format: 'pem', type: 'pkcs8' }))
    return at(`${number}.pem`)
  })
  const [first, second, third, stranger, otherStranger] = keyFiles as [string, string, string, string, string]
  const releaseKeys = [first, second, third].map((file) => JSON.parse(showKey(file)) as unknown)
  writeFileSync(join(tree, 'usr/share/latchkey/release-keys.json'), JSON.stringify({ threshold: 2, keys: releaseKeys }))

  function pack(version: string, path: string): void {
    const control = join(tree, 'DEBIAN/control')
    writeFileSync(control, readFileSync(control, 'utf8').replace(/^Version: .*$/m, `Version: ${version}`))
    run('dpkg-deb', '--root-owner-group', '-Zzstd', '-z1', '--build', tree, path)
  }
  async function publish(name: string, version: string, signers: readonly string[]): Promise<string> {
    mkdirSync(at(name))
    const file = at(name, `latchkey-agent_${version}_amd64.deb`)
    cpSync(at(version), file)
    for (const signer of signers) await signUpdate(at(name), signer)
    return file
  }

  for (const version of ['0.1.0', '0.1.1', '0.0.9']) pack(version, at(version))
  cpSync(at('0.1.0'), at('base.deb'))
  const main = readFileSync(join(tree, MAIN))
  writeFileSync(join(tree, MAIN), 'process.exit(1)\n')
  pack('0.1.2', at('0.1.2'))
  writeFileSync(join(tree, MAIN), main)

  await publish('good', '0.1.1', [first, third])
  await publish('sick', '0.1.2', [first, second, third])
  await publish('one-signature', '0.1.1', [first, stranger])
  await publish('wrong-keys', '0.1.1', [stranger, otherStranger])
  await publish('downgrade', '0.0.9', [first, second])
  await publish('altered-manifest', '0.1.1', [first, second])
  const altered = at('altered-manifest', MANIFEST_FILE)
  writeFileSync(altered, readFileSync(altered, 'utf8').replace('"0.1.1"', '"0.1.3"'))
  await publish('truncated-manifest', '0.1.1', [first, second])
  truncateSync(at('truncated-manifest', MANIFEST_FILE), 200)
  const damaged = await publish('altered-package', '0.1.1', [first, second])
  const bytes = readFileSync(damaged)
  bytes[bytes.length >> 1]! ^= 1
  writeFileSync(damaged, bytes)
  truncateSync(await publish('truncated-package', '0.1.1', [first, second]), 1_000_000)
  cpSync(at('0.1.1'), at('kept'))
  cpSync(at('0.1.2'), at('0.1.1'))
  await publish('another-inside', '0.1.1', [first, second])
  for (const name of ['tree', 'kept', '0.1.0', '0.1.1', '0.1.2', '0.0.9']) rmSync(at(name), { recursive: true })
}
