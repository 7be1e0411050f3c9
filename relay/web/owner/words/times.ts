import { words } from './words.ts'

/** How this person's part of the world writes times in the app's language: 14:05 here, 2:05 PM there. */
const locale = navigator.languages.find((tag) => tag.split('-')[0] === words.language) ?? words.language

const day = new Intl.DateTimeFormat(locale, { weekday: 'long', day: 'numeric', month: 'long' })
const clock = new Intl.DateTimeFormat(locale, { hour: '2-digit', minute: '2-digit', second: '2-digit' })
const minute = new Intl.DateTimeFormat(locale, { hour: '2-digit', minute: '2-digit' })
const hour = new Intl.DateTimeFormat(locale, { hour: '2-digit', minute: '2-digit', timeZone: 'UTC' })
const date = new Intl.DateTimeFormat('en-CA', { dateStyle: 'short' })
const moment = new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeStyle: 'short' })

/** “Monday, 23 November”, by this phone's own zone. */
export const dayWords = (ms: number): string => day.format(ms)
/** “14:05:09”. */
export const clockWords = (ms: number): string => clock.format(ms)
/** “23 Nov 2026, 14:05”. */
export const momentWords = (ms: number): string => moment.format(ms)
/** “14:05”. */
export const minuteWords = (ms: number): string => minute.format(ms)
/** “18:00”, of an hour of the day. */
export const hourWords = (ofDay: number): string => hour.format(ofDay * 3_600_000)
/** A name for the day by this phone's own zone: the same for all of its moments. */
export const dayKey = (ms: number): string => date.format(ms)
