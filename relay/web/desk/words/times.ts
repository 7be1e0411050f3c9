import { words } from './words.ts'

/** How this person's part of the world writes times in the desk's language. */
const locale = navigator.languages.find((tag) => tag.split('-')[0] === words.language) ?? words.language

const local = new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeStyle: 'short' })
const date = new Intl.DateTimeFormat(locale, { dateStyle: 'medium' })

/** “23 Nov 2026, 14:05”, by this computer's zone. */
export const momentWords = (ms: number): string => local.format(ms)
/** “23 Nov 2026”. */
export const dateWords = (ms: number): string => date.format(ms)
/** “2026-11-23 14:05 UTC”: what the signed request says, whatever zone reads it. */
export const utcWords = (ms: number): string => `${new Date(ms).toISOString().slice(0, 16).replace('T', ' ')} UTC`
