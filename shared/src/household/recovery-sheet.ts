/**
 * The recovery sheet: the household's last key, on paper. A door of its own (`@latchkey/shared/recovery`), so that a Pi
 * does not load two thousand words that it never needs.
 */
import { bech32 } from '@scure/base'
import { entropyToMnemonic, mnemonicToEntropy } from '@scure/bip39'
import { wordlist } from '@scure/bip39/wordlists/english.js'
import { hkdfSha256, randomBytes } from '../crypto/hash.ts'
import { encodeIdentity, identityOf } from '../crypto/keys.ts'
import { LatchkeyError } from '../errors.ts'
import { encodeSheetRelay, type SheetRelay } from './sheet-relay.ts'

const SECRET_BYTES = 32
/** Words on a sheet. */
export const SHEET_WORDS = 24
/** Of bech32: the version stands in it, as in age's `AGE-SECRET-KEY-1`. */
const QR_PREFIX = 'latchkey-sheet-'
const BECH32_LIMIT = 200
const NO_SALT = new Uint8Array(0)
/** Enough to prove that the paper can be read; far too few to help a thief who sees them. */
const CONFIRMATION_CHARACTERS = 6
/** Longer text is no sheet: 24 words of eight letters, numbered, and a code have room. */
const MAX_TEXT = 2_000

/** One secret and the two keys that follow from it. All of it is secret. */
export interface RecoverySheet {
  /** 32 random bytes: what the words and the code spell. */
  readonly secret: Uint8Array
  /** 32 bytes: Ed25519 seed of the household's root. */
  readonly rootSeed: Uint8Array
  /** 32 bytes: X25519 secret that opens every clip with the ordinary `age` program. */
  readonly recoverySecret: Uint8Array
}

/** The sheet of a 32-byte secret. @throws KEY_INVALID for another length @see spec/keys.md */
export function recoverySheetOf(secret: Uint8Array): RecoverySheet {
  if (secret.length !== SECRET_BYTES) throw new LatchkeyError('KEY_INVALID', 'a recovery sheet holds 32 bytes')
  return {
    secret,
    rootSeed: hkdfSha256(secret, NO_SALT, 'latchkey/v1/recovery-sheet/root'),
    recoverySecret: hkdfSha256(secret, NO_SALT, 'latchkey/v1/recovery-sheet/recovery'),
  }
}

/** A fresh random sheet. */
export function createRecoverySheet(): RecoverySheet {
  return recoverySheetOf(randomBytes(SECRET_BYTES))
}

/** Twenty-four words, in order. Secret. @see BIP-39 "Generating the mnemonic", English list */
export function wordsOf({ secret }: RecoverySheet): string[] {
  return entropyToMnemonic(secret, wordlist).split(' ')
}

/**
 * `LATCHKEY-SHEET-1…`: upper case, so that a QR code holds it in its small alphabet. Secret.
 * @param home where the household lives, which a phone that reads the code then pins
 */
export function encodeRecoveryQr({ secret }: RecoverySheet, home?: SheetRelay): string {
  const code = bech32.encode(QR_PREFIX, bech32.toWords(secret), BECH32_LIMIT).toUpperCase()
  return home === undefined ? code : `${code}${encodeSheetRelay(home)}`
}

/** `AGE-SECRET-KEY-1…` of the recovery key, as the `age` program reads it. Secret. */
export function identityLineOf({ recoverySecret }: RecoverySheet): string {
  return encodeIdentity(identityOf(recoverySecret))
}

/** The last six characters of {@link identityLineOf}: typed back by whoever printed or copied the sheet. */
export function confirmationOf(sheet: RecoverySheet): string {
  return identityLineOf(sheet).slice(-CONFIRMATION_CHARACTERS)
}

/** Words of the list that begin so, in the list's order: four letters leave one. Untrusted: `begun`. */
export function sheetWordsLike(begun: string): string[] {
  const letters = begun.trim().toLowerCase()
  return letters === '' ? [] : wordlist.filter((word) => word.startsWith(letters))
}

/** Words of a text in lower case; the numbers of a numbered list, commas and line breaks are not words. Untrusted: `text`. */
export function typedWords(text: string): string[] {
  return text
    .slice(0, MAX_TEXT)
    .toLowerCase()
    .split(/[\s,;]+/u)
    .map((word) => word.replace(/^\d+[.):]?/, ''))
    .filter((word) => word !== '')
}

/** Positions, from 1, of typed words that no sheet has: to be marked while somebody types. Untrusted: `text`. */
export function unknownWordPositions(text: string): number[] {
  const known = new Set(wordlist)
  return typedWords(text).flatMap((word, index) => (known.has(word) ? [] : [index + 1]))
}

function parseWords(text: string): Uint8Array {
  const words = typedWords(text)
  const unknown = unknownWordPositions(text)
  if (unknown.length > 0)
    throw new LatchkeyError('KEY_INVALID', `word ${unknown.join(', ')} of the sheet is not on the list of words`)
  if (words.length !== SHEET_WORDS)
    throw new LatchkeyError('KEY_INVALID', `a recovery sheet has ${SHEET_WORDS} words, not ${words.length}`)
  try {
    return mnemonicToEntropy(words.join(' '), wordlist)
  } catch {
    // The library's own message is left out: it may quote its input, which is the secret.
    throw new LatchkeyError(
      'KEY_INVALID',
      'the words are on the list but do not belong together: one is another, or two changed places',
    )
  }
}

function parseCode(code: string): Uint8Array {
  try {
    const { prefix, words } = bech32.decode(code as `${string}1${string}`, BECH32_LIMIT)
    if (prefix === QR_PREFIX) return bech32.fromWords(words)
  } catch {
    // Falls through: bech32's own messages quote the input.
  }
  throw new LatchkeyError('KEY_INVALID', 'the code of the sheet is damaged')
}

/**
 * A sheet from what a person typed or a camera read: its words, or the text of its code. Case, white space, commas and
 * the numbers before words do not matter.
 * Untrusted: `text`.
 * @throws KEY_INVALID; the message names the position of a wrong word and never the word
 */
export function parseRecoverySheet(text: string): RecoverySheet {
  if (text.length > MAX_TEXT) throw new LatchkeyError('KEY_INVALID', 'this is too long for a recovery sheet')
  // Where the household lives, behind the code, is read by `parseSheetRelay`.
  const [said] = text.split('#')
  const code = said!.replace(/\s+/gu, '').toLowerCase()
  return recoverySheetOf(code.startsWith(QR_PREFIX) ? parseCode(code) : parseWords(text))
}
