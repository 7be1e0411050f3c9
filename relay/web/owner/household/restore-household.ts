/** A household found by the root key of its recovery sheet, and taken over by this phone. @see shared/spec/keys.md, "Restoring from the sheet" */
import {
  countingKeysets,
  createSigner,
  identityOf,
  keyset,
  type Keyset,
  keysetAccepted,
  keysetInForce,
  keysetLabel,
  keysetList,
  LatchkeyError,
  type Member,
  pendingKeyset,
  rawKeyOf,
  ROOT_DELAY_MS,
  type SheetRelay,
  type Signed,
  type Signer,
  trust,
} from '@latchkey/shared'
import { createRelayClient, type RelayClient } from '@latchkey/shared/client'
import type { RecoverySheet } from '@latchkey/shared/recovery'
import type { Database } from '../../kernel/database.ts'
import { nowMs } from '../../kernel/clock.ts'
import { importOpening } from '../../kernel/opening-key.ts'
import { createPhoneKeys, phoneOf, type PhoneKeys } from '../keys/phone-keys.ts'
import { createLogKeeper, LOG_RECORD, type LogKeeper } from '../log/log-keeper.ts'
import { chainOf, type Home } from './home.ts'
import { beginHome } from './join-household.ts'
import { EVIDENCE_RECORD, lookAtKeysets } from './keyset-keeper.ts'
import { membersOf, thumbprintOfMember } from './members.ts'
import { anyoneClient } from './relay-clients.ts'

/** A phone of the household, as somebody without its settings can tell it apart. */
export interface ListedPhone {
  readonly thumbprint: string
  readonly role: Member['role']
  /** When the keyset that took it in was signed. */
  readonly sinceMs: number
}

/** A household as its sheet finds it; nothing is changed by looking. */
export interface FoundHousehold {
  /** Everything pinned but the place of the door. */
  readonly home: Home
  /** In force, oldest first. */
  readonly phones: readonly ListedPhone[]
  /** From when on another phone takes over, by this sheet: until then no second one can. */
  readonly otherFromMs: number | null
  /** This phone is in the newest list already: it was closed before it heard so. */
  readonly isDone: boolean
  /** The log was looked through for lists of phones that the relay does not show; otherwise it is too long for that. */
  readonly isSearched: boolean
  /** The sheet's recovery key is the one that clips are sealed to. */
  readonly opensClips: boolean
}

/** Sixteen megabytes of a busy log: more is not fetched over a phone's line. */
const MAX_SEARCH = 65_536
/** A clock that is less than an hour behind the relay's does no harm. */
const CLOCK_GRACE_MS = 3_600_000
/** This phone's keys while it restores: what the relay took is not lost when the page is closed before it answered. */
const RECORD = 'restoring'

interface Restoring {
  readonly v: 1
  /** Thumbprint of the root. */
  readonly root: string
  readonly keys: PhoneKeys
}

async function keysFor(database: Database, root: Signer): Promise<PhoneKeys> {
  const kept = (await database.load(RECORD)) as Restoring | undefined
  if (kept?.root === root.thumbprint) return kept.keys
  const keys = await createPhoneKeys()
  await database.save(RECORD, { v: 1, root: root.thumbprint, keys } satisfies Restoring)
  return keys
}

/** The relay's log that the sheet means. @throws UNAVAILABLE; KEY_INVALID when no log of this relay has that code */
export async function findSheetRelay(relay: string, isIt: (at: SheetRelay) => boolean): Promise<SheetRelay> {
  const { logs } = await anyoneClient({ relay }).json('GET', '/v1/trust.json', trust)
  const found = logs.map((logVkey) => ({ relay, logVkey })).find(isIt)
  if (found !== undefined) return found
  throw new LatchkeyError('KEY_INVALID', 'this relay is not the one of the code')
}

async function assertNothingHidden(home: Home, log: LogKeeper, from: number): Promise<boolean> {
  const seen = await log.seen()
  if (seen === null)
    throw new LatchkeyError('CHECKPOINT_INVALID', 'its log is not signed by the key that the sheet names')
  if (seen.size - from > MAX_SEARCH) return false
  const next = chainOf(home).length + 1
  if ((await log.findKeyset(keysetLabel(rawKeyOf(home.rootJwk), next), from)) === null) return true
  throw new LatchkeyError('KEYSET_SUPERSEDED', `the log holds version ${next}, which the relay does not show`)
}

function phonesOf(home: Home): ListedPhone[] {
  const keysets = countingKeysets(chainOf(home))
  return membersOf(home)
    .map((member) => {
      const thumbprint = thumbprintOfMember(member)
      const first = keysets.find(({ payload }) =>
        payload.latchkey.members.some((one) => thumbprintOfMember(one) === thumbprint),
      )
      return { thumbprint, role: member.role, sinceMs: first!.payload.iat * 1000 }
    })
    .sort((a, b) => a.sinceMs - b.sinceMs)
}

const includes = (signed: Signed<Keyset>, signer: Signer): boolean =>
  signed.payload.latchkey.members.some(({ signingKey }) => signingKey.x === signer.jwk.x)

const rootClient = (relay: string, root: Signer): RelayClient =>
  createRelayClient({ origin: relay, signer: root, nowMs })

/**
 * Follows the household of a sheet from its root, and finds out who is in it. Safe to repeat.
 * @throws UNAVAILABLE; CALLER_REFUSED when this relay has no such household; KEYSET_FORK | KEYSET_INVALID | KEYSET_SUPERSEDED |
 *   LOG_PROOF_INVALID | CHECKPOINT_INVALID when what it shows does not hold
 */
export async function findHousehold(
  database: Database,
  { sheet, at }: { readonly sheet: RecoverySheet; readonly at: SheetRelay },
): Promise<FoundHousehold> {
  const root = createSigner(sheet.rootSeed)
  const asker = rootClient(at.relay, root)
  const { keysets } = await asker.json('GET', '/v1/keysets', keysetList)
  if (keysets[0] === undefined) throw new LatchkeyError('KEYSET_INVALID', 'the relay shows no list of phones')
  const keys = await keysFor(database, root)
  // What another relay said at an earlier try is no history of this one.
  await database.deleteAll([LOG_RECORD, EVIDENCE_RECORD])
  const begun = beginHome({ ...at, rootJwk: root.jwk }, keyset.parse(keysets[0].keyset), keys)
  const log = createLogKeeper(database, begun)
  await log.look()
  const { home, evidence } = await lookAtKeysets({ database, log, asker }, begun)
  const [fault] = evidence
  if (fault !== undefined) throw new LatchkeyError(fault.code, fault.message)
  const isSearched = await assertNothingHidden(home, log, keysets.at(-1)!.index + 1)
  const pending = pendingKeyset(chainOf(home))
  const { signer } = await phoneOf(keys)
  const isDone = includes(chainOf(home).at(-1)!.keyset, signer)
  const { recovery } = keysetInForce(chainOf(home)).payload.latchkey
  return {
    home,
    phones: phonesOf(home),
    otherFromMs: pending === null || isDone ? null : pending.payload.latchkey.effectiveMs,
    isDone,
    isSearched,
    opensClips: recovery === identityOf(sheet.recoverySecret).recipient,
  }
}

async function signRestoration(home: Home, root: Signer, lost: ReadonlySet<string>): Promise<string> {
  const { signer, opener } = await phoneOf(home.keys)
  const chain = chainOf(home)
  const { iss, latchkey } = keysetInForce(chain).payload
  const newest = chain.at(-1)!.keyset
  const kept = latchkey.members.filter((member) => !lost.has(thumbprintOfMember(member)))
  const members = [...kept, { signingKey: signer.jwk, recipient: opener.recipient, role: 'owner' as const }]
  const owners = members.filter(({ role }) => role === 'owner').length
  const at = nowMs()
  const next = {
    ...latchkey,
    version: newest.payload.latchkey.version + 1,
    previous: newest.digest,
    effectiveMs: at + ROOT_DELAY_MS + CLOCK_GRACE_MS,
    members,
    quorum: owners < 2 ? (1 as const) : latchkey.quorum,
  }
  return keyset.encode({ iss, iat: Math.floor(at / 1000), latchkey: next }, root)
}

/** When a restoration that is signed now takes effect. */
export const takesOverMs = (): number => nowMs() + ROOT_DELAY_MS + CLOCK_GRACE_MS

/**
 * Signs the keyset that adds this phone and takes out the lost ones, by the root, and publishes it: it waits from then on. Where
 * this phone is in the newest one, nothing is signed.
 * @param given.lost thumbprints
 * @returns the household with it, and with the sheet's recovery key where that opens clips
 * @throws what the relay refuses; KEYSET_INVALID when it does not show what it took
 */
export async function restoreHousehold(
  database: Database,
  found: FoundHousehold,
  { sheet, lost }: { readonly sheet: RecoverySheet; readonly lost: ReadonlySet<string> },
): Promise<Home> {
  const root = createSigner(sheet.rootSeed)
  const asker = rootClient(found.home.relay, root)
  if (!found.isDone) {
    const raw = await signRestoration(found.home, root, lost)
    await asker.json('POST', '/v1/keysets', keysetAccepted, { json: { keyset: raw } })
  }
  const log = createLogKeeper(database, found.home)
  const { home } = await lookAtKeysets({ database, log, asker }, found.home)
  const { signer } = await phoneOf(home.keys)
  if (!includes(chainOf(home).at(-1)!.keyset, signer))
    throw new LatchkeyError('KEYSET_INVALID', 'the relay does not show the list of phones that it took')
  return found.opensClips ? { ...home, recovery: await importOpening(sheet.recoverySecret) } : home
}

/** The household is kept: nothing of the way there is needed any more. */
export const endRestoration = (database: Database): Promise<void> => database.deleteAll([RECORD])
