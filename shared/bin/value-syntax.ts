import { LatchkeyError } from '../src/errors.ts'
import { AgencyUri, Origin } from '../src/wire/fields.ts'
import { createValidator } from '../src/wire/schema.ts'
import type { MicroPoint } from '../src/area/polygon.ts'

const agencyUri = createValidator(AgencyUri)
const origin = createValidator(Origin)
const TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,3})?)?(Z|[+-]\d{2}:\d{2})$/
const PLACE = /^(-?)(\d{1,3})(?:\.(\d{1,6}))?$/

const usage = (message: string) => new LatchkeyError('USAGE', message)

/** RFC 3339 time with its offset → UTC ms. A time without one means something else on every machine. @throws USAGE */
export function parseTime(text: string): number {
  const ms = TIME.test(text) ? Date.parse(text) : Number.NaN
  if (!Number.isSafeInteger(ms) || ms < 0)
    throw usage(`'${text}' is not a time with its offset, such as 2026-11-22T16:00:00Z`)
  return ms
}

/** `FROM/TO`, an ISO 8601 interval. @throws USAGE */
export function parseInterval(text: string): { startMs: number; endMs: number } {
  const [from, to, ...rest] = text.split('/')
  if (from === undefined || to === undefined || rest.length > 0)
    throw usage('--window is FROM/TO, such as 2026-11-22T16:00:00Z/2026-11-22T17:00:00Z')
  return { startMs: parseTime(from), endMs: parseTime(to) }
}

/** Decimal degrees → whole microdegrees, by digits: a float would round. */
function parseMicrodegrees(text: string): number {
  const [, sign, degrees, fraction = ''] = PLACE.exec(text) ?? []
  if (degrees === undefined) throw usage(`'${text}' is not degrees with at most 6 decimals, such as 52.520008`)
  const micro = Number(degrees) * 1_000_000 + Number(fraction.padEnd(6, '0'))
  return sign === '-' && micro > 0 ? -micro : micro
}

/** `lat,lon lat,lon …` → vertices in microdegrees. Whether it is an area is for `checkRequest`. @throws USAGE */
export function parseArea(text: string): MicroPoint[] {
  const points = text.trim().split(/\s+/)
  if (points.length < 3 || points.length > 64) throw usage('--area needs 3 to 64 points "lat,lon lat,lon lat,lon"')
  return points.map((point) => {
    const [latitude, longitude, ...rest] = point.split(',')
    if (latitude === undefined || longitude === undefined || rest.length > 0)
      throw usage(`'${point}' is not lat,lon without a space`)
    return [parseMicrodegrees(latitude), parseMicrodegrees(longitude)]
  })
}

/** `default`, or indexes and ranges such as `0-3,7`. @throws USAGE */
export function parseItems(text: string): number[] | 'default' {
  if (text === 'default') return text
  return text.split(',').flatMap((part) => {
    const [, first, last] = /^(\d{1,4})(?:-(\d{1,4}))?$/.exec(part) ?? []
    if (first === undefined) throw usage(`'${part}' is not an item index or a range such as 0-3`)
    const [from, to] = [Number(first), Number(last ?? first)]
    if (to < from) throw usage(`the range ${part} runs backwards`)
    return Array.from({ length: to - from + 1 }, (_, i) => from + i)
  })
}

/** A whole number ≥ 1. @throws USAGE */
export function parseCount(text: string, what: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw usage(`${what} is not a whole number`)
  return Number(text)
}

/** `https://agency.example`. @throws USAGE */
export function parseAgencyUri(text: string): string {
  const isUri: boolean = agencyUri.check(text)
  if (!isUri) throw usage(`'${text}' is not an agency address such as https://police.example`)
  return text
}

/** `https://relay.example` or, on loopback, `http://127.0.0.1:8080`. @throws USAGE */
export function parseOrigin(text: string): string {
  if (!origin.check(text) || !URL.canParse(text) || new URL(text).origin !== text)
    throw usage(`'${text}' is not an origin such as https://relay.example`)
  return text
}

/** `NAME=VALUE`. @throws USAGE */
export function parsePair(text: string, what: string): [name: string, value: string] {
  const at = text.indexOf('=')
  if (at < 1 || at === text.length - 1) throw usage(`${what} is written NAME=FILE`)
  return [text.slice(0, at), text.slice(at + 1)]
}
