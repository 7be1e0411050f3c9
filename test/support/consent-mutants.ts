import { BY_ANYONE } from './consent-mutants-by-anyone.ts'
import { BY_OWNER, MOMENTS } from './consent-mutants-by-owner.ts'
import type { Recipe, Stock } from './consent-stock.ts'

/** A consent that nobody may accept. */
export interface Mutant {
  readonly family: string
  readonly raw: string
  readonly headers: readonly Uint8Array[]
  /** Only the relay can tell; the verifier sees it by the log, which does not hold what the relay refused. */
  readonly isRelaysWord: boolean
}

/** Every way in which a consent is wrong. */
export const MUTANT_FAMILIES: readonly (readonly [family: string, recipe: Recipe])[] = [
  ...BY_OWNER,
  ...BY_ANYONE,
].flatMap((group) => Object.entries(group))

/** One mutant of the family with this number, whatever the number. */
export async function createMutant(stock: Stock, number: number): Promise<Mutant> {
  const [family, recipe] = MUTANT_FAMILIES[number % MUTANT_FAMILIES.length]!
  const { raw, headers = stock.good.headers } = await recipe(stock)
  return { family, raw, headers, isRelaysWord: family in MOMENTS }
}
