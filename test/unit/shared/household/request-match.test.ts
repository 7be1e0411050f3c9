/** Which questions concern a door: its own area and minutes, and not a metre or a minute more. */
import {
  type ClipRequest,
  clipRequest,
  type ClockStatement,
  createSigner,
  defaultItems,
  distanceOutsideM,
  encodeBase64url,
  FIRST_CHOICES,
  type ItemDescriptor,
  matchRequests,
  type MatchInput,
  meetsWindow,
  type MicroPoint,
  type OwnClip,
  polygonContains,
  randomBytes,
  type SettingsChoices,
  type Signed,
} from '@latchkey/shared'
import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import { createSyntheticCase } from '../../../support/synthetic-case.ts'

const digest = 'A'.repeat(43)
const DEVICE = encodeBase64url(new Uint8Array(16).fill(1))
const YARD = encodeBase64url(new Uint8Array(16).fill(2))
const START = 1_800_000_000_000
const DOOR: MicroPoint = [52_520_000, 13_400_000]
const CLOCK: ClockStatement = { source: 'ntp', offsetMs: 0, uncertaintyMs: 40, checkedMs: START }
/** About 200 m by 200 m around the door. */
const AROUND: MicroPoint[] = [
  [52_519_000, 13_398_500],
  [52_519_000, 13_401_500],
  [52_521_000, 13_401_500],
  [52_521_000, 13_398_500],
]
const METRE_NORTH = 1e6 / 111_195

const item = (index: number, kind: ItemDescriptor['kind'], startMs: number): ItemDescriptor => ({
  index,
  kind,
  startMs,
  durationMs: kind === 'media' || kind === 'audio' ? 2_000 : 0,
  payloadSha256: digest,
  payloadBytes: 100,
  keyCommitment: digest,
  plaintextCommitment: digest,
})
const clipAt = (startMs: number, changes: Partial<OwnClip> = {}): OwnClip => ({
  clip: encodeBase64url(randomBytes(16)),
  device: DEVICE,
  clock: CLOCK,
  descriptors: [
    item(0, 'init', startMs),
    ...[1, 2, 3].map((i) => item(i, 'media', startMs + (i - 1) * 2_000)),
    item(4, 'audioInit', startMs),
    item(5, 'audio', startMs),
    item(6, 'poster', startMs),
    item(7, 'meta', startMs),
  ],
  ...changes,
})

let template: ClipRequest
const signer = createSigner(randomBytes(32))
beforeAll(async () => void (template = (await createSyntheticCase()).request.payload))

const ask = async (
  window: { startMs: number; endMs: number },
  changes: Partial<ClipRequest> = {},
  area: readonly MicroPoint[] = AROUND,
): Promise<Signed<ClipRequest>> => {
  const [detail] = template.authorization_details
  const payload = {
    ...template,
    jti: encodeBase64url(randomBytes(16)),
    exp: START / 1000 + 86_400,
    ...changes,
    authorization_details: [{ ...detail!, window, area: area.map(([lat, lon]): [number, number] => [lat, lon]) }],
  }
  return clipRequest.parse(await clipRequest.encode(payload, signer))
}
const ON: SettingsChoices = {
  ...FIRST_CHOICES,
  doors: [{ device: DEVICE, name: 'Door', place: [DOOR[0], DOOR[1]] }],
  requests: { ...FIRST_CHOICES.requests, on: true },
}
const MINUTE = { startMs: START, endMs: START + 60_000 }
const match = (input: Partial<MatchInput>) =>
  matchRequests({ requests: [], choices: ON, clips: [], nowMs: START + 3_600_000, ...input })
const shown = (input: Partial<MatchInput>) =>
  match(input).map(({ offers }) => offers.map(({ clip, items }) => ({ clip: clip.clip, items })))

describe('a question', () => {
  test('is shown with the pictures of its minutes, and nothing that was not asked for', async () => {
    const clip = clipAt(START - 3_000)
    const requests = [await ask(MINUTE)]
    // The first segment ended a second before the window.
    expect(shown({ requests, clips: [clip] })).toEqual([[{ clip: clip.clip, items: [0, 2, 3] }]])
  })

  test.each<[string, Partial<SettingsChoices>]>([
    ['nobody asked to be asked', { requests: { ...ON.requests, on: false } }],
    ['it is paused', { requests: { ...ON.requests, pausedUntilMs: START + 3_600_001 } }],
    ['the agency is muted', { requests: { ...ON.requests, muted: ['https://police.example'] } }],
    ['no place is known', { doors: [{ ...ON.doors[0]!, place: null }] }],
    ['the only door inside has another camera', { doors: [{ ...ON.doors[0]!, device: YARD }] }],
    ['nothing was ever chosen', FIRST_CHOICES],
  ])('is not shown when %s', async (_, change) => {
    const input = { requests: [await ask(MINUTE, { iss: 'https://police.example' })], clips: [clipAt(START)] }
    expect(match(input).length).toBe(1)
    expect(match({ ...input, choices: { ...ON, ...change } })).toEqual([])
  })

  test('is shown again when the pause is over, until it expires', async () => {
    const choices = { ...ON, requests: { ...ON.requests, pausedUntilMs: START } }
    const input = { requests: [await ask(MINUTE)], clips: [clipAt(START)], choices }
    expect(match({ ...input, nowMs: START }).length).toBe(1)
    expect(match({ ...input, nowMs: START + 86_400_000 - 1 }).length).toBe(1)
    expect(match({ ...input, nowMs: START + 86_400_000 })).toEqual([])
  })

  test('50 m away shows nothing; on its edge it does', async () => {
    const input = { requests: [await ask(MINUTE)], clips: [clipAt(START)] }
    const at = (lat: number) => ({ ...ON, doors: [{ ...ON.doors[0]!, place: [lat, DOOR[1]] as [number, number] }] })
    expect(match({ ...input, choices: at(52_521_000) }).length).toBe(1)
    expect(match({ ...input, choices: at(52_521_001) })).toEqual([])
    const away = Math.ceil(52_521_000 + 50 * METRE_NORTH)
    expect(distanceOutsideM(AROUND, [away, DOOR[1]])).toBeGreaterThan(49)
    expect(match({ ...input, choices: at(away) })).toEqual([])
  })

  test('whose area crosses itself is not shown', async () => {
    const bowTie = [AROUND[0]!, AROUND[2]!, AROUND[1]!, AROUND[3]!]
    expect(match({ requests: [await ask(MINUTE, {}, bowTie)], clips: [clipAt(START)] })).toEqual([])
  })

  test('meets what the clock is unsure of, and the corrected time', async () => {
    const requests = [await ask(MINUTE)]
    const at = (startMs: number, clock: Partial<ClockStatement>) =>
      match({ requests, clips: [clipAt(startMs, { clock: { ...CLOCK, ...clock } })] }).length
    // The clip is 6 s long.
    expect(at(START - 6_041, {})).toBe(0)
    expect(at(START - 6_040, {})).toBe(1)
    expect(at(START - 6_041, { uncertaintyMs: 41 })).toBe(1)
    expect(at(START - 100_000, { offsetMs: 100_000 })).toBe(1)
    expect(at(START, { offsetMs: 100_000 })).toBe(0)
    expect(at(START + 60_040, {})).toBe(1)
    expect(at(START + 60_041, {})).toBe(0)
  })
})

/** Convex, around the door or elsewhere. */
const areas = fc
  .record({
    corners: fc.uniqueArray(fc.integer({ min: 0, max: 359 }), { minLength: 3, maxLength: 12 }),
    sizeM: fc.integer({ min: 40, max: 400 }),
    northM: fc.integer({ min: -800, max: 800 }),
    eastM: fc.integer({ min: -800, max: 800 }),
  })
  .map(({ corners, sizeM, northM, eastM }) =>
    corners
      .sort((a, b) => a - b)
      .map((degrees): MicroPoint => {
        const radians = (degrees * Math.PI) / 180
        const north = northM + sizeM * Math.sin(radians)
        const east = eastM + sizeM * Math.cos(radians)
        const lonScale = Math.cos((DOOR[0] / 1e6 / 180) * Math.PI)
        return [Math.round(DOOR[0] + north * METRE_NORTH), Math.round(DOOR[1] + (east * METRE_NORTH) / lonScale)]
      }),
  )

describe('whatever is asked', () => {
  test('is shown when the door lies inside, never when it lies outside', async () => {
    await fc.assert(
      fc.asyncProperty(areas, async (area) => {
        const requests = [await ask(MINUTE, {}, area)]
        const isShown = match({ requests, clips: [clipAt(START)] }).length === 1
        expect(isShown).toBe(polygonContains(area, DOOR))
        if (distanceOutsideM(area, DOOR) >= 50) expect(isShown).toBe(false)
      }),
      { numRuns: 300 },
    )
  })

  test('offers exactly the pictures that a consent may name, with their init', async () => {
    const time = fc.integer({ min: -200_000, max: 200_000 })
    await fc.assert(
      fc.asyncProperty(time, time, fc.nat(5_000), fc.nat(60_000), async (from, offsetMs, uncertaintyMs, length) => {
        const clip = clipAt(START + from, { clock: { ...CLOCK, offsetMs, uncertaintyMs } })
        const window = { startMs: START, endMs: START + length }
        const request = await ask(window)
        const [only] = match({ requests: [request], clips: [clip] })
        const allowed = clip.descriptors.filter((one) => one.kind === 'media' && meetsWindow(one, clip.clock, window))
        const expected = allowed.length === 0 ? undefined : [0, ...allowed.map(({ index }) => index)]
        expect(only?.offers[0]?.items).toEqual(expected)
        if (offsetMs === 0 && uncertaintyMs === 0)
          expect(only?.offers[0]?.items ?? []).toEqual(defaultItems(clip.descriptors, request.payload))
      }),
      { numRuns: 300 },
    )
  })

  test('comes in one order, whatever order it arrived in', async () => {
    const requests = await Promise.all(
      Array.from({ length: 6 }, (_, i) => ask(MINUTE, { iat: template.iat + (i % 3) })),
    )
    const clips = Array.from({ length: 6 }, (_, i) => clipAt(START + (i % 3) * 2_000))
    const first = match({ requests, clips })
    expect(first.length).toBe(6)
    const iats = first.map(({ request }) => request.payload.iat)
    expect(iats).toEqual(iats.toSorted((a, b) => b - a))
    const shuffled = (length: number) => fc.shuffledSubarray([...Array(length).keys()], { minLength: length })
    fc.assert(
      fc.property(shuffled(6), shuffled(6), (r, c) => {
        expect(match({ requests: r.map((i) => requests[i]!), clips: c.map((i) => clips[i]!) })).toEqual(first)
      }),
    )
  })
})
