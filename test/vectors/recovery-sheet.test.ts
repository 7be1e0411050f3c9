/** The recovery sheet against words that BIP-39 published, keys by openssl, and the `age` program. */
import { execFileSync } from 'node:child_process'
import {
  createSigner,
  encodeVkey,
  fromHex,
  identityOf,
  isSheetRelayCode,
  LatchkeyError,
  parseSheetRelay,
  randomBytes,
  rawKeyOf,
  sheetRelayCode,
  toHex,
  verifierKeyOf,
} from '@latchkey/shared'
import {
  confirmationOf,
  createRecoverySheet,
  encodeRecoveryQr,
  identityLineOf,
  parseRecoverySheet,
  recoverySheetOf,
  sheetWordsLike,
  unknownWordPositions,
  wordsOf,
} from '@latchkey/shared/recovery'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import vectors from './recovery-sheet.json' with { type: 'json' }

const secretOf = (text: string) => toHex(parseRecoverySheet(text).secret)

describe.each(vectors.cases)('the sheet of $secret', (vector) => {
  const sheet = recoverySheetOf(fromHex(vector.secret))

  test('spells the published words and the outside code', () => {
    expect(wordsOf(sheet).join(' ')).toBe(vector.words)
    expect(encodeRecoveryQr(sheet)).toBe(vector.code)
    expect(identityLineOf(sheet)).toBe(vector.identityLine)
    expect(confirmationOf(sheet)).toBe(vector.confirmation)
  })

  test('gives the keys that openssl derived', () => {
    expect(toHex(sheet.rootSeed)).toBe(vector.rootSeed)
    expect(toHex(rawKeyOf(createSigner(sheet.rootSeed).jwk))).toBe(vector.rootPublic)
    expect(toHex(sheet.recoverySecret)).toBe(vector.recoverySecret)
    expect(identityOf(sheet.recoverySecret).recipient).toBe(vector.recipient)
  })

  test('comes back from its words and its code', () => {
    expect([secretOf(vector.words), secretOf(vector.code)]).toEqual([vector.secret, vector.secret])
  })
})

describe('a fresh sheet', () => {
  const sheet = createRecoverySheet()

  test('opens with the ordinary age program what is sealed to its recovery key', () => {
    const recipient = identityOf(sheet.recoverySecret).recipient
    const sealed = execFileSync('age', ['-e', '-r', recipient], { input: 'a clip' })
    const script = 'exec 3<<EOF\n' + identityLineOf(sheet) + '\nEOF\nexec age -d -i /dev/fd/3'
    expect(execFileSync('sh', ['-c', script], { input: sealed }).toString()).toBe('a clip')
  })

  test('holds two keys that say nothing about each other or the secret', () => {
    const { secret, rootSeed, recoverySecret } = sheet
    expect(new Set([secret, rootSeed, recoverySecret].map(toHex)).size).toBe(3)
  })

  test('is read however it was typed', () => {
    const words = wordsOf(sheet)
    const code = encodeRecoveryQr(sheet)
    const spellings = [
      words.join(' '),
      words.join('\n').toUpperCase(),
      `  ${words.join(', ')}  \n`,
      words.map((word, i) => `${i + 1}. ${word}`).join('\n'),
      words.map((word, i) => `${i + 1}) ${word[0]!.toUpperCase()}${word.slice(1)}`).join('\t'),
      code.toLowerCase(),
      ` ${code.match(/.{1,7}/g)!.join(' ')}\r\n`,
    ]
    expect(spellings.map(secretOf)).toEqual(spellings.map(() => toHex(sheet.secret)))
  })
})

describe('where the household lives', () => {
  const sheet = createRecoverySheet()
  const logVkey = encodeVkey(verifierKeyOf('relay.example/log', rawKeyOf(createSigner(randomBytes(32)).jwk)))
  const home = { relay: 'https://relay.example:8443', logVkey }
  const code = encodeRecoveryQr(sheet, home)

  test('stands in the code behind the secret, which is read as ever', () => {
    expect(parseSheetRelay(code)).toEqual(home)
    expect(parseSheetRelay(` ${code}\n`)).toEqual(home)
    expect(secretOf(code)).toBe(toHex(sheet.secret))
    expect(parseSheetRelay(encodeRecoveryQr(sheet))).toBeNull()
    expect(parseSheetRelay(wordsOf(sheet).join(' '))).toBeNull()
  })

  test.each([
    ['no origin', { ...home, relay: 'https://relay.example/path' }],
    ['no address', { ...home, relay: 'relay' }],
    ['no key', { ...home, logVkey: `${logVkey}A` }],
    ['nothing', { relay: '', logVkey: '' }],
  ])('is refused when it names %s', (_, named) => {
    expect(() => parseSheetRelay(encodeRecoveryQr(sheet, named))).toThrow(
      expect.objectContaining({ code: 'KEY_INVALID', message: expect.not.stringContaining('relay.example') as string }),
    )
  })

  test('has sixteen characters to type, which no other relay and no other log has', () => {
    const said = sheetRelayCode(home)
    expect(said).toMatch(/^([0-9A-HJKMNP-TV-Z]{4}-){3}[0-9A-HJKMNP-TV-Z]{4}$/)
    for (const typed of [
      said,
      said.toLowerCase(),
      said.replaceAll('-', ' '),
      said.replaceAll('0', 'o').replaceAll('1', 'l'),
    ])
      expect(isSheetRelayCode(typed, home)).toBe(true)
    expect(isSheetRelayCode(said, { ...home, relay: 'https://relay.example' })).toBe(false)
    const otherLog = encodeVkey(verifierKeyOf('relay.example/log', rawKeyOf(createSigner(randomBytes(32)).jwk)))
    expect(isSheetRelayCode(said, { ...home, logVkey: otherLog })).toBe(false)
    for (const wrong of ['', said.slice(1), `${said}0`, 'ZZZZ-ZZZZ-ZZZZ-ZZZZ'])
      expect(isSheetRelayCode(wrong, home)).toBe(false)
  })
})

test('words are completed from their first letters, of which four are enough', () => {
  expect(sheetWordsLike('aba')).toEqual(['abandon'])
  expect(sheetWordsLike(' ZO')).toEqual(['zone', 'zoo'])
  expect(sheetWordsLike('xy')).toEqual([])
  expect(sheetWordsLike('')).toEqual([])
})

const refusal = (text: string): string => {
  try {
    parseRecoverySheet(text)
    return 'accepted'
  } catch (error) {
    if (!(error instanceof LatchkeyError)) throw error
    return `${error.code} ${error.message}`
  }
}

describe('what is not a sheet', () => {
  const words = vectors.cases[4]!.words.split(' ')

  test('has its wrong words named by position, never by what they are', () => {
    const typed = words.with(2, 'privat').with(16, 'mapel')
    expect(unknownWordPositions(typed.join(' '))).toEqual([3, 17])
    expect(refusal(typed.join(' '))).toBe('KEY_INVALID word 3, 17 of the sheet is not on the list of words')
  })

  test('is refused with a word missing, too many, or in another place', () => {
    expect(refusal(words.slice(1).join(' '))).toContain('has 24 words, not 23')
    expect(refusal([...words, 'art'].join(' '))).toContain('has 24 words, not 25')
    expect(refusal([words[1], words[0], ...words.slice(2)].join(' '))).toContain('do not belong together')
    expect(refusal('')).toContain('has 24 words, not 0')
  })

  test('is refused when any one character of the code is another', () => {
    const { code } = vectors.cases[4]!
    for (let at = 0; at < code.length; at++) {
      const changed = code.slice(0, at) + (code[at] === 'Q' ? 'P' : 'Q') + code.slice(at + 1)
      expect(refusal(changed)).toMatch(/^KEY_INVALID /)
    }
  })

  test('is refused when the code holds another length', () => {
    expect(() => recoverySheetOf(randomBytes(31))).toThrow(expect.objectContaining({ code: 'KEY_INVALID' }))
  })

  test('whatever it is, gets one of our errors that quotes nothing of it', () => {
    const pieces = fc.oneof(fc.string(), fc.constantFrom(...words, 'latchkey-sheet-1', vectors.cases[0]!.code))
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 30 }), (parts) => {
        const answer = refusal(parts.join(' '))
        expect(answer === 'accepted' || answer.startsWith('KEY_INVALID ')).toBe(true)
        for (const word of ['hamster', 'diagram', vectors.cases[0]!.code]) expect(answer).not.toContain(word)
      }),
      { numRuns: 300 },
    )
    expect(refusal('a'.repeat(1_000_000))).toContain('too long')
  })
})
