/**
 * Writes ../recovery-sheet.json: words as BIP-39 publishes them for these secrets, keys by openssl, texts by a bech32
 * written here from BIP-173, recipients by age-keygen. Run by hand: node test/vectors/make/make-recovery-sheet.ts
 */
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { hkdf, publicKeyOf } from './openssl.ts'

const ALPHABET = 'qpzry9x8gf2tvdw0s3jn54khce6mua7l'
const GENERATOR = [0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3]

function polymod(values: readonly number[]): number {
  let check = 1
  for (const value of values) {
    const top = check >>> 25
    check = ((check & 0x1ffffff) << 5) ^ value
    GENERATOR.forEach((generator, bit) => {
      if ((top >>> bit) & 1) check ^= generator
    })
  }
  return check
}

/** BIP-173 "Bech32", without its limit of 90 characters. */
function bech32(prefix: string, bytes: Buffer): string {
  const bits = Array.from(bytes, (byte) => byte.toString(2).padStart(8, '0')).join('')
  const data = bits.match(/.{1,5}/g)!.map((five) => Number.parseInt(five.padEnd(5, '0'), 2))
  const codes = Array.from(prefix, (c) => c.charCodeAt(0))
  const expanded = [...codes.map((code) => code >>> 5), 0, ...codes.map((code) => code & 31)]
  const sum = polymod([...expanded, ...data, 0, 0, 0, 0, 0, 0]) ^ 1
  const checksum = [25, 20, 15, 10, 5, 0].map((shift) => (sum >>> shift) & 31)
  return `${prefix}1${[...data, ...checksum].map((value) => ALPHABET[value]!).join('')}`.toUpperCase()
}

/** The test vectors of BIP-39 with 256 bits: secret and words. */
const PUBLISHED: readonly (readonly [string, string])[] = [
  ['00'.repeat(32), `${'abandon '.repeat(23)}art`],
  [
    '7f'.repeat(32),
    `${'legal winner thank year wave sausage worth useful '.repeat(2)}legal winner thank year wave sausage worth title`,
  ],
  [
    '80'.repeat(32),
    `${'letter advice cage absurd amount doctor acoustic avoid '.repeat(2)}letter advice cage absurd amount doctor acoustic bless`,
  ],
  ['ff'.repeat(32), `${'zoo '.repeat(23)}vote`],
  [
    '68a79eaca2324873eacc50cb9c6eca8cc68ea5d936f98787c60c7ebc74e6ce7c',
    'hamster diagram private dutch cause delay private meat slide toddler razor book happy fancy gospel tennis maple dilemma loan word shrug inflict delay length',
  ],
]

const cases = PUBLISHED.map(([secretHex, words]) => {
  const secret = Buffer.from(secretHex, 'hex')
  const rootSeed = hkdf(secret, Buffer.alloc(0), 'latchkey/v1/recovery-sheet/root')
  const recoverySecret = hkdf(secret, Buffer.alloc(0), 'latchkey/v1/recovery-sheet/recovery')
  const identityLine = bech32('age-secret-key-', recoverySecret)
  return {
    secret: secretHex,
    words,
    code: bech32('latchkey-sheet-', secret),
    rootSeed: rootSeed.toString('hex'),
    rootPublic: publicKeyOf('ed25519', rootSeed).toString('hex'),
    recoverySecret: recoverySecret.toString('hex'),
    identityLine,
    recipient: execFileSync('age-keygen', ['-y'], { input: `${identityLine}\n` })
      .toString()
      .trim(),
    confirmation: identityLine.slice(-6),
  }
})
const origin =
  'test/vectors/make/make-recovery-sheet.ts: words published with BIP-39, openssl 3 kdf and pkey, age-keygen, own bech32'
writeFileSync(new URL('../recovery-sheet.json', import.meta.url), `${JSON.stringify({ origin, cases }, null, 2)}\n`)
