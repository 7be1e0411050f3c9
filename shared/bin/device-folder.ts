import { mkdir, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { encodeBase64url } from '../src/bytes/base64url.ts'
import { randomBytes } from '../src/crypto/hash.ts'
import type { Signer } from '../src/crypto/keys.ts'
import { LatchkeyError } from '../src/errors.ts'
import { signingMember } from '../src/household/keyset-chain.ts'
import { clipManifest } from '../src/wire/clip.ts'
import { type DeviceCertificate, deviceCertificate, hello } from '../src/wire/device.ts'
import type { Signed } from '../src/wire/jws.ts'
import type { Keyset } from '../src/wire/keyset.ts'
import { createOutputFolder, writeNewFile } from './disk-files.ts'
import { inFile } from './failure.ts'
import { loadSigned, type Owner } from './household-folder.ts'
import { generateSigningKey, loadSigner } from './key-files.ts'

const DEVICE_FILES = {
  key: 'device.jwk',
  certificate: 'device.jws',
  hello: 'hello.jws',
  manifests: 'manifests',
} as const
/** A device that seals files meets no relay; `.invalid` (RFC 6761) says so. */
const NO_RELAY = 'https://none.invalid'
const NO_LOG = 'none'

/** A device that seals files: its key, what vouches for it, and where its chain of manifests stands. */
export interface Device {
  readonly signer: Signer
  readonly certificate: Signed<DeviceCertificate>
  /** Number of the last final manifest, 0 before the first, and its digest. */
  readonly sequence: number
  readonly previous: string | null
}

/** Makes a device key and a certificate for it, signed by an owner. @throws USAGE when the folder exists */
export async function createDeviceFolder(path: string, owner: Owner, nowMs: number): Promise<void> {
  const { signer, file } = generateSigningKey()
  const iat = Math.floor(nowMs / 1000)
  const nonce = encodeBase64url(randomBytes(32))
  const latchkey = { v: 1, relay: NO_RELAY, logVkey: NO_LOG, nonce, epoch: 1 } as const
  const introduced = await hello.encode({ iss: signer.urn, iat, cnf: { jwk: signer.jwk }, latchkey }, signer)
  const certificate = await deviceCertificate.encode(
    {
      iss: owner.keyset.payload.iss,
      sub: signer.urn,
      iat,
      cnf: { jwk: signer.jwk },
      latchkey: {
        v: 1,
        epoch: 1,
        device: encodeBase64url(randomBytes(16)),
        keyset: owner.keyset.digest,
        hello: hello.parse(introduced).digest,
      },
    },
    owner.signer,
  )
  await using folder = await createOutputFolder(path)
  await folder.write(DEVICE_FILES.key, file)
  await folder.write(DEVICE_FILES.hello, introduced)
  await folder.write(DEVICE_FILES.certificate, certificate)
  await mkdir(join(folder.temporary, DEVICE_FILES.manifests), { mode: 0o700 })
  await folder.finish()
}

const manifestName = (sequence: number) => `${String(sequence).padStart(8, '0')}.jws`

/** A device's folder. @throws DEVICE_INVALID when the keyset's household does not vouch for it */
export async function loadDevice(path: string, keyset: Signed<Keyset>): Promise<Device> {
  const signer = await loadSigner(join(path, DEVICE_FILES.key))
  const file = join(path, DEVICE_FILES.certificate)
  const certificate = await loadSigned(deviceCertificate, file)
  const isOurs = certificate.payload.iss === keyset.payload.iss && certificate.payload.sub === signer.urn
  await inFile(file, () => {
    if (!isOurs || signingMember(keyset.payload, certificate) === null)
      throw new LatchkeyError('DEVICE_INVALID', 'this household does not vouch for this device')
  })
  const names = await readdir(join(path, DEVICE_FILES.manifests))
  const last = names
    .filter((name) => /^\d{8}\.jws$/.test(name))
    .sort()
    .at(-1)
  if (last === undefined) return { signer, certificate, sequence: 0, previous: null }
  const manifest = await loadSigned(clipManifest, join(path, DEVICE_FILES.manifests, last))
  return { signer, certificate, sequence: manifest.payload.latchkey.sequence, previous: manifest.digest }
}

/**
 * Records a final manifest before its clip gets its name: two runs at once cannot both take a sequence number.
 * @throws USAGE when the number is taken
 */
export async function recordManifest(path: string, sequence: number, raw: string): Promise<void> {
  await writeNewFile(join(path, DEVICE_FILES.manifests, manifestName(sequence)), raw)
}
