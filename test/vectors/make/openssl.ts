/** Cryptography by the `openssl` program, for vectors that owe nothing to our code. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const PKCS8 = { ed25519: '302e020100300506032b657004220420', x25519: '302e020100300506032b656e04220420' }
const SPKI_X25519 = '302a300506032b656e032100'

/** Runs openssl; `files` become arguments of the form `@name`, so that no key stands on the command line. */
function openssl(args: readonly string[], files: Readonly<Record<string, Buffer>>): Buffer {
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-vector-'))
  try {
    for (const [name, bytes] of Object.entries(files)) writeFileSync(join(folder, name), bytes, { mode: 0o600 })
    return execFileSync(
      'openssl',
      args.map((arg) => (arg.startsWith('@') ? join(folder, arg.slice(1)) : arg)),
    )
  } finally {
    rmSync(folder, { recursive: true })
  }
}

const privateDer = (curve: 'ed25519' | 'x25519', secret: Buffer) =>
  Buffer.concat([Buffer.from(PKCS8[curve], 'hex'), secret])

export const sha256 = (...parts: readonly (Buffer | string)[]): Buffer =>
  openssl(['dgst', '-sha256', '-binary', '@in'], { in: Buffer.concat(parts.map((part) => Buffer.from(part))) })

export const hmac = (key: Buffer, ...parts: readonly Buffer[]): Buffer =>
  openssl(['dgst', '-sha256', '-mac', 'HMAC', '-macopt', `hexkey:${key.toString('hex')}`, '-binary', '@in'], {
    in: Buffer.concat(parts),
  })

/** An empty salt is, by RFC 5869 §2.2, as many zeros as the hash is long. */
export function hkdf(secret: Buffer, salt: Buffer, info: string): Buffer {
  const hexSalt = (salt.length === 0 ? Buffer.alloc(32) : salt).toString('hex')
  const options = [`hexkey:${secret.toString('hex')}`, `hexsalt:${hexSalt}`, `info:${info}`]
  return openssl(
    ['kdf', '-keylen', '32', '-kdfopt', 'digest:SHA256', ...options.flatMap((o) => ['-kdfopt', o]), '-binary', 'HKDF'],
    {},
  )
}

export const publicKeyOf = (curve: 'ed25519' | 'x25519', secret: Buffer): Buffer =>
  openssl(['pkey', '-inform', 'DER', '-in', '@key', '-pubout', '-outform', 'DER'], {
    key: privateDer(curve, secret),
  }).subarray(-32)

export const sign = (seed: Buffer, message: Buffer | string): Buffer =>
  openssl(['pkeyutl', '-sign', '-rawin', '-keyform', 'DER', '-inkey', '@key', '-in', '@in'], {
    key: privateDer('ed25519', seed),
    in: Buffer.from(message),
  })

export const sharedSecret = (secret: Buffer, publicKey: Buffer): Buffer =>
  openssl(['pkeyutl', '-derive', '-keyform', 'DER', '-inkey', '@key', '-peerform', 'DER', '-peerkey', '@peer'], {
    key: privateDer('x25519', secret),
    peer: Buffer.concat([Buffer.from(SPKI_X25519, 'hex'), publicKey]),
  })
