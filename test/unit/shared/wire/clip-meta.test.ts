import { describe, expect, it } from 'vitest'
import { createFindingLog, encodeClipMeta } from '../../../../device-agent/src/clip/clip-meta.ts'
import { canonicalBytes } from '../../../../shared/src/bytes/canonical-json.ts'
import { LatchkeyError } from '../../../../shared/src/errors.ts'
import { MAX_META_BYTES, parseClipMeta } from '../../../../shared/src/wire/clip-meta.ts'

/** As a doorbell writes it. */
function written(): Uint8Array {
  const findings = createFindingLog()
  const moving = { kind: 'finding', moving: true, changedShare: 0.12, threshold: 0.005, reason: 'visitor' } as const
  for (let second = 0; second < 60; second++)
    findings.add({
      ...moving,
      captureMs: 1_700_000_000_000 + second * 1000,
      boxes: [{ x: 0.1, y: 0.2, width: 0.3, height: 0.4 }],
      zones: ['porch'],
    })
  return encodeClipMeta({
    camera: 'Haustür – 正面',
    trigger: 'ring',
    triggerMs: 1_700_000_005_000,
    format: { codec: 'h264', width: 1280, height: 720, timescale: 90_000, init: new Uint8Array() },
    masks: {
      neighbour: {
        points: [
          [0.7, 0],
          [1, 0],
          [1, 0.4],
        ],
      },
    },
    findings: findings.summary,
  })
}

const valid = () => JSON.parse(new TextDecoder().decode(written())) as Record<string, unknown>

function outcomeOf(bytes: Uint8Array): string {
  try {
    parseClipMeta(bytes)
    return 'read'
  } catch (error) {
    return error instanceof LatchkeyError ? error.code : `unexpected ${String(error)}`
  }
}

describe('the meta item', () => {
  it('is read as a doorbell wrote it', () => {
    const meta = parseClipMeta(written())
    expect(meta).toMatchObject({
      camera: 'Haustür – 正面',
      trigger: 'ring',
      zones: ['porch'],
      motion: { pictures: 60 },
    })
    expect(meta.boxes).toHaveLength(60)
  })

  it.each([
    ['another version', { v: 2 }],
    ['an unknown member', { extra: 1 }],
    ['no camera', { camera: '' }],
    ['another trigger', { trigger: 'alarm' }],
    ['a box outside the picture', { boxes: [{ atMs: 1, boxes: [{ x: 1.5, y: 0, width: 0, height: 0 }] }] }],
    ['a mask of one number per point', { masks: { a: { points: [[0.1]] } } }],
    ['a time in words', { triggerMs: 'now' }],
  ])('with %s is refused', (_, change) => {
    expect(outcomeOf(canonicalBytes({ ...valid(), ...change }))).toBe('MESSAGE_INVALID')
  })

  it('with a name that shows as another is refused', () => {
    expect(outcomeOf(canonicalBytes({ ...valid(), camera: 'Front\u202Edoor' }))).toBe('TEXT_INVALID')
  })

  it('that is not canonical, no JSON, or huge is refused', () => {
    expect(outcomeOf(new TextEncoder().encode(JSON.stringify(valid(), null, 1)))).toBe('JSON_NOT_CANONICAL')
    expect(outcomeOf(written().subarray(0, -1))).toBe('JSON_INVALID')
    expect(outcomeOf(new Uint8Array(MAX_META_BYTES + 1))).toBe('MESSAGE_TOO_LARGE')
  })
})
