import {
  concatBytes,
  type OpenedItem,
  planOriginals,
  plaintextsDigest,
  digestOf,
  renderOpened,
  sha256,
  toHex,
  utf8,
  verifyBundle,
} from '@latchkey/shared'
import { describe, expect, test } from 'vitest'
import { bundleFilesOf, createSyntheticCase, REQUESTED_SECONDS } from '../../../support/synthetic-case.ts'

const given = await createSyntheticCase({ mediaBytes: [700, 300, 500] })
const { identity } = given.parties.requester
const verdict = verifyBundle(await bundleFilesOf(given.parts), given.verifierTrust, { identity })
const opened = verdict.opened!
const facts = verdict.facts!
const note = { openedSeconds: REQUESTED_SECONDS + 90_000, tool: 'latchkey 1' }

const without = (items: readonly OpenedItem[], index: number) =>
  items.filter(({ descriptor }) => descriptor.index !== index)

describe('original files', () => {
  test('are init and media joined, bit for bit', () => {
    const [original, ...more] = planOriginals(opened)
    expect(more).toEqual([])
    expect(original!.path).toBe('original.mp4')
    const expected = concatBytes(...given.plaintexts.slice(0, 4))
    expect(concatBytes(...original!.chunks)).toEqual(expected)
    expect(original).toMatchObject({
      sizeBytes: expected.length,
      sha256: toHex(sha256(expected)),
      rendition: 'original',
    })
    expect(original!.endMs - original!.startMs).toBe(6_000)
  })

  test('are one per contiguous run, each with its init segment', () => {
    const files = planOriginals(without(opened, 2))
    expect(files.map(({ path }) => path)).toEqual(['original-1.mp4', 'original-2.mp4'])
    expect(concatBytes(...files[1]!.chunks)).toEqual(concatBytes(given.plaintexts[0]!, given.plaintexts[3]!))
  })

  test('stay one run where another track’s items stand between', () => {
    const spread = opened.map((item) => ({
      ...item,
      descriptor: { ...item.descriptor, index: item.descriptor.index * 2 },
    }))
    expect(planOriginals(spread)).toHaveLength(1)
  })
})

describe('the texts beside them', () => {
  const files = planOriginals(opened)
  const copy = {
    ...files[0]!,
    path: 'working-copy.mp4',
    rendition: 'working-copy' as const,
    sha256: 'ab'.repeat(32),
    derivedFrom: files[0]!.sha256,
  }
  const texts = renderOpened(facts, { opened, files: [...files, copy], ownerDetails: null }, note)

  test('hash every file, themselves included', () => {
    const lines = texts.get('SHA256SUMS')!.trimEnd().split('\n')
    expect(lines.map((line) => line.slice(66))).toEqual([
      'certification-draft.txt',
      'import.csv',
      'item-keys.json',
      'original.mp4',
      'working-copy.mp4',
    ])
    const csv = lines.find((line) => line.endsWith('import.csv'))!
    expect(csv.slice(0, 64)).toBe(toHex(sha256(utf8(texts.get('import.csv')!))))
  })

  test('hold one import row per file, the copy pointing at its original', () => {
    const [header, original, working] = texts
      .get('import.csv')!
      .trimEnd()
      .split('\r\n')
      .map((line) => line.split(','))
    const column = (row: readonly string[] | undefined, name: string) => row![header!.indexOf(name)]
    expect(header).toHaveLength(21)
    expect(column(original, 'case_number')).toBe('26-004211')
    expect(column(original, 'sha256')).toBe(files[0]!.sha256)
    expect(column(working, 'rendition')).toBe('working-copy')
    expect(column(working, 'derived_from_sha256')).toBe(files[0]!.sha256)
    expect(column(working, 'log_index')).toBe('6')
  })

  test('disarm what a spreadsheet would run', () => {
    const csv = renderOpened({ ...facts, caseNumber: '=1+1,"x"' }, { opened, files, ownerDetails: null }, note).get(
      'import.csv',
    )!
    expect(csv).toContain(`"'=1+1,""x"""`)
  })

  test('let anyone repeat the commitments, item by item', () => {
    const keys = JSON.parse(texts.get('item-keys.json')!) as { items: { index: number; plaintextSha256: string }[] }
    expect(keys.items.map(({ index }) => index)).toEqual([0, 1, 2, 3])
    expect(keys.items[1]!.plaintextSha256).toBe(digestOf(given.plaintexts[1]!))
  })

  test('are a draft that nobody signed', () => {
    const draft = texts.get('certification-draft.txt')!
    expect(draft).toContain('DRAFT. Not signed. Not legal advice.')
    expect(draft).toContain(files[0]!.sha256)
    expect(draft).toContain('28 U.S.C. § 1746')
  })

  test('say in the draft what was not released, is missing or was painted over', () => {
    const draftOf = (changed: Partial<typeof facts>) =>
      renderOpened({ ...facts, ...changed }, { opened, files, ownerDetails: null }, note).get(
        'certification-draft.txt',
      )!
    const whole = draftOf({ items: facts.clipItems })
    expect(whole).toContain(`All ${facts.clipItems} pieces of the clip were released.`)
    expect(whole).toContain('The device states no gap.')
    expect(whole).toContain('The device states no privacy mask.')
    const gaps = [{ startMs: 1_750_000_000_000, endMs: 1_750_000_002_000, reason: 'frames-dropped' as const }]
    const less = draftOf({ items: 3, clipItems: 9, gaps, masks: digestOf(utf8('masks')) })
    expect(less).toContain('Of the clip’s 9 pieces 3 were released.')
    expect(less).toContain('Missing: 2025-06-15 15:06:40 UTC+00:00 to 2025-06-15 15:06:42 UTC+00:00, frames-dropped.')
    expect(less).toMatch(/painted privacy masks .* never recorded \(masks \S{43}\)/)
    expect(less).not.toContain('The device states no')
  })

  test('give the receipt its digest', () => {
    expect(plaintextsDigest(opened)).toBe(digestOf(...given.plaintexts.slice(0, 4).map((text) => sha256(text))))
  })
})
