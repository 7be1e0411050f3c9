import type { Consent, Signed } from '@latchkey/shared'
import type { ConsentGround } from './consent-ground.ts'
import type { Random } from './json-mutants.ts'
import type { RelayWorld } from './relay-world.ts'
import type { Mutable } from './vector-case.ts'

/** A good consent, signed by the owner and submitted to nobody: what mutants are made of. */
export interface GoodConsent {
  readonly signed: Signed<Consent>
  readonly headers: readonly Uint8Array[]
}

/** What a mutant is made from. */
export interface Stock {
  readonly world: RelayWorld
  readonly ground: ConsentGround
  readonly good: GoodConsent
  /** `jti` of a consent that the relay took. */
  readonly usedId: string
  readonly random: Random
}

/** Claims that may be changed in place. */
export type Claims = Mutable<Consent>
/** Makes one mutant; with the headers of the good consent unless it says others. */
export type Recipe = (stock: Stock) => Promise<{ raw: string; headers?: readonly Uint8Array[] }>
/** Recipes by what is wrong with their mutants. */
export type Recipes = Readonly<Record<string, Recipe>>
