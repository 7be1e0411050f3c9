import { utf8 } from '../bytes/bytes.ts'
import { type Digest, digestOf } from '../crypto/hash.ts'
import { LatchkeyError } from '../errors.ts'
import type { ItemDescriptor } from '../wire/clip.ts'
import type { Consent } from '../wire/consent.ts'
import type { ClipRequest, Vertex } from '../wire/request.ts'

/** A consent before its notice is known: what the notice describes. */
export type ConsentDraft = Omit<Consent, 'latchkey'> & { readonly latchkey: Omit<Consent['latchkey'], 'notice'> }

/** Everything the words depend on. */
export interface NoticeFacts {
  readonly request: ClipRequest
  /** From the agency's log leaf, never from the request. */
  readonly agencyName: string
  readonly consent: ConsentDraft
  /** The named items, index order. */
  readonly items: readonly ItemDescriptor[]
  /** Minutes east of UTC in which times are written. */
  readonly utcOffsetMinutes: number
}

/** The version of the words that new consents are signed with. */
export const NOTICE_VERSION = 1

const two = (value: number) => String(value).padStart(2, '0')

function offsetText(minutes: number): string {
  const size = Math.abs(minutes)
  return `UTC${minutes < 0 ? '-' : '+'}${two(Math.floor(size / 60))}:${two(size % 60)}`
}

/** `2026-11-22 16:05:09 UTC+01:00`; no Intl, so that every machine writes the same bytes for ever. */
export function formatTime(ms: number, utcOffsetMinutes: number): string {
  const d = new Date(ms + utcOffsetMinutes * 60_000)
  const day = `${d.getUTCFullYear()}-${two(d.getUTCMonth() + 1)}-${two(d.getUTCDate())}`
  return `${day} ${two(d.getUTCHours())}:${two(d.getUTCMinutes())}:${two(d.getUTCSeconds())} ${offsetText(utcOffsetMinutes)}`
}

function degrees(micro: number): string {
  const size = Math.abs(micro)
  return `${micro < 0 ? '-' : ''}${Math.floor(size / 1e6)}.${String(size % 1e6)
    .padStart(6, '0')
    .slice(0, 5)}`
}

function areaText(area: readonly Vertex[]): string {
  const latitudes = area.map(([latitude]) => latitude)
  const longitudes = area.map(([, longitude]) => longitude)
  const [south, north] = [Math.min(...latitudes), Math.max(...latitudes)]
  const [west, east] = [Math.min(...longitudes), Math.max(...longitudes)]
  return `between latitude ${degrees(south)} and ${degrees(north)}, longitude ${degrees(west)} and ${degrees(east)}`
}

/** `1 day`, `2 days`. */
const counted = (count: number, thing: string) => `${count} ${thing}${count === 1 ? '' : 's'}`

function countText(items: readonly ItemDescriptor[]): string {
  const count = (kind: ItemDescriptor['kind']) => items.filter((item) => item.kind === kind).length
  const seconds = items.filter((item) => item.kind === 'media').reduce((sum, item) => sum + item.durationMs, 0) / 1000
  const parts = [`${counted(count('media'), 'video piece')}, ${seconds.toFixed(1)} seconds`]
  parts.push(count('audio') > 0 ? counted(count('audio'), 'sound piece') : 'no sound')
  if (count('poster') > 0) parts.push('a still picture')
  if (count('meta') > 0) parts.push('the camera name and what started the recording')
  return parts.join(', ')
}

function mediaSpan(items: readonly ItemDescriptor[]): { startMs: number; endMs: number } {
  const timed = items.filter((item) => item.kind === 'media' || item.kind === 'audio')
  const shown = timed.length > 0 ? timed : items
  return {
    startMs: Math.min(...shown.map((item) => item.startMs)),
    endMs: Math.max(...shown.map((item) => item.startMs + item.durationMs)),
  }
}

function english1({ request, agencyName, consent, items, utcOffsetMinutes }: NoticeFacts): string[] {
  const [asked] = request.authorization_details
  const time = (ms: number) => formatTime(ms, utcOffsetMinutes)
  const span = mediaSpan(items)
  return [
    'You are asked to share a recording from your doorbell camera, a surveillance camera.',
    'This is a question, not an order. You may ignore it. Nobody will be told.',
    '',
    `Who asks: ${agencyName} (${request.iss})`,
    `Contact: ${request.latchkey.contact}`,
    `Case number: ${request.latchkey.caseNumber}`,
    `What happened: ${request.latchkey.incidentType}`,
    `Their words: ${request.latchkey.reason}`,
    `Where: ${areaText(asked!.area)}`,
    `When they ask about: ${time(asked!.window.startMs)} to ${time(asked!.window.endMs)}`,
    '',
    `What you send: ${time(span.startMs)} to ${time(span.endMs)}; ${countText(items)}`,
    consent.latchkey.disclosure === null
      ? 'About you: nothing'
      : 'About you: the details that you ticked, sealed to them',
    `What for: ${consent.latchkey.purpose}`,
    `How long they promise to keep it: ${counted(consent.latchkey.retentionDays, 'day')}`,
    `Not before: ${time(consent.nbf * 1000)}. Until then you can undo this without a trace.`,
    `Until: ${time(consent.exp * 1000)}, at most ${counted(consent.latchkey.maxDownloads, 'download')}`,
    'After it is downloaded it cannot be called back; you can only tell them, on record, that you take it back.',
  ]
}

/** Released tables never change: an old consent must re-render for ever. */
const TABLES: Readonly<Record<string, (facts: NoticeFacts) => string[]>> = { '1 en': english1 }

/**
 * The words an owner reads before signing, byte for byte the same on every machine. Pure.
 * @throws CONSENT_NOTICE for a version and language that was never released
 * @see spec/consent.md
 */
export function renderNotice(version: number, language: string, facts: NoticeFacts): string {
  const table = TABLES[`${version} ${language}`]
  if (!table) throw new LatchkeyError('CONSENT_NOTICE', `there is no notice version ${version} in that language`)
  return `${table(facts).join('\n')}\n`
}

/** Digest that stands in the consent. */
export function noticeDigest(text: string): Digest {
  return digestOf(utf8(text))
}
