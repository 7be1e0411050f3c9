import { describe, expect, test } from 'vitest'
import { fromUtf8, toHex, utf8 } from '../../../../shared/src/bytes/bytes.ts'
import { sha256 } from '../../../../shared/src/crypto/hash.ts'
import { createSigner } from '../../../../shared/src/crypto/keys.ts'
import { decodeBase64, encodeBase64 } from '../../../../shared/src/tlog/base64.ts'
import {
  cosignCheckpoint,
  encodeCheckpoint,
  logTrustOf,
  openCheckpoint,
  parseCheckpoint,
  parseCheckpointText,
  signCheckpoint,
} from '../../../../shared/src/tlog/checkpoint.ts'
import { emptyTreeHash, rootOfLeaves } from '../../../../shared/src/tlog/merkle.ts'
import {
  createNoteSigner,
  encodeSkey,
  encodeVkey,
  isNoteName,
  NOTE_COSIGNATURE,
  NOTE_ED25519,
  parseSkey,
  parseVkey,
} from '../../../../shared/src/tlog/note-key.ts'
import { encodeNote, openNote, parseNote, signText } from '../../../../shared/src/tlog/note.ts'
import noteVector from '../../../vectors/signed-note.json' with { type: 'json' }
import witnessed from '../../../vectors/witnessed-checkpoint.json' with { type: 'json' }
import { codeThrown, damagedCopies, valueOrCode } from '../../../support/damage.ts'
import { leafHashesOf } from '../../../support/log-leaves.ts'

const ORIGIN = 'relay.example/log'
const signerOf = (byte: number) => createSigner(new Uint8Array(32).fill(byte))
const log = createNoteSigner(ORIGIN, signerOf(1))
const witnesses = [2, 3, 4].map((byte) => createNoteSigner(`witness${byte}.example`, signerOf(byte), NOTE_COSIGNATURE))
const head = { origin: ORIGIN, size: 5, root: rootOfLeaves(leafHashesOf(5)) }
const TIME_S = 1_790_000_000

describe('note keys', () => {
  test('of the spec and of Go are read and written back byte for byte', () => {
    for (const vkey of [noteVector.spec.vkey, noteVector.go.vkey, noteVector.go.secondVkey, ...noteVector.vkeys])
      expect(encodeVkey(parseVkey(vkey))).toBe(vkey)
  })

  test('of Go: the signing key belongs to the verifier key', () => {
    expect(encodeVkey(parseSkey(noteVector.go.skey).key)).toBe(noteVector.go.vkey)
    const seed = decodeBase64(noteVector.go.skey.split('+').slice(4).join('+')).subarray(1)
    expect(encodeSkey('PeterNeumann', seed)).toBe(noteVector.go.skey)
  })

  test('are KEY_INVALID when cut anywhere, when any character changes, or of another type or length', () => {
    const { vkey, skey } = noteVector.go
    const parse = (text: string) => (text.startsWith('PRIVATE') ? parseSkey(text) : parseVkey(text))
    for (const key of [vkey, skey]) {
      for (let i = 0; i < key.length; i++) {
        const next = String.fromCharCode(key.charCodeAt(i) + 1)
        expect(codeThrown(() => parse(key.slice(0, i)))).toBe('KEY_INVALID')
        expect(codeThrown(() => parse(key.slice(0, i) + next + key.slice(i + 1)))).toBe('KEY_INVALID')
      }
    }
    for (const refused of noteVector.go.refusedVkeys) expect(codeThrown(() => parseVkey(refused))).toBe('KEY_INVALID')
  })

  test('of small order are KEY_INVALID', () => {
    const material = Uint8Array.of(NOTE_ED25519, 1, ...new Uint8Array(31))
    const keyId = toHex(sha256(utf8('x\n'), material).subarray(0, 4))
    expect(codeThrown(() => parseVkey(`x+${keyId}+${encodeBase64(material)}`))).toBe('KEY_INVALID')
  })

  test('have names without space, plus, control character or emptiness', () => {
    expect(isNoteName('relay.example/log')).toBe(true)
    for (const name of ['', 'a b', 'a+b', 'a\u00a0b', 'a\u2003b', 'a\nb', 'a\u0001b', '\ud800', 'x'.repeat(256)])
      expect(isNoteName(name)).toBe(false)
  })

  test('of both types are different keys of one seed', () => {
    const asLog = createNoteSigner('w', signerOf(2), NOTE_ED25519)
    const asWitness = createNoteSigner('w', signerOf(2), NOTE_COSIGNATURE)
    expect(asLog.key.keyId).not.toBe(asWitness.key.keyId)
  })
})

describe('signed notes', () => {
  test('the example of the spec verifies', () => {
    const note = parseNote(utf8(noteVector.spec.note))
    expect(note.text).toBe(noteVector.spec.text)
    expect(openNote(note, [parseVkey(noteVector.spec.vkey)]).map(({ key }) => key.keyId)).toEqual(['530d903a'])
    expect(fromUtf8(encodeNote(note))).toBe(noteVector.spec.note)
  })

  test("Go's example is signed byte for byte, and unknown keys beside it are ignored", async () => {
    const { text, signature, secondSignature, skey, vkey, secondVkey } = noteVector.go
    const ours = encodeNote({ text, signatures: [await signText(text, parseSkey(skey))] })
    expect(fromUtf8(ours)).toBe(`${text}\n${signature}`)
    const both = parseNote(utf8(`${text}\n${signature}${secondSignature}`))
    const [peter, enoch] = [parseVkey(vkey), parseVkey(secondVkey)]
    expect(openNote(both, [peter]).map(({ key }) => key.name)).toEqual(['PeterNeumann'])
    expect(openNote(both, [enoch, peter]).map(({ key }) => key.name)).toEqual(['PeterNeumann', 'EnochRoot'])
    expect(codeThrown(() => openNote(both, []))).toBe('CHECKPOINT_INVALID')
  })

  test('are refused whole when a known key has one line that does not verify', () => {
    const { text, signature, secondSignature, vkey, secondVkey } = noteVector.go
    const forged = parseNote(utf8(`${text}\n${signature}${secondSignature}`.replace('5n2tiOHp', '5n2tiOHq')))
    expect(codeThrown(() => openNote(forged, [parseVkey(vkey), parseVkey(secondVkey)]))).toBe('CHECKPOINT_INVALID')
    const twice = parseNote(utf8(`${text}\n${signature}${signature.replace('x08go/ZJ', 'x08go/ZK')}`))
    expect(codeThrown(() => openNote(twice, [parseVkey(vkey)]))).toBe('CHECKPOINT_INVALID')
  })

  test('belong to a key by name and id together, never by one of them', async () => {
    const [line, text] = [await signText('text\n', log), 'text\n']
    for (const stranger of [
      { ...line, name: 'other.example' },
      { ...line, keyId: '00000000' },
    ])
      expect(codeThrown(() => openNote({ text, signatures: [stranger] }, [log.key]))).toBe('CHECKPOINT_INVALID')
    expect(openNote({ text, signatures: [line, line] }, [log.key])).toHaveLength(1)
  })

  test('may carry 64 signatures and text with empty lines', async () => {
    const text = 'one\n\ntwo\n'
    const lines = Array.from({ length: 63 }, (_, i) => ({
      name: `w${i}`,
      keyId: '00000001',
      signature: new Uint8Array(900),
    }))
    const note = { text, signatures: [...lines, await signText(text, log)] }
    expect(openNote(parseNote(encodeNote(note)), [log.key])).toHaveLength(1)
    const tooMany = encodeNote({ text, signatures: [...note.signatures, lines[0]!] })
    expect(codeThrown(() => parseNote(tooMany))).toBe('CHECKPOINT_INVALID')
  })

  test.each([
    ['nothing', ''],
    ['no signature', 'text\n\n'],
    ['no blank line', 'text\n— a AAAAAAAA\n'],
    ['no final newline', 'text\n\n— a AAAAAAAA'],
    ['a hyphen for the dash', 'text\n\n- a AAAAAAAA\n'],
    ['a name with a plus', 'text\n\n— a+b AAAAAAAA\n'],
    ['a name with a wide space', 'text\n\n— a\u2003b AAAAAAAA\n'],
    ['two spaces', 'text\n\n— a  AAAAAAAA\n'],
    ['a key id without signature', 'text\n\n— a AAAAAA==\n'],
    ['loose base64', 'text\n\n— a AAAAAAB=\n'],
    ['base64url', 'text\n\n— a AAAAA_AA\n'],
    ['a tab', 'te\txt\n\n— a AAAAAAAA\n'],
    ['a carriage return', 'text\r\n\n— a AAAAAAAA\n'],
    ['too many bytes', `${'x'.repeat(140_000)}\n\n— a AAAAAAAA\n`],
  ])('with %s are CHECKPOINT_INVALID', (_, text) => {
    expect(codeThrown(() => parseNote(utf8(text)))).toBe('CHECKPOINT_INVALID')
  })
})

describe('checkpoints', () => {
  test('the example of the spec is read and written back', () => {
    const { note, ...checkpoint } = parseCheckpoint(utf8(witnessed.spec.checkpoint))
    expect(checkpoint).toMatchObject({ origin: witnessed.spec.origin, size: witnessed.spec.size, extensions: [] })
    expect(encodeBase64(checkpoint.root)).toBe(witnessed.spec.rootBase64)
    expect(encodeCheckpoint(checkpoint)).toBe(note.text)
  })

  test('a public log with four public witnesses verifies under a quorum of 4, not of 5', () => {
    const trust = logTrustOf({ logs: [witnessed.log], witnesses: witnessed.witnesses, quorum: 4 })
    const opened = openCheckpoint(utf8(witnessed.checkpoint), trust)
    expect(opened.size).toBe(witnessed.size)
    expect(encodeBase64(opened.root)).toBe(witnessed.rootBase64)
    expect(opened.witnesses.map(({ timestampS }) => timestampS)).toEqual(Array(4).fill(witnessed.timestampS))
    expect(codeThrown(() => openCheckpoint(utf8(witnessed.checkpoint), { ...trust, quorum: 5 }))).toBe(
      'CHECKPOINT_INVALID',
    )
    const otherRoot = utf8(witnessed.checkpoint.replace('1432088532', '1432088533'))
    expect(codeThrown(() => openCheckpoint(otherRoot, trust))).toBe('CHECKPOINT_INVALID')
  })

  test('signed and cosigned by us are opened by us', async () => {
    let raw = await signCheckpoint(head, log)
    for (const witness of witnesses) raw = await cosignCheckpoint(raw, witness, TIME_S)
    const trust = { logs: [log.key], witnesses: witnesses.map(({ key }) => key), quorum: 3 }
    const opened = openCheckpoint(raw, trust)
    expect(opened).toMatchObject({ ...head, raw })
    expect(opened.witnesses.map(({ key }) => key.name)).toEqual(witnesses.map(({ key }) => key.name))
  })

  test('count each witness key once, and the log itself never', async () => {
    const [first] = witnesses
    const alias = createNoteSigner('alias.example', signerOf(2), NOTE_COSIGNATURE)
    const self = createNoteSigner('self.example', signerOf(1), NOTE_COSIGNATURE)
    let raw = await signCheckpoint(head, log)
    for (const witness of [first!, first!, alias, self]) raw = await cosignCheckpoint(raw, witness, TIME_S)
    const trust = { logs: [log.key], witnesses: [first!.key, alias.key, self.key], quorum: 1 }
    expect(openCheckpoint(raw, trust).witnesses).toHaveLength(1)
    const { text, signatures } = parseNote(raw)
    const selfFirst = encodeNote({ text, signatures: signatures.toReversed() })
    expect(openCheckpoint(selfFirst, trust).witnesses).toHaveLength(1)
    expect(codeThrown(() => openCheckpoint(raw, { ...trust, quorum: 2 }))).toBe('CHECKPOINT_INVALID')
  })

  test('are refused without the signature of the log of their origin, whatever witnesses say', async () => {
    const other = createNoteSigner('other.example/log', signerOf(9))
    const text = encodeCheckpoint(head)
    const byOther = encodeNote({ text, signatures: [await signText(text, other)] })
    const cosigned = await cosignCheckpoint(byOther, witnesses[0]!, TIME_S)
    const trust = { logs: [log.key, other.key], witnesses: [witnesses[0]!.key] }
    expect(codeThrown(() => openCheckpoint(cosigned, trust))).toBe('CHECKPOINT_INVALID')
    const asWitness = createNoteSigner(ORIGIN, signerOf(1), NOTE_COSIGNATURE)
    const onlyCosigned = encodeNote({ text, signatures: [] })
    expect(codeThrown(() => parseCheckpoint(onlyCosigned))).toBe('CHECKPOINT_INVALID')
    await expect(signCheckpoint(head, other)).rejects.toMatchObject({ code: 'CHECKPOINT_INVALID' })
    await expect(signCheckpoint(head, asWitness)).rejects.toMatchObject({ code: 'KEY_INVALID' })
    await expect(cosignCheckpoint(byOther, log, TIME_S)).rejects.toMatchObject({ code: 'KEY_INVALID' })
  })

  test('of the empty tree have the hash of nothing', () => {
    const empty = encodeCheckpoint({ origin: ORIGIN, size: 0, root: emptyTreeHash() })
    expect(parseCheckpointText(empty).size).toBe(0)
    const wrong = encodeCheckpoint({ ...head, size: 0 })
    expect(codeThrown(() => parseCheckpointText(wrong))).toBe('CHECKPOINT_INVALID')
  })

  const root = encodeBase64(head.root)
  test.each([
    `o\n7\n`,
    `\n7\n${root}\n`,
    `o\n07\n${root}\n`,
    `o\n+7\n${root}\n`,
    `o\n7 \n${root}\n`,
    `o\n9007199254740992\n${root}\n`,
    `o\n7\nAAAA\n`,
    `o\n7\n${root.replace('=', '')}\n`,
    `o\n7\n${root}`,
    `o\n7\n${root}\n\n`,
    `o\n7\n${root}\n\next\n`,
  ])('%j is CHECKPOINT_INVALID', (text) => {
    expect(codeThrown(() => parseCheckpointText(text))).toBe('CHECKPOINT_INVALID')
  })

  test('keep their extension lines under the signature', async () => {
    const text = encodeCheckpoint({ ...head, extensions: ['one', 'two'] })
    const raw = encodeNote({ text, signatures: [await signText(text, log)] })
    expect(openCheckpoint(raw, { logs: [log.key] }).extensions).toEqual(['one', 'two'])
    const changed = utf8(fromUtf8(raw).replace('one', 'ome'))
    expect(codeThrown(() => openCheckpoint(changed, { logs: [log.key] }))).toBe('CHECKPOINT_INVALID')
  })

  test('cut or with a flipped bit are CHECKPOINT_INVALID, or say what they said', async () => {
    const raw = await cosignCheckpoint(await signCheckpoint(head, log), witnesses[0]!, TIME_S)
    const trust = { logs: [log.key], witnesses: [witnesses[0]!.key], quorum: 1 }
    for (const { what, copy } of damagedCopies(raw)) {
      const outcome = valueOrCode(() => openCheckpoint(copy, trust))
      expect([what, outcome]).toEqual([what, { code: 'CHECKPOINT_INVALID' }])
    }
    expect(toHex(openCheckpoint(raw, trust).root)).toBe(toHex(head.root))
  })
})
