import { appendFileSync } from 'node:fs'

/** `npm run soak` sets this: the full counts of the README's table instead of the reduced, seeded ones of `npm test`. */
export const IS_FULL = process.env['LATCHKEY_FULL'] === '1'

/** How often to do something: `reduced` in `npm test`, `full` in `npm run soak`. */
export function runs(reduced: number, full: number): number {
  return IS_FULL ? full : reduced
}

/** A line for the table that `npm run soak` writes into the README; does nothing in `npm test`. */
export function tellSoak(line: { readonly what: string; readonly count: number; readonly outcome: string }): void {
  const file = process.env['LATCHKEY_SOAK_REPORT']
  if (IS_FULL && file !== undefined) appendFileSync(file, `${JSON.stringify(line)}\n`)
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
