import { appendFileSync } from 'node:fs'

/** `npm run soak` sets this: the full counts of the README's table instead of the reduced ones of `npm test`. */
const FULL = process.env['LATCHKEY_FULL'] === '1'

/** How often to do something: `reduced` in `npm test`, `full` in `npm run soak`. */
export function runs(reduced: number, full: number): number {
  return FULL ? full : reduced
}

/** A line for the table that `npm run soak` writes into the README; does nothing in `npm test`. */
export function tellSoak(line: { readonly what: string; readonly count: number; readonly outcome: string }): void {
  const file = process.env['LATCHKEY_SOAK_REPORT']
  if (FULL && file !== undefined) appendFileSync(file, `${JSON.stringify(line)}\n`)
}
