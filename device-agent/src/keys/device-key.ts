import {
  createSigner,
  decodeBase64url,
  encodeBase64url,
  type Identity,
  identityOfSeed,
  LatchkeyError,
  randomBytes,
  type Signer,
  utf8,
} from '@latchkey/shared'
import { readFile, stat } from 'node:fs/promises'
import { isFileError, writeFileAtomic } from '../kernel/atomic-file.ts'
import type { Failpoints } from '../kernel/failpoint.ts'

/** The device's key: it signs, and opens what phones seal to it, which no clip ever is. */
export interface DeviceKey extends Signer {
  /** @see spec/push.md */
  identity(): Promise<Identity>
}

/**
 * The device's Ed25519 key: made at the first start, never changed. The file holds the seed, base64url, mode 0600.
 * @param path absolute; its directory exists
 * @throws CONFIG_INVALID when others may read the file or it does not hold a key
 */
export async function loadDeviceKey(path: string, failpoints?: Failpoints): Promise<DeviceKey> {
  const fresh = utf8(`${encodeBase64url(randomBytes(32))}\n`)
  try {
    await writeFileAtomic(path, fresh, { exclusive: true, name: 'keys.device', ...(failpoints ? { failpoints } : {}) })
  } catch (error) {
    if (!isFileError(error, 'EEXIST')) throw error
  }
  const { mode } = await stat(path)
  if ((mode & 0o077) !== 0)
    throw new LatchkeyError('CONFIG_INVALID', 'the device key file may be read by others: set its mode to 0600')
  return parseDeviceKey(await readFile(path, 'utf8'))
}

function parseDeviceKey(text: string): DeviceKey {
  try {
    const seed = decodeBase64url(text.trim())
    if (seed.length === 32) {
      const signer = createSigner(seed)
      return { ...signer, identity: () => identityOfSeed(seed, signer.jwk) }
    }
  } catch {
    // Falls through: the cause would quote the seed.
  }
  throw new LatchkeyError('CONFIG_INVALID', 'the device key file does not hold a key')
}
