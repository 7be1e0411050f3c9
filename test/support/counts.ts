/** Full counts of the issues, for `npm run soak`; the normal run takes seeded samples. */
export const IS_FULL = process.env['LATCHKEY_FULL'] === '1'

/** How many cases to run. */
export function countOf(counts: { readonly normal: number; readonly full: number }): number {
  return IS_FULL ? counts.full : counts.normal
}

/** Whole numbers below `limit`, the same ones for one seed (mulberry32). */
export function createSeededRandom(seed: number): (limit: number) => number {
  let state = seed >>> 0
  return (limit) => {
    state = (state + 0x6d2b79f5) >>> 0
    let value = Math.imul(state ^ (state >>> 15), state | 1)
    value ^= value + Math.imul(value ^ (value >>> 7), value | 61)
    return Math.floor((((value ^ (value >>> 14)) >>> 0) / 2 ** 32) * limit)
  }
}
