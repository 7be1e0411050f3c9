/** Which of two sets of rules lets more be asked, taken or kept: what the public must hear of before it counts. */
import { canonicalJson } from '../bytes/canonical-json.ts'
import type { Policy, TemplateEntry } from '../wire/policy.ts'
import { templateEntry } from './request-templates.ts'

const DAY_MS = 24 * 3_600_000
/** Of rules that say nothing of it: those that were made before there was a notice. */
const USUAL_NOTICE_MS = 14 * DAY_MS

/** How long rules that are looser than these must be announced, ms. */
export const policyNoticeMsOf = ({ policyNoticeMs }: Policy): number => policyNoticeMs ?? USUAL_NOTICE_MS

/** One limit that a policy loosens. */
export interface LooserRule {
  /** Where it stands in the policy: `window.maximumAgeMs`. */
  readonly key: string
  /** A sentence's worth for people, without a full stop. */
  readonly words: string
}

type PathsOf<T> = {
  [K in keyof T & string]-?: NonNullable<T[K]> extends readonly unknown[]
    ? K
    : NonNullable<T[K]> extends object
      ? `${K}.${PathsOf<NonNullable<T[K]>>}`
      : K
}[keyof T & string]

type Value = string | number | readonly string[] | readonly number[] | readonly TemplateEntry[] | undefined
/** What gets looser from one value to the other, in words; null where nothing does. */
type Judge = (before: Value, after: Value) => string | null

const count = (n: number, unit: string): string => `${n.toLocaleString('en-US')} ${unit}${n === 1 ? '' : 's'}`
const number = (n: number): string => n.toLocaleString('en-US')
const squareMetres = (n: number): string => `${number(n)} m²`
const days = (n: number): string => count(n, 'day')

/** The largest unit that the time is whole numbers of. */
function span(ms: number): string {
  if (ms === 0) return 'no time'
  const units: [number, string][] = [
    [DAY_MS, 'day'],
    [3_600_000, 'hour'],
    [60_000, 'minute'],
    [1_000, 'second'],
  ]
  const [unitMs, unit] = units.find(([size]) => ms % size === 0) ?? [1, 'millisecond']
  return count(ms / unitMs, unit)
}
const seconds = (n: number): string => span(n * 1000)

const compared =
  (isLooser: (before: number, after: number) => boolean) =>
  (words: string, text: (value: number) => string): Judge =>
  (before, after) =>
    isLooser(Number(before), Number(after))
      ? words.replace('…', `${text(Number(after))} instead of ${text(Number(before))}`)
      : null
/** Looser when it grows. */
const most = compared((before, after) => after > before)
/** Looser when it shrinks. */
const least = compared((before, after) => after < before)

const listOf = (value: Value): readonly unknown[] => (typeof value === 'object' ? value : [])
const without = (list: Value, other: Value) => listOf(list).filter((one) => !listOf(other).includes(one))
const added =
  (words: string): Judge =>
  (before, after) => {
    const more = without(after, before)
    return more.length === 0 ? null : words.replace('…', more.join(', '))
  }
const removed =
  (words: string): Judge =>
  (before, after) =>
    added(words)(after, before)

/** What owners may choose between is looser when the shortest or the longest of it is longer. */
const choices: Judge = (before, after) => {
  const [old, next] = [listOf(before).map(Number), listOf(after).map(Number)]
  const longest = most('an owner may choose to let recordings be kept for …', days)(Math.max(...old), Math.max(...next))
  return longest ?? most('the shortest time that an owner may choose is …', days)(Math.min(...old), Math.min(...next))
}

/** A text that nobody could ask with before, or a known name under which the words may be others than before. */
const texts: Judge = (before, after) => {
  const entries = (value: Value) => (listOf(value) as TemplateEntry[]).map(templateEntry)
  const known = new Map(entries(before).map(({ id, digest }) => [id, digest]))
  const changed = ({ id, digest }: ReturnType<typeof templateEntry>) => {
    const bound = known.get(id) ?? null
    return bound !== null && bound !== digest
  }
  const ids = (found: readonly { readonly id: string }[]) => found.map(({ id }) => id).join(', ')
  const added = ids(entries(after).filter(({ id }) => !known.has(id)))
  const others = ids(entries(after).filter(changed))
  const words = [added && `new texts to ask with: ${added}`, others && `other words under a known name: ${others}`]
  return words.filter(Boolean).join('; ') || null
}

/** A name: another one lets nobody do more. */
const nothing: Judge = () => null
const notice = (value: Value): number => Number(value ?? USUAL_NOTICE_MS)

/** Every key of a policy, and when another value of it is looser. */
const JUDGES: Readonly<Record<PathsOf<Policy>, Judge>> = {
  v: nothing,
  region: nothing,
  version: nothing,
  'area.minimumM2': least('an area may be as small as …', squareMetres),
  'area.maximumM2': most('an area may be as large as …', squareMetres),
  'window.minimumMs': least('the time asked about may be as short as …', span),
  'window.maximumMs': most('the time asked about may be as long as …', span),
  'window.maximumAgeMs': most('requests may reach back …', span),
  areaTimeM2Hours: most('area times hours may be …', (n) => `${number(n)} m²·h`),
  'requestLifeSeconds.default': most('requests usually stay open for …', seconds),
  'requestLifeSeconds.maximum': most('requests may stay open for …', seconds),
  requestsPerCase: most('one case may have …', (n) => count(n, 'request')),
  'agencyLimits.perDay': most('one agency may ask … a day', (n) => count(n, 'time')),
  'agencyLimits.per30Days': most('one agency may ask … in 30 days', (n) => count(n, 'time')),
  'agencyLimits.open': most('one agency may have … open at once', (n) => count(n, 'request')),
  agencyNoticeMs: least('a new agency or key is announced for …', span),
  policyNoticeMs: (before, after) => least('looser rules are announced for …', span)(notice(before), notice(after)),
  outcomeDueMs: most('what came of a request is due only after …', span),
  incidentTypes: added('may now be asked about: …'),
  refusedIncidentTypes: removed('no longer on the list of what is refused: …'),
  refusedCaseNumbers: removed('no longer refused as a placeholder for a case number: …'),
  agencyKinds: added('may now take part: …'),
  refusedAgencyKinds: removed('no longer on the list of who may not take part: …'),
  templates: texts,
  'consent.purposes': added('recordings may now be given for: …'),
  'consent.undoSeconds': least('an owner can take a yes back for …', seconds),
  'consent.lifeSeconds': most('a yes lives for …', seconds),
  'consent.maxDownloads': most('a yes is good for …', (n) => count(n, 'download')),
  'consent.toleranceSeconds': most('the time to take a yes back may be cut by …', seconds),
  'retentionDays.default': most('recordings are usually kept for …', days),
  'retentionDays.maximum': most('recordings may be kept for …', days),
  'retentionDays.selectable': choices,
  downloadGraceSeconds: most('a download may be repeated for …', seconds),
}

/** Every key that a policy is judged by, in the order in which pages tell them. */
export const JUDGED_POLICY_KEYS: readonly string[] = Object.keys(JUDGES)

function valuesOf(value: object, prefix = ''): [string, Value][] {
  return Object.entries(value).flatMap(([key, inner]: [string, unknown]) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? valuesOf(inner, `${prefix}${key}.`)
      : [[`${prefix}${key}`, inner as Value] as [string, Value]],
  )
}

/** What nobody has judged counts as looser when it changes. */
const unknownKey =
  (key: string): Judge =>
  (before, after) =>
    canonicalJson(before ?? null) === canonicalJson(after ?? null) ? null : `“${key}” changes`

/**
 * What of `next` is looser than `inForce`, in the order of {@link JUDGED_POLICY_KEYS}; a key that is not among them and
 * changes is looser. Pure: relay, phone, desk, monitor and public record come to the same list.
 * @returns empty when it is as strict or stricter in everything
 * @see spec/policy.md
 */
export function looserRules(inForce: Policy, next: Policy): LooserRule[] {
  const [before, after] = [new Map(valuesOf(inForce)), new Map(valuesOf(next))]
  const keys = new Set([...JUDGED_POLICY_KEYS, ...before.keys(), ...after.keys()])
  return [...keys].flatMap((key) => {
    const judge = Object.hasOwn(JUDGES, key) ? JUDGES[key as keyof typeof JUDGES] : unknownKey(key)
    const words = judge(before.get(key), after.get(key))
    return words === null ? [] : [{ key, words }]
  })
}
