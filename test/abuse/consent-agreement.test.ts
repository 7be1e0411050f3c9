import { consent, decodeBase64url, encodeBase64url, type ErrorCode, type Problem, type Verdict } from '@latchkey/shared'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type ConsentGround, createConsentGround } from '../support/consent-ground.ts'
import { createMutant, type Mutant, MUTANT_FAMILIES } from '../support/consent-mutants.ts'
import type { GoodConsent } from '../support/consent-stock.ts'
import { createSeededRandom, runs, tellSoak } from '../support/counts.ts'
import { createForeignBundles, type ForeignBundles } from '../support/foreign-bundle.ts'
import {
  consentPlan,
  createRelayWorld,
  loadTestPolicy,
  postConsent,
  randomSalt,
  type RelayWorld,
  signConsent,
} from '../support/relay-world.ts'

const HOURS_SINCE_REQUEST = 6
/** Mutants made of one good consent; it is submitted after them, and must still be taken. */
const PER_CONSENT = 75

let world: RelayWorld
let ground: ConsentGround
let bundles: ForeignBundles
beforeAll(async () => {
  const { consent: terms } = await loadTestPolicy()
  world = await createRelayWorld({ policy: { consent: { ...terms, undoSeconds: 600 } } })
  ground = await createConsentGround(world)
  world.clock.shift(HOURS_SINCE_REQUEST * 3_600_000)
  bundles = createForeignBundles(world, ground)
})
afterAll(async () => {
  await world[Symbol.asyncDispose]()
})

async function signGood(): Promise<GoodConsent> {
  const submission = await signConsent(ground, consentPlan(world, ground))
  return { signed: consent.parse(submission.consent), headers: submission.headers.map(decodeBase64url) }
}

/** What the relay says: the codes of its refusal, none when it takes the consent. */
async function relayCodes({ raw, headers }: Pick<Mutant, 'raw' | 'headers'>): Promise<string[]> {
  const encoded = headers.map(encodeBase64url)
  const answer = await postConsent(ground.household.owner, { consent: raw, headers: encoded, salt: randomSalt() })
  if (answer.status === 201) return []
  const { code, findings } = (await answer.json()) as Problem
  return [code, ...(findings ?? []).map((finding) => finding.code)]
}

function isParsed(raw: string): boolean {
  try {
    consent.parse(raw)
    return true
  } catch {
    return false
  }
}

/** What the offline verifier says: the codes of its findings, none when it takes the consent. */
async function verifierCodes(mutant: Omit<Mutant, 'family'>, good: GoodConsent): Promise<string[]> {
  const verdict = await verdictOn(mutant, good)
  return verdict.passed ? [] : verdict.checks.flatMap(({ findings }) => findings.map(({ code }) => code))
}

async function verdictOn({ raw, headers, isRelaysWord }: Omit<Mutant, 'family'>, good: GoodConsent): Promise<Verdict> {
  const now = world.nowSeconds()
  if (!isParsed(raw)) return bundles.verdictOnText(raw, good, now)
  const shown = { signed: consent.parse(raw), headers }
  return isRelaysWord ? bundles.verdictOnSwap(shown, good.signed, now) : bundles.verdictOn(shown, now)
}

/** Bytes that are no consent: how deep a reader looked before it said so is its own matter. */
const FORM = new Set<string>([
  'ENCODING_INVALID',
  'JSON_INVALID',
  'JSON_NOT_CANONICAL',
  'JWS_INVALID',
  'MESSAGE_INVALID',
  'MESSAGE_TOO_LARGE',
  'TEXT_INVALID',
] satisfies ErrorCode[])

/** Does the verifier refuse it for the relay's reason? */
function agrees(relay: readonly string[], verifier: readonly string[], isRelaysWord: boolean): boolean {
  if (isRelaysWord) return verifier.includes('LOG_PROOF_INVALID')
  if (relay.some((code) => verifier.includes(code))) return true
  // The relay does not tell which clips exist: a manifest that it does not hold is one of another household.
  if (relay.includes('CONSENT_ISSUER')) return verifier.includes('CONSENT_INVALID')
  // A header that is too long is already no submission.
  return relay.some((code) => FORM.has(code)) && verifier.some((code) => FORM.has(code) || code === 'CONSENT_HEADERS')
}

/** What is wrong with the answers to a mutant; null when both refuse it alike. */
async function disagreement(mutant: Mutant, good: GoodConsent): Promise<string | null> {
  const verifier = await verifierCodes(mutant, good)
  const relay = await relayCodes(mutant)
  const isAgreed = relay.length > 0 && verifier.length > 0 && agrees(relay, verifier, mutant.isRelaysWord)
  return isAgreed ? null : `${mutant.family}: relay ${relay.join(' ')}, verifier ${verifier.join(' ')}`
}

describe('relay and offline verifier', () => {
  it('both take the consent that is as it must be', async () => {
    const good = await signGood()
    const control = { raw: good.signed.raw, headers: good.headers, isRelaysWord: false }
    expect(await verifierCodes(control, good)).toEqual([])
    expect(await relayCodes(control)).toEqual([])
  })

  it('both refuse every mutant, for the same reason', async () => {
    const random = createSeededRandom(20_261_122)
    const count = runs(200, 10_000)
    const disagreements: string[] = []
    let used = await signGood()
    await relayCodes({ raw: used.signed.raw, headers: used.headers })
    for (let start = 0; start < count; start += PER_CONSENT) {
      const good = await signGood()
      const stock = { world, ground, good, random, usedId: used.signed.payload.jti }
      for (let number = start; number < Math.min(count, start + PER_CONSENT); number++)
        disagreements.push(...[await disagreement(await createMutant(stock, number), good)].filter((it) => it !== null))
      // Nothing of the mutants stayed: not even their id is taken.
      expect(await relayCodes({ raw: good.signed.raw, headers: good.headers })).toEqual([])
      used = good
    }
    expect(disagreements).toEqual([])
    expect(count).toBeGreaterThan(2 * MUTANT_FAMILIES.length)
    tellSoak({ what: 'mutated consents, relay and offline verifier', count, outcome: '0 accepted, 0 disagreements' })
  }, 1_800_000)
})
