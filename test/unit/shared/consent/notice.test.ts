import { readFileSync } from 'node:fs'
import { codeOf, formatTime, type ItemKind, NOTICE_VERSION, type NoticeFacts, renderNotice } from '@latchkey/shared'
import { describe, expect, test } from 'vitest'
import { changed, createConsentCase } from '../../../support/vector-case.ts'
import vectors from '../../../vectors/formats.json' with { type: 'json' }

const base = createConsentCase()
const items = [0, 1, 2].map((index) => base.descriptors.get(index)!)
const facts: NoticeFacts = {
  request: base.request.payload,
  agencyName: base.agencyName,
  consent: base.consent.payload,
  items,
  utcOffsetMinutes: 60,
}

describe('the notice', () => {
  test('has the words that stand in the vector, written by hand', () => {
    expect(renderNotice(1, 'en', facts)).toBe(vectors.notice)
  })

  test('has the words of the second golden text: west, south, sound, picture, identity', () => {
    const [start] = [Date.UTC(2027, 0, 15, 6)]
    const piece = (kind: ItemKind, startMs: number) => ({ ...items[1]!, kind, startMs })
    const other: NoticeFacts = {
      ...facts,
      request: changed(facts.request, (request) =>
        Object.assign(request.authorization_details[0]!, {
          window: { startMs: start + 900_000, endMs: start + 901_000 },
          area: [
            [-33_900_010, -10],
            [-33_890_000, 151_209_999],
            [-33_895_000, 100],
          ],
        }),
      ),
      consent: changed(facts.consent, (consent) => {
        Object.assign(consent, { nbf: Date.UTC(2027, 0, 15, 8, 10) / 1000, exp: Date.UTC(2027, 0, 18, 8, 10) / 1000 })
        Object.assign(consent.latchkey, { disclosure: 'x', purpose: 'defence', retentionDays: 7, maxDownloads: 1 })
      }),
      items: [
        piece('init', 0),
        piece('media', start),
        piece('audio', start + 2_000),
        piece('poster', start + 50_000),
        piece('meta', start + 50_000),
      ],
      utcOffsetMinutes: -270,
    }
    const golden = readFileSync(new URL('../../../vectors/notice-1-en.txt', import.meta.url), 'utf8')
    expect(renderNotice(NOTICE_VERSION, 'en', other)).toBe(golden)
  })

  test.each([
    [0, 'en'],
    [2, 'en'],
    [1, 'de'],
    [1, '__proto__'],
  ])('is refused in version %i, language %s: never released', (version, language) => {
    let code: string | null = null
    try {
      renderNotice(version, language, facts)
    } catch (error) {
      code = codeOf(error)
    }
    expect(code).toBe('CONSENT_NOTICE')
  })

  test('changes with every fact that it shows', () => {
    const text = renderNotice(1, 'en', facts)
    const others: NoticeFacts[] = [
      { ...facts, agencyName: 'Other Police' },
      { ...facts, utcOffsetMinutes: 0 },
      { ...facts, items: items.slice(0, 2) },
      ...(['contact', 'caseNumber', 'incidentType', 'reason'] as const).map((field) => ({
        ...facts,
        request: changed(facts.request, (request) => (request.latchkey[field] = 'other')),
      })),
      { ...facts, request: changed(facts.request, (request) => (request.iss = 'https://other.example')) },
      {
        ...facts,
        request: changed(facts.request, (r) => (r.authorization_details[0]!.area[0] = [51_400_000, -120_000])),
      },
      { ...facts, request: changed(facts.request, (r) => (r.authorization_details[0]!.window.endMs += 1_000)) },
      ...(['nbf', 'exp'] as const).map((claim) => ({
        ...facts,
        consent: changed(facts.consent, (consent) => (consent[claim] += 1)),
      })),
      ...[{ purpose: 'x' }, { retentionDays: 9 }, { maxDownloads: 9 }, { disclosure: 'x' }].map((claim) => ({
        ...facts,
        consent: changed(facts.consent, (consent) => Object.assign(consent.latchkey, claim)),
      })),
    ]
    for (const other of others) expect(renderNotice(1, 'en', other)).not.toBe(text)
  })
})

test('times are written without the machine’s calendar or zone', () => {
  expect(formatTime(0, 0)).toBe('1970-01-01 00:00:00 UTC+00:00')
  expect(formatTime(951_868_799_999, 345)).toBe('2000-03-01 05:44:59 UTC+05:45')
  expect(formatTime(1_800_000_000_000, -720)).toBe('2027-01-14 20:00:00 UTC-12:00')
})
