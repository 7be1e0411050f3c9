import {
  consistencyProof,
  createNoteSigner,
  createSigner,
  createWitness,
  encodeAddCheckpoint,
  encodeCosignatures,
  encodeNote,
  findCosignature,
  hashLeaf,
  NOTE_COSIGNATURE,
  openCheckpoint,
  parseAddCheckpoint,
  parseNote,
  rootOfLeaves,
  signCheckpoint,
  type TreeHash,
  utf8,
  type Witness,
  type WitnessEvidence,
} from '@latchkey/shared'
import { beforeEach, describe, expect, test } from 'vitest'

const ORIGIN = 'relay.example/log'
const NOW_MS = 1_763_900_000_500
const log = createNoteSigner(ORIGIN, createSigner(new Uint8Array(32).fill(1)))
const other = createNoteSigner('other.example/log', createSigner(new Uint8Array(32).fill(2)))
const signer = createNoteSigner('witness.example/1', createSigner(new Uint8Array(32).fill(3)), NOTE_COSIGNATURE)
const honest: TreeHash[] = Array.from({ length: 12 }, (_, i) => hashLeaf(utf8(`leaf ${i}`)))
const lie = honest.with(4, hashLeaf(utf8('another leaf')))

const checkpointOf = (leaves: readonly TreeHash[], size: number, by = log) =>
  signCheckpoint({ origin: by.key.name, size, root: rootOfLeaves(leaves.slice(0, size)) }, by)
const proofOf = (leaves: readonly TreeHash[], from: number, to: number) =>
  from === 0 || from >= to ? [] : consistencyProof(leaves.slice(0, to), from)
const offer = async (from: number, to: number, leaves = honest) =>
  encodeAddCheckpoint({
    oldSize: from,
    consistency: proofOf(leaves, from, to),
    raw: await checkpointOf(leaves, to),
  })

let held: Map<string, Uint8Array>
let kept: WitnessEvidence[]
let deeds: string[]
let witness: Witness
beforeEach(() => {
  held = new Map()
  kept = []
  deeds = []
  witness = createWitness({
    signer: { key: signer.key, sign: (message) => (deeds.push('sign'), signer.sign(message)) },
    logs: [log.key],
    nowMs: () => NOW_MS,
    memory: {
      load: async (origin) => held.get(origin) ?? null,
      save: async (origin, raw) => {
        await Promise.resolve()
        deeds.push('save')
        held.set(origin, raw)
      },
      keep: async (_, evidence) => void kept.push(evidence),
    },
  })
})

describe('a witness', () => {
  test('cosigns what extends what it holds, and remembers before it signs', async () => {
    for (const [from, to] of [
      [0, 3],
      [3, 3],
      [3, 8],
      [8, 12],
    ] as const) {
      const raw = await checkpointOf(honest, to)
      const answer = await witness.add(await offer(from, to))
      if (answer.status !== 200) throw new Error(answer.message)
      const line = findCosignature(encodeCosignatures([answer.signature]), parseNote(raw).text, signer.key)
      const note = parseNote(raw)
      const cosigned = encodeNote({ ...note, signatures: [...note.signatures, line] })
      const opened = openCheckpoint(cosigned, { logs: [log.key], witnesses: [signer.key], quorum: 1 })
      expect(opened.witnesses).toMatchObject([{ timestampS: Math.floor(NOW_MS / 1000) }])
    }
    // The second says nothing new: there is nothing to remember.
    expect(deeds).toEqual(['save', 'sign', 'sign', 'save', 'sign', 'save', 'sign'])
  })

  test('tells which size it holds to whoever begins elsewhere', async () => {
    await witness.add(await offer(0, 8))
    for (const from of [0, 3, 9])
      expect(await witness.add(await offer(from, 12))).toMatchObject({ status: 409, size: 8 })
    expect(await witness.add(await offer(3, 3))).toMatchObject({ status: 409, size: 8 })
    expect(kept).toEqual([])
  })

  test('cosigns only one of two trees, keeps the log’s two words, and signs nothing that follows from the other', async () => {
    await witness.add(await offer(0, 8))
    const before = [...deeds]
    expect(await witness.add(await offer(8, 8, lie))).toMatchObject({ status: 409, size: 8 })
    expect(await witness.add(await offer(8, 12, lie))).toMatchObject({ status: 422, code: 'LOG_PROOF_INVALID' })
    expect(deeds).toEqual(before)
    expect(kept.map(({ reason }) => reason)).toEqual(['forked', 'unproven'])
    const [forked] = kept
    const both = [forked!.held, forked!.refused].map((raw) => openCheckpoint(raw, { logs: [log.key] }))
    expect(both[0]!.size).toBe(both[1]!.size)
    expect(both[0]!.root).not.toEqual(both[1]!.root)
  })

  test('of two that come at once answers one, and the other by what it holds then', async () => {
    await witness.add(await offer(0, 4))
    const answers = await Promise.all([witness.add(await offer(4, 8)), witness.add(await offer(4, 8, lie))])
    expect(answers.map(({ status }) => status)).toEqual([200, 409])
  })

  test('follows only the logs that it knows, by their signature', async () => {
    const raw = await checkpointOf(honest, 3, other)
    expect(await witness.add(encodeAddCheckpoint({ oldSize: 0, consistency: [], raw }))).toMatchObject({ status: 404 })
    const note = parseNote(await checkpointOf(honest, 3))
    const unsigned = encodeNote({ ...note, signatures: parseNote(raw).signatures })
    expect(await witness.add(encodeAddCheckpoint({ oldSize: 0, consistency: [], raw: unsigned }))).toMatchObject({
      status: 403,
    })
    expect(deeds).toEqual([])
  })

  test.each([
    ['nothing', ''],
    ['no size', 'new 3\n\n'],
    ['a size with a zero in front', 'old 03\n\n'],
    ['a size beyond all trees', 'old 9999999999999999\n\n'],
    ['a proof that is not base64', 'old 3\n!\n\n'],
    ['a hash that is too short', 'old 3\nAAAA\n\n'],
    ['64 hashes', `old 3\n${`${'A'.repeat(43)}=\n`.repeat(64)}\n`],
    ['no checkpoint', 'old 3\n\n'],
    ['an old size above the new one', null],
  ])('refuses %s', async (_, text) => {
    const body = text === null ? await offer(9, 3) : utf8(text)
    expect(await witness.add(body)).toMatchObject({ status: 400 })
  })

  test('signs nothing when it cannot remember', async () => {
    const full = createWitness({
      signer,
      logs: [log.key],
      nowMs: () => NOW_MS,
      memory: { load: async () => null, save: () => Promise.reject(new Error('full')), keep: async () => {} },
    })
    await expect(full.add(await offer(0, 3))).rejects.toThrow('full')
  })
})

test('a request is read as it was written', async () => {
  const request = { oldSize: 3, consistency: proofOf(honest, 3, 8), raw: await checkpointOf(honest, 8) }
  expect(parseAddCheckpoint(encodeAddCheckpoint(request))).toEqual(request)
  const text = new TextDecoder().decode(encodeAddCheckpoint(request))
  expect(text).toMatch(/^old 3\n([A-Za-z0-9+/]{43}=\n)+\nrelay\.example\/log\n8\n/)
})

test('a cosignature of another key, or over another text, is none', async () => {
  const answer = await witness.add(await offer(0, 3))
  if (answer.status !== 200) throw new Error(answer.message)
  const body = encodeCosignatures([answer.signature])
  const { text } = parseNote(await checkpointOf(honest, 3))
  expect(() => findCosignature(body, text.replace('3', '4'), signer.key)).toThrow('no cosignature')
  const rival = createNoteSigner('witness.example/1', createSigner(new Uint8Array(32).fill(9)), NOTE_COSIGNATURE)
  expect(() => findCosignature(body, text, rival.key)).toThrow('no cosignature')
})
