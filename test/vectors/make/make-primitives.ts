/** Writes ../primitives.json with openssl alone. Run by hand: node test/vectors/make/make-primitives.ts */
import { writeFileSync } from 'node:fs'
import { hkdf, hmac, publicKeyOf, sha256, sharedSecret, sign } from './openssl.ts'

const hex = (bytes: Buffer) => bytes.toString('hex')
/** `size` bytes that depend on `name` only. */
const bytes = (name: string, size: number) =>
  Buffer.concat(Array.from({ length: Math.ceil(size / 32) }, (_, i) => sha256(`${name} ${String(i)}`))).subarray(
    0,
    size,
  )

const cases = [0, 1, 55, 56, 63, 64, 65, 200, 1_000].map((size) => {
  const name = `case ${String(size)}`
  const message = bytes(name, size)
  const [secret, peer] = [bytes(`${name} secret`, 32), bytes(`${name} peer`, 32)]
  const salt = bytes(`${name} salt`, size % 40)
  const peerPublic = publicKeyOf('x25519', peer)
  return {
    message: hex(message),
    secret: hex(secret),
    salt: hex(salt),
    info: `info ${name}`,
    sha256: hex(sha256(message)),
    hmacSha256: hex(hmac(secret, message)),
    hkdfSha256: hex(hkdf(secret, salt, `info ${name}`)),
    ed25519Public: hex(publicKeyOf('ed25519', secret)),
    // openssl 3.0 cannot sign an empty file.
    ed25519Signature: size === 0 ? null : hex(sign(secret, message)),
    x25519Public: hex(publicKeyOf('x25519', secret)),
    x25519Peer: hex(peerPublic),
    x25519Shared: hex(sharedSecret(secret, peerPublic)),
  }
})
const origin = 'test/vectors/make/make-primitives.ts: openssl 3 dgst, kdf, pkey, pkeyutl'
writeFileSync(new URL('../primitives.json', import.meta.url), `${JSON.stringify({ origin, cases }, null, 2)}\n`)
