/** A phone believes of agencies and rules what everybody can read in the log, and nothing else. */
import {
  type AgencyEntry,
  checkAgencyInLog,
  checkPolicyInLog,
  createNoteSigner,
  createSigner,
  digestOf,
  encodeEntries,
  encodeLeaf,
  extendTiles,
  hashLeaf,
  type HeldLog,
  type Leaf,
  type LeafData,
  openCheckpoint,
  randomBytes,
  rootOfLeaves,
  signCheckpoint,
  utf8,
} from '@latchkey/shared'
import { describe, expect, test } from 'vitest'
import { createTileShelf } from '../../../support/log-leaves.ts'

const HOUR_MS = 3_600_000
const NOTICE_MS = 14 * 24 * HOUR_MS
const NOW_MS = 500_000 * HOUR_MS
const [key, next, foreign] = [1, 2, 3].map((seed) => createSigner(new Uint8Array(32).fill(seed)).jwk)
const agency: LeafData<'agency'> = {
  uri: 'https://police.example.gov',
  name: 'Police Department',
  kind: 'police',
  status: 'active',
  keys: [key!],
  statusSinceMs: NOW_MS - 2 * NOTICE_MS,
  noticeUntilMs: NOW_MS - NOTICE_MS,
}
const oldHour = 500_000 - 2 * 14 * 24
const leafOf = (data: LeafData<'agency'>, hour = oldHour): Leaf => ({ v: 1, type: 'agency', data, hour })

/** A log of these leaves, as a phone holds it. */
async function holding(leaves: readonly Leaf[]): Promise<HeldLog> {
  const origin = 'relay.example/log'
  const signer = createNoteSigner(origin, createSigner(randomBytes(32)))
  const entries = leaves.map(encodeLeaf)
  const hashes = entries.map(hashLeaf)
  const shelf = createTileShelf()
  shelf.put(await extendTiles(0, hashes, shelf.readTile))
  shelf.put([{ tile: { level: 'entries', index: 0, width: entries.length }, bytes: encodeEntries(entries) }])
  const raw = await signCheckpoint({ origin, size: hashes.length, root: rootOfLeaves(hashes) }, signer)
  return { held: openCheckpoint(raw, { logs: [signer.key] }), readTile: shelf.readTile }
}

const { statusSinceMs, ...told } = agency
const entry: AgencyEntry = { ...told, sinceMs: statusSinceMs, index: 0, noticeIndex: 0 }
const check = async (claimed: AgencyEntry, leaves: readonly Leaf[]) =>
  (await checkAgencyInLog(claimed, await holding(leaves), { noticeMs: NOTICE_MS, nowMs: NOW_MS })).state

describe('an agency', () => {
  test('that stands in the log as it is told is believed', async () => {
    expect(await check(entry, [leafOf(agency)])).toBe('included')
    const renamed = { ...agency, name: 'Police West' }
    const changed = { ...entry, name: 'Police West', index: 1 }
    expect(await check(changed, [leafOf(agency), leafOf(renamed, 499_999)])).toBe('included')
  })

  test.each<[string, Partial<AgencyEntry>]>([
    ['another name', { name: 'Friendly Neighbours' }],
    ['another key', { keys: [foreign!] }],
    ['another status', { status: 'pilot' }],
    ['an earlier end of its notice', { noticeUntilMs: 1 }],
    ['another address', { uri: 'https://other.example.gov' }],
  ])('that is told with %s is not', async (_, change) => {
    expect(await check({ ...entry, ...change }, [leafOf(agency)])).toBe('contradicted')
  })

  test('whose key is newer than the notice period is not, whatever its entry says', async () => {
    const both = { ...agency, keys: [key!, next!] }
    const leaves = [leafOf(agency), leafOf(both, 499_999)]
    expect(await check({ ...entry, keys: both.keys, index: 1, noticeIndex: 0 }, leaves)).toBe('contradicted')
    expect(await check({ ...entry, keys: both.keys, index: 1, noticeIndex: 1 }, leaves)).toBe('contradicted')
  })

  test('whose place is of another agency, or beyond the log, is not', async () => {
    const other = { ...agency, uri: 'https://other.example.gov' }
    expect(await check({ ...entry, index: 1, noticeIndex: 0 }, [leafOf(other), leafOf(agency)])).toBe('contradicted')
    expect(await check({ ...entry, index: 9 }, [leafOf(agency)])).toBe('unseen')
    const empty = { held: null, readTile: () => Promise.reject(new Error('not asked')) }
    expect((await checkAgencyInLog(entry, empty, { noticeMs: 0, nowMs: NOW_MS })).state).toBe('unseen')
  })
})

test('the rules that a relay judges by are the ones that stand where it says', async () => {
  const digest = digestOf(utf8('the rules'))
  const log = await holding([leafOf(agency), { v: 1, type: 'policy', data: { digest }, hour: oldHour }])
  const stateOf = async (named: { digest: string; index: number; hour?: number }) =>
    (await checkPolicyInLog({ hour: oldHour, ...named }, log)).state
  expect(await stateOf({ digest, index: 1 })).toBe('included')
  expect(await stateOf({ digest, index: 0 })).toBe('contradicted')
  expect(await stateOf({ digest: digestOf(utf8('others')), index: 1 })).toBe('contradicted')
  expect(await stateOf({ digest, index: 2 })).toBe('unseen')
  // Of another hour, a notice would seem to have begun then.
  expect(await stateOf({ digest, index: 1, hour: oldHour - 1 })).toBe('contradicted')
})
