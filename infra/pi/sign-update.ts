/** Update manifests: made from built packages, signed with keys that never leave their owners. */
import { createHash, createPrivateKey, createPublicKey } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { canonicalBytes, createSigner, decodeBase64url, type PublicJwk, type Signer } from '@latchkey/shared'
import {
  compareVersions,
  parseUpdateManifest,
  signUpdate as addSignature,
  type Update,
} from '../../device-agent/src/update/update-manifest.ts'
import { ARCHITECTURES, PACKAGE_NAME } from './architecture.ts'

/** The manifest's name, beside the packages. */
export const MANIFEST_FILE = 'latchkey-agent-update.json'

/** @throws when the file is not an Ed25519 private key as PEM */
function loadSigner(keyFile: string): Signer {
  const key = createPrivateKey(readFileSync(keyFile))
  const { d, crv } = key.export({ format: 'jwk' })
  if (crv !== 'Ed25519' || d === undefined) throw new Error(`${keyFile} is not an Ed25519 private key`)
  return createSigner(decodeBase64url(d))
}

/** The public half of a key, as release-keys.json wants it. */
export function showKey(keyFile: string): string {
  const { crv, kty, x } = createPublicKey(readFileSync(keyFile)).export({ format: 'jwk' }) as PublicJwk
  return JSON.stringify({ crv, kty, x })
}

/** What lies in `folder`: the newest version, in each architecture that is there. */
function describePackages(folder: string): Update {
  const pattern = new RegExp(`^${PACKAGE_NAME}_([0-9.]+)_(${ARCHITECTURES.join('|')})\\.deb$`)
  const found = readdirSync(folder).flatMap((file) => {
    const [, version, architecture] = pattern.exec(file) ?? []
    return version === undefined ? [] : [{ file, version, architecture: architecture as 'amd64' | 'arm64' }]
  })
  const version = found
    .map((entry) => entry.version)
    .sort(compareVersions)
    .at(-1)
  if (version === undefined) throw new Error(`no ${PACKAGE_NAME} package lies in ${folder}; build it first`)
  const files = found
    .filter((entry) => entry.version === version)
    .map(({ file, architecture }) => ({
      architecture,
      file,
      sha256: createHash('sha256')
        .update(readFileSync(join(folder, file)))
        .digest('base64url'),
      sizeBytes: statSync(join(folder, file)).size,
    }))
  return { v: 1, package: PACKAGE_NAME, version, issuedMs: Date.now(), files }
}

/**
 * Writes the manifest of the newest packages in `folder`, or adds a signature to the one that is there.
 * @returns what was done, for people
 * @throws when the manifest that is there is about other packages
 */
export async function signUpdate(folder: string, keyFile: string): Promise<string> {
  const path = join(folder, MANIFEST_FILE)
  const update = describePackages(folder)
  const former = existsSync(path) ? parseUpdateManifest(readFileSync(path)) : null
  const isSame = former !== null && JSON.stringify(former.update.files) === JSON.stringify(update.files)
  if (former !== null && !isSame && compareVersions(former.update.version, update.version) >= 0)
    throw new Error(`${path} is about other packages of this version; delete it to sign anew`)
  const signed = await addSignature(isSame ? former : { update }, loadSigner(keyFile))
  const bytes = canonicalBytes(signed)
  // What a doorbell would refuse is refused here.
  parseUpdateManifest(bytes)
  writeFileSync(path, bytes)
  return `${path}: ${signed.update.version}, ${signed.update.files.length} packages, ${signed.signatures.length} signatures`
}
