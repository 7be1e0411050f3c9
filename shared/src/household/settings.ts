import { canonicalJson } from '../bytes/canonical-json.ts'
import { fromUtf8, utf8 } from '../bytes/bytes.ts'
import type { HeaderOpener, Signer } from '../crypto/keys.ts'
import { openFileWith, sealFile } from '../crypto/seal.ts'
import { LatchkeyError } from '../errors.ts'
import type { Signed } from '../wire/jws.ts'
import type { Keyset } from '../wire/keyset.ts'
import { type HouseholdSettings, householdSettings, type QuietHours, type SettingsChoices } from '../wire/settings.ts'
import { signingMember } from './keyset-chain.ts'

/** As the relay takes them: a header of sixteen members and a signed object of 16 KiB are half of it. */
export const MAX_SETTINGS_BYTES = 65_536

/** What a household wants that never said anything: no question is shown. */
export const FIRST_CHOICES: SettingsChoices = {
  doors: [],
  requests: { on: false, muted: [], pausedUntilMs: null },
  quiet: null,
  pushHour: null,
  members: [],
}

function assertDistinct({ doors, members }: SettingsChoices): void {
  const twice = (keys: readonly string[]) => new Set(keys).size !== keys.length
  if (twice(doors.map(({ device }) => device)) || twice(members.map(({ thumbprint }) => thumbprint)))
    throw new LatchkeyError('MESSAGE_INVALID', 'settings name a camera or a member twice')
}

/**
 * Signs choices and seals them to every member of the keyset in force; nobody else reads them, the recovery key neither.
 * @param given.revision one more than that of the settings they replace; 1 for the first
 * @returns an age file of at most {@link MAX_SETTINGS_BYTES}
 * @throws MESSAGE_INVALID | TEXT_INVALID | MESSAGE_TOO_LARGE
 * @see spec/settings.md
 */
export async function sealSettings(
  choices: SettingsChoices,
  given: { readonly keyset: Keyset; readonly signer: Signer; readonly revision: number; readonly nowSeconds: number },
): Promise<Uint8Array> {
  assertDistinct(choices)
  const { keyset, signer, revision, nowSeconds } = given
  const payload = { iss: keyset.iss, iat: nowSeconds, latchkey: { v: 1 as const, revision, choices } }
  const raw = await householdSettings.encode(payload, signer)
  return sealFile(
    utf8(raw),
    keyset.latchkey.members.map(({ recipient }) => recipient),
  )
}

/**
 * Opens settings and believes them only when an owner of the keyset in force signed them for this household.
 * Untrusted: `file`; the relay could have made one itself, or kept an older one.
 * @param given.atLeast highest revision that this phone has seen; 0 for none
 * @throws MESSAGE_TOO_LARGE | AGE_HEADER_INVALID | AGE_NO_MATCH | AGE_PAYLOAD_INVALID | SIGNATURE_INVALID (not an owner's, or
 *   of another household) | CONFLICT (older than what was seen) | the codes of parsing
 */
export async function openSettings(
  file: Uint8Array,
  opener: HeaderOpener,
  given: { readonly keyset: Keyset; readonly atLeast: number },
): Promise<Signed<HouseholdSettings>> {
  if (file.length > MAX_SETTINGS_BYTES)
    throw new LatchkeyError('MESSAGE_TOO_LARGE', `settings have at most ${MAX_SETTINGS_BYTES} bytes`)
  const signed = householdSettings.parse(fromUtf8(await openFileWith(file, opener)))
  const { iss, latchkey } = signed.payload
  if (iss !== given.keyset.iss || signingMember(given.keyset, signed)?.role !== 'owner')
    throw new LatchkeyError('SIGNATURE_INVALID', 'these settings are not by an owner of this household')
  assertDistinct(latchkey.choices)
  if (latchkey.revision < given.atLeast)
    throw new LatchkeyError('CONFLICT', `revision ${latchkey.revision} is older than ${given.atLeast}, which was seen`)
  return signed
}

/** In an object, because a missing entry is a value here and JSON has none for it. */
const same = (a: unknown, b: unknown) => canonicalJson({ value: a }) === canonicalJson({ value: b })

/** Of three versions of one value: what changed on one side only wins; `both` decides where both sides changed it. */
function mergeValue<T>(base: T, mine: T, theirs: T, both: (mine: T, theirs: T) => T): T {
  if (same(mine, base)) return theirs
  if (same(theirs, base) || same(mine, theirs)) return mine
  return both(mine, theirs)
}

/** {@link mergeValue} entry by entry; the order is theirs, then what only I added. */
function mergeEntries<T>(
  [base, mine, theirs]: readonly [readonly T[], readonly T[], readonly T[]],
  keyOf: (entry: T) => string,
): T[] {
  const [was, here, there] = [base, mine, theirs].map(
    (entries) => new Map(entries.map((entry) => [keyOf(entry), entry])),
  )
  return [...new Set([...there!.keys(), ...here!.keys()])].flatMap((key) => {
    // What one side changed and the other removed is kept: a name too many is seen, a camera lost is not.
    const merged = mergeValue(was!.get(key), here!.get(key), there!.get(key), (a, b) => a ?? b)
    return merged === undefined ? [] : [merged]
  })
}

/**
 * One set of choices out of two that were made at once, after a lost race at the relay. Where both phones changed the same
 * thing, what asks less of the household wins (off over on, the longer pause), else what this phone's owner just said.
 * @param base what both began with; {@link FIRST_CHOICES} when there was nothing
 * @returns choices that may hold more entries than a list allows: {@link sealSettings} then says so
 */
export function mergeSettings(base: SettingsChoices, mine: SettingsChoices, theirs: SettingsChoices): SettingsChoices {
  const [was, here, there] = [base.requests, mine.requests, theirs.requests]
  const preferMine = <T>(ours: T) => ours
  return {
    doors: mergeEntries([base.doors, mine.doors, theirs.doors], ({ device }) => device),
    requests: {
      on: mergeValue(was.on, here.on, there.on, (a, b) => a && b),
      muted: mergeEntries([was.muted, here.muted, there.muted], (uri) => uri),
      pausedUntilMs: mergeValue(was.pausedUntilMs, here.pausedUntilMs, there.pausedUntilMs, (a, b) =>
        Math.max(a ?? 0, b ?? 0),
      ),
    },
    quiet: mergeValue(base.quiet, mine.quiet, theirs.quiet, preferMine),
    pushHour: mergeValue(base.pushHour, mine.pushHour, theirs.pushHour, preferMine),
    members: mergeEntries([base.members, mine.members, theirs.members], ({ thumbprint }) => thumbprint),
  }
}

/** Is this minute of the local day inside quiet hours? The first minute is, the last is not. */
export function isQuietAt(quiet: QuietHours | null, minuteOfDay: number): boolean {
  if (quiet === null) return false
  const { fromMinute, toMinute } = quiet
  if (fromMinute === toMinute) return true
  return fromMinute < toMinute
    ? minuteOfDay >= fromMinute && minuteOfDay < toMinute
    : minuteOfDay >= fromMinute || minuteOfDay < toMinute
}
