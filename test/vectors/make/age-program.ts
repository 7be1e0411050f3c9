/** Age files by the `age` program, and the few steps that reach into their header, written apart from our code. */
import { execFileSync } from 'node:child_process'
import { createCipheriv, createDecipheriv } from 'node:crypto'
import { hkdf, hmac, publicKeyOf, sharedSecret } from './openssl.ts'

const BECH32 = 'qpzry9x8gf2tvdw0s3jn54khce6mua7l'
const EMPTY = Buffer.alloc(0)
const NONCE = Buffer.alloc(12)

export interface AgeKey {
  readonly identity: string
  readonly recipient: string
  readonly secret: Buffer
  readonly publicKey: Buffer
}

/** The 32 bytes inside a bech32 text, its checksum not looked at: the text comes from age-keygen. */
function bytesOfBech32(text: string): Buffer {
  const data = text.toLowerCase().slice(text.lastIndexOf('1') + 1, -6)
  const bits = Array.from(data, (c) => BECH32.indexOf(c).toString(2).padStart(5, '0')).join('')
  return Buffer.from(Array.from({ length: 32 }, (_, i) => Number.parseInt(bits.slice(8 * i, 8 * i + 8), 2)))
}

export function generateAgeKey(): AgeKey {
  const identity = /^AGE-SECRET-KEY-1\S+$/m.exec(execFileSync('age-keygen', { stdio: 'pipe' }).toString())![0]
  const recipient = execFileSync('age-keygen', ['-y'], { input: `${identity}\n` })
    .toString()
    .trim()
  return { identity, recipient, secret: bytesOfBech32(identity), publicKey: bytesOfBech32(recipient) }
}

export const ageSeal = (plaintext: Buffer, recipients: readonly string[]): Buffer =>
  execFileSync('age', ['-e', ...recipients.flatMap((recipient) => ['-r', recipient])], { input: plaintext })

/** Where the header ends: after the line that begins with `---`. */
export function split(file: Buffer): { header: Buffer; payload: Buffer } {
  const end = file.indexOf('\n', file.indexOf('\n---') + 1) + 1
  return { header: file.subarray(0, end), payload: file.subarray(end) }
}

const wrapKey = (shared: Buffer, share: Buffer, publicKey: Buffer) =>
  hkdf(shared, Buffer.concat([share, publicKey]), 'age-encryption.org/v1/X25519')

export function fileKeyOf(header: Buffer, key: AgeKey): Buffer {
  for (const [, shareText, bodyText] of header.toString().matchAll(/^-> X25519 (\S+)\n(\S+)$/gm)) {
    const share = Buffer.from(shareText!, 'base64')
    const body = Buffer.from(bodyText!, 'base64')
    const wrap = wrapKey(sharedSecret(key.secret, share), share, key.publicKey)
    const cipher = createDecipheriv('chacha20-poly1305', wrap, NONCE, { authTagLength: 16 })
    cipher.setAuthTag(body.subarray(16))
    const fileKey = cipher.update(body.subarray(0, 16))
    try {
      cipher.final()
      return fileKey
    } catch {
      // This stanza is for another recipient.
    }
  }
  throw new Error('no stanza is for this key')
}

/** A header with one stanza. @param ephemeral 32 bytes */
export function headerFor(fileKey: Buffer, publicKey: Buffer, ephemeral: Buffer): Buffer {
  const share = publicKeyOf('x25519', ephemeral)
  const wrap = wrapKey(sharedSecret(ephemeral, publicKey), share, publicKey)
  const cipher = createCipheriv('chacha20-poly1305', wrap, NONCE, { authTagLength: 16 })
  const body = Buffer.concat([cipher.update(fileKey), cipher.final(), cipher.getAuthTag()])
  const text = (bytes: Buffer) => bytes.toString('base64').replaceAll('=', '')
  const start = `age-encryption.org/v1\n-> X25519 ${text(share)}\n${text(body)}\n---`
  return Buffer.from(`${start} ${text(hmac(hkdf(fileKey, EMPTY, 'header'), Buffer.from(start)))}\n`)
}
