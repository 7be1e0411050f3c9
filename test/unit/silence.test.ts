/** The guesser of phone-decide finds what there is to find, and nothing where there is nothing. */
import { expect, test } from 'vitest'
import { createSeededRandom } from '../support/counts.ts'
import { guessAnswers, type Sample } from '../support/silence.ts'

/** Visits of four requests each, with the noise of a busy machine; `leak` changes those that are so. */
function visits(leak: (trace: { what: string; atMs: number }[]) => void): Sample[] {
  const random = createSeededRandom(5)
  return Array.from({ length: 1_000 }, () => {
    const isSo = random(2) === 1
    let atMs = 0
    const trace = ['GET /a', 'GET /b', 'GET /b', 'POST /c'].map((what) => ({ what, atMs: (atMs += random(200) / 10) }))
    if (isSo) leak(trace)
    return { trace, isSo }
  })
}

test('nothing is found where nothing differs', () => {
  expect(guessAnswers(visits(() => {})).accuracy).toBeLessThan(0.55)
})

test('a request that comes later is found, within the noise of one', () => {
  const late = guessAnswers(visits((trace) => void (trace[2]!.atMs += 25)))
  expect(late.accuracy).toBeGreaterThan(0.9)
  expect(late.feature).toMatch(/^GET \/b #2/)
})

test('a delay of half the noise is found more often than by chance', () => {
  expect(guessAnswers(visits((trace) => void (trace[3]!.atMs += 8))).accuracy).toBeGreaterThan(0.6)
})

test('a request too many is found', () => {
  const more = guessAnswers(visits((trace) => void trace.push({ what: 'GET /d', atMs: 60 })))
  expect(more.accuracy).toBe(1)
})
