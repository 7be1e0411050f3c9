import { encodeBase64url, randomBytes, sha256, utf8 } from '@latchkey/shared'
import { readFile } from 'node:fs/promises'

/**
 * Names the boot whose monotonic clock our times are on: 16 bytes, base64url. The kernel's id is hashed with the device,
 * because systemd asks that it not be published as it is. Where there is none, every start counts as a boot.
 * @param salt the device's thumbprint
 * @see machine-id(5), "it is recommended to hash"
 */
export async function loadBootId(salt: string): Promise<string> {
  const kernelId = await readFile('/proc/sys/kernel/random/boot_id', 'utf8').catch(() => null)
  if (kernelId === null) return encodeBase64url(randomBytes(16))
  return encodeBase64url(sha256(utf8(`latchkey/v1/boot\0${salt}\0${kernelId.trim()}`)).subarray(0, 16))
}
