/** What this household wants: kept on the phone, and sealed to all of its phones at a relay that cannot read it. */
import {
  canonicalJson,
  codeOf,
  countingKeysets,
  FIRST_CHOICES,
  keyset,
  LatchkeyError,
  MAX_SETTINGS_BYTES,
  mergeSettings,
  openSettings,
  sealSettings,
  type SettingsChoices,
} from '@latchkey/shared'
import { errorOf, readBounded } from '@latchkey/shared/client'
import { chainOf, type Home } from '../household/home.ts'
import { ownRole } from '../household/members.ts'
import { memberClient } from '../household/relay-clients.ts'
import { nowMs } from '../../kernel/clock.ts'
import type { Database } from '../../kernel/database.ts'
import { phoneOf } from '../keys/phone-keys.ts'

/** As this phone keeps them. */
interface KeptSettings {
  readonly v: 1
  /** What the owner wants now. */
  readonly choices: SettingsChoices
  /** What the relay was last known to hold. */
  readonly base: SettingsChoices
  /** Highest revision that was seen: the relay cannot show an older one. */
  readonly revision: number
  /** Version of the keyset under which that one was signed; owners of older ones are no longer believed. */
  readonly version?: number
}

const RECORD = 'settings'
const PATH = '/v1/settings'
/** Two phones that change things at once meet again after one round; more is somebody playing. */
const MAX_ROUNDS = 4
const MINUTE_MS = 60_000

/** The household's choices on this phone. */
export interface SettingsStore {
  load(): Promise<SettingsChoices>
  /** Keeps them here; {@link sync} carries them to the other phones. */
  save(choices: SettingsChoices): Promise<void>
  /**
   * Joins what changed here with what changed elsewhere. Safe to repeat, and to give up: nothing is lost here.
   * @returns the choices that then hold
   * @throws UNAVAILABLE; SIGNATURE_INVALID | CONFLICT when the relay shows settings that are not this household's newest
   */
  sync(): Promise<SettingsChoices>
}

/** What the relay holds, opened and believed; its tag names it in the next change. */
interface Held {
  readonly etag: string | null
  readonly choices: SettingsChoices
  readonly revision: number
  /** Version of the keyset whose owner signed it. */
  readonly version: number
}

/** Is it only another keyset's owner who signed? */
const isOthers = (error: unknown): boolean => codeOf(error) === 'SIGNATURE_INVALID'

export function createSettingsStore(database: Database, home: Home): SettingsStore {
  const household = keyset.parse(home.keyset).payload
  const { version } = household.latchkey
  const first: KeptSettings = { v: 1, choices: FIRST_CHOICES, base: FIRST_CHOICES, revision: 0 }
  const keptOf = (record: unknown) => (record as KeptSettings | undefined) ?? first
  const load = async () => keptOf(await database.load(RECORD))

  /** By an owner in force, or, until one signs anew, by one of a keyset since the last that was believed. */
  async function believe(file: Uint8Array, kept: KeptSettings): Promise<Omit<Held, 'etag'>> {
    const { opener } = await phoneOf(home.keys)
    const since = kept.version ?? 1
    const keysets = countingKeysets(chainOf(home)).map(({ payload }) => payload)
    const candidates = keysets.filter(({ latchkey }) => latchkey.version >= since).reverse()
    let failure: unknown
    for (const candidate of candidates) {
      try {
        const { latchkey } = (await openSettings(file, opener, { keyset: candidate, atLeast: kept.revision })).payload
        return { choices: latchkey.choices, revision: latchkey.revision, version: candidate.latchkey.version }
      } catch (error) {
        if (!isOthers(error)) throw error
        failure = error
      }
    }
    throw failure
  }

  /** Nobody is left who could open them: the only owner begins anew, above every number that anybody has seen. */
  async function beginAnew(error: unknown, kept: KeptSettings): Promise<Omit<Held, 'etag'>> {
    const owners = household.latchkey.members.filter(({ role }) => role === 'owner')
    const isAlone = owners.length === 1 && (await ownRole(home)) === 'owner'
    if (codeOf(error) !== 'AGE_NO_MATCH' || kept.revision > 0 || !isAlone) throw error
    return { choices: FIRST_CHOICES, revision: Math.floor(nowMs() / MINUTE_MS), version: 0 }
  }

  async function fetchHeld(kept: KeptSettings): Promise<Held> {
    const client = await memberClient(home)
    const answer = await client.send('GET', PATH)
    if (answer.status === 404) {
      if (kept.revision > 0) throw new LatchkeyError('CONFLICT', 'the relay no longer shows settings that it held')
      return { etag: null, choices: FIRST_CHOICES, revision: 0, version }
    }
    if (!answer.ok) throw await errorOf(answer)
    const file = await readBounded(answer, MAX_SETTINGS_BYTES)
    const believed = await believe(file, kept).catch((error: unknown) => beginAnew(error, kept))
    return { etag: answer.headers.get('etag'), ...believed }
  }

  /** @returns whether it was the change that counts; false when another phone was faster */
  async function put(choices: SettingsChoices, over: Held): Promise<boolean> {
    const [client, { signer }] = await Promise.all([memberClient(home), phoneOf(home.keys)])
    const given = { keyset: household, signer, revision: over.revision + 1, nowSeconds: Math.floor(nowMs() / 1000) }
    const bytes = await sealSettings(choices, given)
    const precondition = over.etag === null ? { 'if-none-match': '*' } : { 'if-match': over.etag }
    const answer = await client.send('PUT', PATH, { bytes, headers: precondition })
    if (answer.status === 412) return false
    if (!answer.ok) throw await errorOf(answer)
    return true
  }

  return {
    load: async () => (await load()).choices,
    save: (choices) => database.update(RECORD, (kept) => ({ ...keptOf(kept), choices }) satisfies KeptSettings),
    async sync() {
      for (let round = 0; round < MAX_ROUNDS; round++) {
        const kept = await load()
        const held = await fetchHeld(kept)
        const merged = mergeSettings(kept.base, kept.choices, held.choices)
        // What an older keyset's owner signed is sealed to its members: it is signed and sealed anew.
        const isNews = canonicalJson(merged) !== canonicalJson(held.choices) || held.version !== version
        if (isNews && !(await put(merged, held))) continue
        const revision = held.revision + (isNews ? 1 : 0)
        // What was changed here while this went on is still a change against what the relay now holds.
        const seen = { revision, version: isNews ? version : held.version }
        let { choices } = kept
        await database.update(RECORD, (now) => {
          choices = mergeSettings(kept.choices, keptOf(now).choices, merged)
          return { v: 1, choices, base: merged, ...seen } satisfies KeptSettings
        })
        return choices
      }
      throw new LatchkeyError('UNAVAILABLE', 'another phone keeps changing the settings: try again in a moment')
    },
  }
}
